"""The measured routes: requests of wrk, and their figures."""

import dataclasses
import json
import os
import pathlib
import re

import programs

SCRIPT = pathlib.Path(__file__).with_name("requests.lua")


@dataclasses.dataclass
class Route:
    """A path, the kind of its requests, and the statement to which the database alone is put."""

    path: object
    statement: str
    kind: str = "get"


ROUTES = {
    "verify": Route(lambda server: "/verify-token", "point"),
    "list100": Route(lambda server: f"/drive/{server.hundred}", "list"),
    "download": Route(lambda server: f"/file/{server.file}", "point"),
    "mkdir": Route(lambda server: "/drive", "insert", "folder"),
    "upload4k": Route(lambda server: "/file", "insert", "upload"),
    "page100k": Route(lambda server: f"/drive/{server.many}", "page"),
}


@dataclasses.dataclass
class Figures:
    """Of some seconds of requests: their rate, and milliseconds."""

    rate: float
    p50: float
    p99: float
    errors: int


def load(url, connections, seconds, **environment):
    """Sends requests over this many connections for this long."""
    command = ["wrk", "--threads=2", f"--connections={connections}", f"--duration={seconds}s", "--timeout=10s"]
    printed = programs.output([*command, f"--script={SCRIPT}", url], env={**programs.ENVIRONMENT, **environment})
    result = json.loads(re.search(r"RESULT (.*)", printed)[1])
    rate = result["requests"] / (result["microseconds"] / 1e6)
    return Figures(rate, result["p50"] / 1000, result["p99"] / 1000, result["errors"])


def measure(server, route, connections, seconds):
    environment = {"TOKEN": server.token, "KIND": route.kind, "FOLDER": server.made, "RUN": os.urandom(6).hex()}
    return load(server.base + route.path(server), connections, seconds, **environment)
