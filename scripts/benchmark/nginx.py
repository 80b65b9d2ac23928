"""An nginx that answers at once, and that stores and serves files."""

import contextlib
import os
import socket
import time

import programs

CONFIGURATION = """
{user} worker_processes 2; daemon off; error_log {directory}/log; pid {directory}/pid;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; client_body_temp_path {directory}/body;
  server {{
    listen 127.0.0.1:{port}; default_type application/json;
    location /empty {{ return 200 '{{"status": "valid"}}'; }}
    location /files/ {{ root {directory}; dav_methods PUT; client_max_body_size 0; }}
  }}
}}
"""


class Nginx:
    def __init__(self, directory, port):
        self.directory, self.port = directory, port
        self.url = f"http://127.0.0.1:{port}"

    def is_up(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def remove(self, name):
        os.remove(f"{self.directory}/files/{name}")


@contextlib.contextmanager
def running(directory):
    os.makedirs(f"{directory}/files", exist_ok=True)
    port = programs.free_port()
    configuration = f"{directory}/nginx.conf"
    with open(configuration, "w") as file:
        user = "user root;" if os.getuid() == 0 else ""
        file.write(CONFIGURATION.format(directory=directory, port=port, user=user))
    with programs.running(["nginx", "-c", configuration, "-e", f"{directory}/log"]) as process:
        web = Nginx(directory, port)
        while not web.is_up():
            if process.poll() is not None:
                raise SystemExit(f"nginx ended: {open(f'{directory}/log').read()}")
            time.sleep(0.01)
        yield web
