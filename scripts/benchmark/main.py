"""Measures a server next to what the machine can do without it. Started by scripts/load."""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import time

import files
import nginx
import routes
from database import Database
from routes import ROUTES
from server import VARIABLES, Server

# The allocator gives unused memory back within ten seconds.
IDLE_SECONDS = 12

MEASURED, COMPARED = "this", "older"

# What can be measured alone: a route, or files of 1 GiB.
PARTS = [*ROUTES, "files"]


def part(name):
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name}: there are only {', '.join(PARTS)}")
    return name


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/load", description=__doc__)
    parser.add_argument("what", nargs="*", type=part, metavar="PART", help=f"one of {', '.join(PARTS)}; default: all")
    parser.add_argument("--server", required=True, metavar="BINARY", help="measure this one, and build none")
    parser.add_argument("--against", metavar="BINARY", help="alternate with this one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="a figure")
    parser.add_argument("--connections", default="32,256", help="of the figures, then others to compare the rate at")
    given = parser.parse_args()
    given.what = given.what or PARTS
    given.connections = [int(count) for count in given.connections.split(",")]
    given.builds = {MEASURED: os.path.realpath(given.server)}
    if given.against:
        given.builds[COMPARED] = os.path.realpath(given.against)
    return given


def progress(text):
    print(text, file=sys.stderr, flush=True)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def heading(*cells):
    print()
    row(*cells)
    row(*["---"] * len(cells))


def quotient(figures, others):
    """The median of the rounds' quotients."""
    return statistics.median(figure / other for figure, other in zip(figures, others))


class Measurement:
    def __init__(self, given, work):
        self.given, self.work = given, work
        self.errors = 0

    def in_turn(self, number, servers):
        """In each round another build comes first."""
        return servers if number % 2 == 0 else servers[::-1]

    def columns(self, *names):
        return [*names, *([f"{MEASURED} / {COMPARED}"] if self.given.against else [])]

    def compared(self, build, rates, others=()):
        """The cell for the median quotient of rates and those of the compared build in the same rounds."""
        if not self.given.against:
            return []
        return [f"{quotient(rates, others):.2f}" if build == MEASURED else ""]

    # --- start and memory

    def starts(self, servers):
        """Prints how long servers take to start and what they need when idle. They stay."""
        times = {server: [] for server in servers}
        for number in range(self.given.rounds + 1):
            for server in self.in_turn(number, servers):
                if number > 0:
                    server.stop()
                times[server].append(server.start())
        time.sleep(IDLE_SECONDS)
        heading("stack", "build", "first start, ms", "later start, ms", "idle, MiB resident")
        for server in servers:
            first, *later = times[server]
            row(server.stack, server.build, f"{first:.0f}", f"{statistics.median(later):.0f}", f"{server.memory():.1f}")

    # --- routes

    def routes(self, database, servers):
        main, *others = self.given.connections
        wide = [f"{count} / {main} connections" for count in others]
        latencies = ["p50, ms", "p99, ms", "p99 / p50"]
        columns = ["route", "stack", "build", "database alone, 1/s", "requests/s", "ratio", *latencies, *wide, "errors"]
        heading(*self.columns(*columns))
        for name in [name for name in ROUTES if name in self.given.what]:
            self.route(name, database, servers)

    def route(self, name, database, servers):
        route, seconds = ROUTES[name], self.given.seconds
        # The figures of each server by numbers of connections, one a round.
        limits, figures = [], {server: {count: [] for count in self.given.connections} for server in servers}
        for number in range(self.given.rounds):
            limits.append(database.statements_per_second(route.statement, seconds))
            for server in self.in_turn(number, servers):
                for count, found in figures[server].items():
                    found.append(routes.measure(server, route, count, seconds))
                    rate = f"{found[-1].rate:.0f}/s, the database alone {limits[-1]:.0f}/s"
                    progress(f"round {number + 1}, {name}, {server.name}, {count} connections: {rate}")
        rates = {
            server: {count: [one.rate for one in found] for count, found in counts.items()}
            for server, counts in figures.items()
        }
        main, *others = self.given.connections
        for server, counts in figures.items():
            rate = rates[server][main]
            half, tail = (statistics.median(getattr(one, which) for one in counts[main]) for which in ("p50", "p99"))
            wide = [f"{quotient(rates[server][count], rate):.2f}" for count in others]
            errors = sum(one.errors for found in counts.values() for one in found)
            self.errors += errors
            limit = f"{statistics.median(limits):.0f}"
            figure = [f"{statistics.median(rate):.0f}", f"{quotient(rate, limits):.2f}"]
            latencies = [f"{half:.1f}", f"{tail:.1f}", f"{tail / half:.1f}"]
            older = [rates[one][main] for one in servers if (one.stack, one.build) == (server.stack, COMPARED)]
            compared = self.compared(server.build, rate, *older)
            row(name, server.stack, server.build, limit, *figure, *latencies, *wide, errors, *compared)

    def bare(self):
        """Prints what nginx does without any work: the rate of HTTP on this machine."""
        with nginx.running(f"{self.work}/bare") as web:
            found = routes.load(f"{web.url}/empty", self.given.connections[0], self.given.seconds, TOKEN="", KIND="get")
        print(f"\nnginx, `return 200`: {found.rate:.0f}/s")

    # --- files

    def files(self):
        """Each round on new servers, whose directories are deleted with them."""
        source = files.create_source(self.work)
        seconds, peaks = {}, {build: [] for build in self.given.builds}
        for number in range(self.given.rounds):
            for way, taken in files.raw(source, self.work).items():
                seconds.setdefault(("", way), []).append(taken)
            for build, binary in self.in_turn(number, list(self.given.builds.items())):
                directory = f"{self.work}/files-{build}"
                with Server(build, binary, "SQLite", directory) as server:
                    taken, peak = files.through(server, source, self.work)
                shutil.rmtree(directory)
                peaks[build].append(peak)
                for way, time_taken in taken.items():
                    seconds.setdefault((build, way), []).append(time_taken)
                progress(f"round {number + 1}, 1 GiB, {build}: peak {peak:.1f} MiB")
        speeds = {key: [files.SIZE / 1e6 / taken for taken in found] for key, found in seconds.items()}
        heading(*self.columns("1 GiB", "build", "MB/s", "of nginx", "of dd"))
        for (build, way), speed in speeds.items():
            is_up = "GET" not in way
            beside = quotient(speed, speeds["", "nginx PUT" if is_up else "nginx GET"])
            synced = f"{quotient(speed, speeds['', 'dd, synced']):.2f}" if is_up else ""
            compared = self.compared(build, speed, speeds.get((COMPARED, way), ()))
            row(way, build, f"{statistics.median(speed):.0f}", f"{beside:.2f}", synced, *compared)
        for build, found in peaks.items():
            print(f"\nPeak resident memory meanwhile, {build}: {max(found):.1f} MiB")

    def run(self):
        if set(self.given.what) & set(ROUTES):
            with Database(f"{self.work}/postgres").running() as database, contextlib.ExitStack() as stack:
                servers = []
                for kind in VARIABLES:
                    for build, binary in self.given.builds.items():
                        of = database if kind == "PostgreSQL" else None
                        servers.append(Server(build, binary, kind, f"{self.work}/{kind.lower()}-{build}", of))
                for server in servers:
                    stack.callback(server.stop)
                self.starts(servers)
                for server in servers:
                    server.furnish()
                self.bare()
                self.routes(database, servers)
                print()
                for server in servers:
                    print(f"Peak resident memory, {server.stack}, {server.build}: {server.memory('VmHWM'):.1f} MiB")
        if "files" in self.given.what:
            self.files()
        if self.errors:
            raise SystemExit(f"{self.errors} answers were errors")


def main():
    given = arguments()
    # An end by SIGTERM stops what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = tempfile.mkdtemp(prefix="clouddrive-load.", dir=os.environ.get("MEASURE_DIR", "/tmp"))
    os.chmod(work, 0o755)
    try:
        Measurement(given, work).run()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
