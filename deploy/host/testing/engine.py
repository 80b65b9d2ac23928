"""Mock of a container engine for deploy/host/switch.

A container is a local process: ./server.py, or a program that listens on BIND_ADDR.
"""

import hashlib
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent

# The `docker` of the scenarios: passes its arguments to the engine and prints its output.
CLIENT = r"""
call() {{
  exec 3<>/dev/tcp/127.0.0.1/{port}
  printf '%s\0' "$#" "$@" >&3
  IFS= read -r status <&3
  while IFS= read -r line; do if [ "$status" -eq 0 ]; then echo "$line"; else echo "$line" >&2; fi; done <&3
  return "$status"
}}
"""


class Failed(Exception):
    """An error of docker."""


def identity(image):
    return image if image.startswith("sha256:") else "sha256:" + hashlib.sha256(image.encode()).hexdigest()


class Engine:
    """Containers and images of one host."""

    def __init__(self, directory, program=None):
        self.directory, self.program = directory, program
        self.images, self.containers, self.killed = {}, {}, []
        engine = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                def word():
                    text = b""
                    while (byte := self.rfile.read(1)) not in (b"\0", b""):
                        text += byte
                    return text.decode()

                arguments = [word() for _ in range(int(word()))]
                try:
                    status, text = 0, engine.run(arguments) or ""
                except Failed as fault:
                    status, text = 1, f"Error: {fault}\n"
                except Exception as fault:
                    status, text = 125, f"the stand-in does not know how: {arguments}: {fault!r}\n"
                try:
                    self.wfile.write(f"{status}\n{text}".encode())
                except OSError:
                    pass  # the client was killed

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        for container in self.containers.values():
            container["process"].kill()
            container["process"].wait()

    def find(self, name):
        if name not in self.containers:
            raise Failed(f"No such container: {name}")
        return self.containers[name]

    def run(self, arguments):
        match arguments:
            case ["version"]:
                return "stand-in\n"
            case ["pull", "--quiet", image]:
                if "none" in image:
                    raise Failed("manifest unknown")
                self.images[identity(image)] = image
                return identity(image) + "\n"
            case ["image", "inspect", "--format", "{{.Id}}", image]:
                if identity(image) not in self.images:
                    raise Failed("no such image")
                return identity(image) + "\n"
            case ["image", "rm", image]:
                if any(container["image"] == image for container in self.containers.values()):
                    raise Failed("the image is in use")
                del self.images[image]
            case ["container", "inspect", name]:
                self.find(name)
            case ["container", "inspect", "--format", "{{.State.Running}}", name]:
                return f"{self.find(name)['process'].poll() is None}\n".lower()
            case ["container", "inspect", "--format", "{{.RestartCount}}", name]:
                self.find(name)
                return "0\n"
            case ["container", "inspect", "--format", "{{.Image}}", name]:
                return self.find(name)["image"] + "\n"
            case ["container", "inspect", "--format", '{{index .Config.Labels "clouddrive.settings"}}', name]:
                return self.find(name)["labels"]["clouddrive.settings"] + "\n"
            case ["run", "--detach", *options, image]:
                self.make(options, image)
            case ["start", name]:
                self.launch(name)
            case ["stop", "-t", seconds, name]:
                process = self.find(name)["process"]
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(float(seconds))
                except subprocess.TimeoutExpired:
                    self.killed.append(name)
                    process.kill()
                    process.wait()
            case ["rm", "--volumes", name]:
                if self.find(name)["process"].poll() is None:
                    raise Failed("it is running")
                del self.containers[name]
            case ["logs", "--tail", "20", name]:
                self.find(name)
                return (self.directory / f"{name}.log").read_text()
            case _:
                raise Failed("unknown command")

    def make(self, options, image):
        container = {"environment": {}, "ports": {}, "labels": {}, "volumes": [], "image": identity(image), "options": options}
        given = {}
        options = list(options)
        while options:
            option = options.pop(0)
            if option == "--read-only":
                continue
            value = options.pop(0)
            key, _, text = value.partition("=")
            if option == "--name":
                name = value
            elif option == "--publish":
                address, port, inside = value.split(":")
                assert address == "127.0.0.1", value
                container["ports"][inside] = int(port)
            elif option == "--env-file":
                for line in pathlib.Path(value).read_text().splitlines():
                    if line and not line.startswith("#"):
                        key, _, text = line.partition("=")
                        container["environment"][key] = text
            elif option == "--env":
                given[key] = text  # takes precedence over an env file, in any order
            elif option == "--label":
                container["labels"][key] = text
            elif option == "--volume":
                container["volumes"].append(value)
            else:
                assert option in ("--cap-drop", "--security-opt", "--pids-limit", "--restart", "--stop-timeout"), option
        container["environment"].update(given)
        if name in self.containers:
            raise Failed(f"the name {name} is in use")
        if container["image"] not in self.images:
            raise Failed("no such image")
        for port in container["ports"].values():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as fault:
                    raise Failed(f"port {port}: {fault}") from fault
        self.containers[name] = container
        (self.directory / f"{name}.log").unlink(missing_ok=True)
        self.launch(name)

    def launch(self, name):
        container = self.find(name)
        environment = {"PATH": os.environ["PATH"], **container["environment"]}
        command = [sys.executable, "-B", "-S", str(HERE / "server.py"), str(container["ports"]["8000"]),
                   self.images[container["image"]]]
        if self.program:
            # Replace the container's addresses by this machine's.
            environment["BIND_ADDR"] = f"127.0.0.1:{container['ports']['8000']}"
            environment["METRICS_ADDR"] = f"127.0.0.1:{container['ports']['9464']}"
            command = [self.program]
        with open(self.directory / f"{name}.log", "a") as log:
            container["process"] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                start_new_session=True)
