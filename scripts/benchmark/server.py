"""CloudDrive servers: their start, their memory, and calls of their API."""

import http.client
import json
import os
import pathlib
import sqlite3
import subprocess
import time

import programs

# What a server of a stack needs besides the variables of all.
VARIABLES = {
    "PostgreSQL": {"SECRET_KEY": "0123456789abcdef0123456789abcdef"},
    "SQLite": {},
}

ENTRIES = 100
MANY_ENTRIES = 100_000

# As scripts/scale creates them. `{id}` is a new identifier, `{folder}` that of the folder.
FILL = """
INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
  SELECT {id}, f.drive_id, f.id, 'folder', 'entry ' || i, 'entry ' || i, f.created_by,
    1790000000000 + i, 1790000000000 + i
  FROM n, nodes f WHERE f.id = {folder};
"""


class Server:
    """A server of one build on one stack, with its own directory and database."""

    def __init__(self, build, binary, stack, directory, database=None):
        self.build, self.binary, self.stack, self.directory, self.database = build, binary, stack, directory, database
        self.port = programs.free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.token = self.process = None
        self.name = pathlib.Path(directory).name
        self.variables = {
            **programs.ENVIRONMENT,
            **VARIABLES[stack],
            "BIND_ADDR": f"127.0.0.1:{self.port}",
            "DATA_DIR": directory,
            "DEFAULT_QUOTA_BYTES": str(1 << 40),
            "METRICS_ADDR": "off",
            "RATE_LIMITS": "off",
            "RUST_LOG": "error",
            "UPLOAD_PART_BYTES": str(5 << 30),
        }
        os.mkdir(directory)
        if database:
            database.create(self.name)
            self.variables["DATABASE_URL"] = database.url(self.name)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts it, and returns the milliseconds until it is healthy."""
        self.log = open(f"{self.directory}/log", "a+")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [self.binary], cwd=self.directory, env=self.variables, stdout=self.log, stderr=subprocess.STDOUT
        )
        while not self._is_healthy():
            if self.process.poll() is not None:
                self.log.seek(0)
                raise SystemExit(f"the server ended: {self.log.read()}")
            time.sleep(0.001)
        return (time.monotonic() - began) * 1000

    def _is_healthy(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.log.close()
            self.process = None

    def memory(self, of="VmRSS"):
        """MiB that are resident now, or at most until now: `VmHWM`."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(of + ":")) / 1024

    def call(self, method, path, body=None, content_type="application/json"):
        """The JSON answer to a call. Anything but success is an error of ours."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": content_type}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 300:
            raise SystemExit(f"{self.name}: {method} {path} was answered by {answer.status}: {content.decode()}")
        return json.loads(content) if content else None

    def log_in(self):
        password = "a quiet morning"
        self.call("POST", "/user", {"username": "ann", "email": "ann@example.com", "password": password})
        self.token = self.call("POST", "/login", {"username": "ann", "password": password})["access_token"]

    def create_folder(self, name, parent=None):
        return self.call("POST", "/drive", {"folder_name": name, "parent_folder_id": parent})["id"]

    def upload(self, name, content, parent):
        fields = f'--part\r\nContent-Disposition: form-data; name="parent_folder_id"\r\n\r\n{parent}\r\n'
        head = f'--part\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = fields.encode() + head.encode() + content + b"\r\n--part--\r\n"
        return self.call("POST", "/file", body, "multipart/form-data; boundary=part")["id"]

    def furnish(self):
        """Creates what the routes are about: a folder of 100 entries, one of 100,000, and one for new entries."""
        self.log_in()
        self.hundred = self.create_folder("of 100")
        for number in range(ENTRIES // 2):
            self.create_folder(f"folder {number}", self.hundred)
            self.file = self.upload(f"file {number}.txt", bytes(4096), self.hundred)
        self.made = self.create_folder("made")
        self.many = self.create_folder("of 100,000")
        if self.database:
            fill = FILL.format(count=MANY_ENTRIES, id="gen_random_uuid()", folder=f"'{self.many}'::uuid")
            self.database.sql(self.name, fill + "ANALYZE;")
        else:
            fill = FILL.format(count=MANY_ENTRIES, id="randomblob(16)", folder=f"x'{self.many.replace('-', '')}'")
            connection = sqlite3.connect(f"{self.directory}/clouddrive.db", timeout=60)
            connection.executescript(f"BEGIN; {fill} COMMIT;")
            connection.close()
