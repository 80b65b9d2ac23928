"""Starting programs, and finding ports for them."""

import contextlib
import os
import socket
import subprocess

# What programs get to know of our environment: nothing that configures a server.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "PATH")}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def output(command, **options):
    """What a program prints. Its failure is ours."""
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


@contextlib.contextmanager
def running(command, **options):
    """A program that runs meanwhile, and ends by SIGTERM."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
