"""A PostgreSQL server that syncs each commit, and what it does without CloudDrive: pgbench with the one plain statement
that a route needs at least, on flat tables."""

import contextlib
import os
import re
import shutil
import subprocess

import programs

CLIENTS = 16

TABLES = """
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), username text NOT NULL UNIQUE);
CREATE TABLE folders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, created_at timestamp NOT NULL DEFAULT now(),
  last_interaction timestamp NOT NULL DEFAULT now(), parent_folder_id uuid REFERENCES folders,
  owner_id uuid REFERENCES users, UNIQUE (parent_folder_id, name, owner_id));
CREATE TABLE files (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, size_in_bytes bigint NOT NULL, type text NOT NULL,
  created_at timestamp NOT NULL DEFAULT now(), last_interaction timestamp NOT NULL DEFAULT now(),
  owner_id uuid REFERENCES users, parent_folder_id uuid REFERENCES folders, UNIQUE (parent_folder_id, name, owner_id));
INSERT INTO users (username) VALUES ('ann');
INSERT INTO folders (name, owner_id)
  SELECT name, id FROM users, (VALUES ('of 100'), ('made'), ('of 100,000')) new (name);
INSERT INTO folders (name, parent_folder_id, owner_id)
  SELECT 'folder ' || i, id, owner_id FROM folders, generate_series(1, 50) i WHERE name = 'of 100';
INSERT INTO files (name, size_in_bytes, type, owner_id, parent_folder_id)
  SELECT 'file ' || i || '.txt', 4096, 'txt', owner_id, id FROM folders, generate_series(1, 50) i WHERE name = 'of 100';
INSERT INTO files (name, size_in_bytes, type, owner_id, parent_folder_id)
  SELECT 'file ' || i || '.txt', 4096, 'txt', owner_id, id FROM folders, generate_series(1, 100000) i
  WHERE name = 'of 100,000';
ANALYZE;
"""

# The parameters of the statements.
ENTRIES = """
SELECT 'user', id FROM users UNION ALL
SELECT name, id FROM folders WHERE parent_folder_id IS NULL UNION ALL
(SELECT 'file', files.id FROM files JOIN folders ON folders.id = files.parent_folder_id
  WHERE folders.name = 'of 100' LIMIT 1)
"""

COLUMNS = "id, name, created_at, last_interaction, size_in_bytes, type, parent_folder_id"

STATEMENTS = {
    "point": "SELECT name, parent_folder_id FROM files WHERE owner_id = '{user}' AND id = '{file}';",
    "list": f"""SELECT {COLUMNS} FROM files WHERE owner_id = '{{user}}' AND parent_folder_id = '{{of 100}}'
  UNION ALL SELECT {COLUMNS.replace("size_in_bytes, type", "NULL, NULL")} FROM folders
  WHERE owner_id = '{{user}}' AND parent_folder_id = '{{of 100}}' ORDER BY last_interaction;""",
    "insert": """\\set r random(1, 1000000000000000)
INSERT INTO folders (name, parent_folder_id, owner_id) VALUES ('new ' || :r, '{made}', '{user}') RETURNING id;""",
    "page": f"""SELECT {COLUMNS} FROM files WHERE owner_id = '{{user}}' AND parent_folder_id = '{{of 100,000}}'
  ORDER BY name LIMIT 100;""",
}


def as_postgres(command):
    """The command as the user `postgres`, if this one is root: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return command
    program, *rest = command
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"]
    return [*drop, shutil.which(program), *rest]


class Database:
    """A server in `directory`, with the flat tables in a database of their own."""

    def __init__(self, directory):
        self.directory, self.port = directory, programs.free_port()
        self.data = f"{directory}/data"

    @contextlib.contextmanager
    def running(self):
        os.mkdir(self.directory)
        if os.getuid() == 0:
            shutil.chown(self.directory, "postgres")
        control = ["pg_ctl", "--silent", "--wait", f"--pgdata={self.data}"]
        settings = ["listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=512MB"]
        options = f"-k {self.directory} -p {self.port} " + " ".join(f"-c {setting}" for setting in settings)
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        self._run(["initdb", "--auth=trust", "--username=postgres", *locale, f"--pgdata={self.data}"])
        self._run([*control, f"--log={self.directory}/log", f"--options={options}", "start"])
        try:
            self.create("flat")
            self.sql("flat", TABLES)
            entries = dict(line.split("|") for line in self.sql("flat", ENTRIES).splitlines())
            for kind, statement in STATEMENTS.items():
                with open(self._script(kind), "w") as script:
                    script.write(statement.format_map(entries))
            yield self
        finally:
            self._run([*control, "--mode=fast", "stop"])

    def url(self, name):
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name):
        self.sql("postgres", f'CREATE DATABASE "{name}"')

    def sql(self, name, text):
        command = ["psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
        return programs.output([*command, self.url(name)], input=text)

    def statements_per_second(self, kind, seconds):
        """Of clients that do nothing else."""
        command = ["pgbench", "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", "--jobs=2"]
        command += [f"--time={seconds}", f"--file={self._script(kind)}", self.url("flat")]
        printed = programs.output(command, stderr=subprocess.DEVNULL)
        return float(re.search(r"tps = ([\d.]+)", printed)[1])

    def _script(self, kind):
        return f"{self.directory}-{kind}.pgbench"

    def _run(self, command):
        subprocess.run(as_postgres(command), check=True, cwd="/", stdout=subprocess.DEVNULL)
