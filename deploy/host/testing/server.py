"""Stands in for the server of an image whose name tells what it does. Started by engine.py.

good    ready at once            slow    ready after a second        never   never ready
crash   ends by itself           shy     ready, but fails what comes through a proxy
"""

import http.server
import os
import signal
import socketserver
import sys
import threading
import time

port, image = int(sys.argv[1]), sys.argv[2]
name = image.split("/")[-1].split(":")[0]
began = time.monotonic()
drain, finish = float(os.environ.get("DRAIN_SECONDS", "5")), float(os.environ.get("SHUTDOWN_SECONDS", "30"))
leaving = threading.Event()


def is_ready():
    return name != "never" and not (name == "slow" and time.monotonic() < began + 1) and not leaving.is_set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        with self.server.busy:
            self.server.running += 1
        try:
            size = int(self.headers.get("Content-Length", "0"))
            while size > 0:
                size -= len(self.rfile.read(min(size, 65536)))
            if self.path.startswith("/wait/"):
                time.sleep(float(self.path.removeprefix("/wait/")))
            if self.path.startswith("/until/"):
                while not os.path.exists(self.path.removeprefix("/until/")):
                    time.sleep(0.05)
            status = 200
            if self.path == "/health/ready" and not is_ready():
                status = 503
            if name == "shy" and "X-Forwarded-For" in self.headers:
                status = 500
            body = image.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if leaving.is_set():
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body)
        finally:
            with self.server.busy:
                self.server.running -= 1

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    busy = threading.Lock()
    running = 0


def stop(*_):
    def leave():
        leaving.set()
        time.sleep(drain)
        server.shutdown()
        server.server_close()
        end = time.monotonic() + finish
        while server.running and time.monotonic() < end:
            time.sleep(0.01)
        os._exit(0)

    threading.Thread(target=leave).start()


if name == "crash":
    sys.exit("it ends by itself")
server = Server(("127.0.0.1", port), Handler)
signal.signal(signal.SIGTERM, stop)
server.serve_forever(poll_interval=0.01)
# This thread ends the process.
threading.Event().wait()
