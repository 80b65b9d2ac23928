"""Checks all migrations of both dialects. Started by scripts/check-migrations."""

import argparse
import datetime
import hashlib
import os
import pathlib
import re
import subprocess
import sys

import postgres
import sqlite
from common import ONLY_HERE, Schema

NAME = re.compile(r"(\d{4}-\d{2}-\d{2}-\d{6})_[a-z0-9]+(_[a-z0-9]+)*")
METADATA = "run_in_transaction = false\n"
DIALECTS = ("postgres", "sqlite")


class Migration:
    def __init__(self, directory):
        self.directory, self.short = directory, directory.name
        self.dialect = directory.parent.name
        self.name = f"{self.dialect}/{directory.name}"
        self.files = sorted(path.name for path in directory.iterdir())
        self.up = self.text("up.sql")
        self.down = self.text("down.sql")
        self.metadata = self.text("metadata.toml")
        self.transactional = self.metadata is None
        self.irreversible = bool(self.down) and re.fullmatch(r"\s*--\s*irreversible:\s*\S.{7,}\s*", self.down) is not None

    def text(self, name):
        path = self.directory / name
        return path.read_text() if path.is_file() else None

    def complaints(self):
        """Problems with its name and its files."""
        match = NAME.fullmatch(self.short)
        if not match:
            yield "its name must be YYYY-MM-DD-HHMMSS_what_it_does"
        else:
            try:
                datetime.datetime.strptime(match[1], "%Y-%m-%d-%H%M%S")
            except ValueError:
                yield "its name does not begin with a time"
        for name in self.files:
            if name not in ("up.sql", "down.sql", "metadata.toml"):
                yield f"{name} has no business there"
        for name, text in (("up.sql", self.up), ("down.sql", self.down)):
            if not text or not text.strip():
                yield f"{name} is missing or empty; where there is no way back, down.sql is: -- irreversible: reason"
        if self.metadata is not None:
            # The server does not report errors in that file: it uses the default.
            if self.metadata != METADATA:
                yield f"metadata.toml must be just: {METADATA.strip()}"
            if self.dialect == "sqlite":
                yield "metadata.toml has no effect with SQLite, where all that is pending runs in one transaction"


class Check:
    def __init__(self, root):
        self.root, self.directory = root, root / "migrations"
        self.found, self.notes = [], []
        self.migrations = {
            dialect: [Migration(path) for path in sorted((self.directory / dialect).iterdir()) if path.is_dir()]
            for dialect in DIALECTS}
        self.recorded = self.read_checksums((self.directory / "checksums"))

    def complain(self, where, what):
        self.found.append(f"{where}: {what}")

    def read_checksums(self, path):
        return self.parse_checksums(path.read_text()) if path.is_file() else {}

    @staticmethod
    def parse_checksums(text):
        return {name: checksum for checksum, name in (line.split("  ", 1) for line in text.splitlines())}

    def checksums(self):
        paths = (path for dialect in DIALECTS for path in (self.directory / dialect).rglob("*") if path.is_file())
        return {str(path.relative_to(self.directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}

    def run(self):
        for migrations in self.migrations.values():
            for migration in migrations:
                for what in migration.complaints():
                    self.complain(migration.name, what)
        if self.found:
            return  # the remaining checks would fail because of it
        schemas = {"postgres": self.read_postgres(), "sqlite": self.read_sqlite()}
        self.compare(schemas)
        self.look_at_order()
        self.look_at_releases()

    def read_postgres(self):
        schema = Schema()
        for migration in self.migrations["postgres"]:
            for statement in postgres.read(migration.up, schema, migration.transactional):
                for what in statement.complaints():
                    self.complain(f"{migration.name}/up.sql", what)
        return schema

    def read_sqlite(self):
        database = sqlite.Database()
        for migration in self.migrations["sqlite"]:
            where = f"{migration.name}/up.sql"
            try:
                if not migration.irreversible and not database.undone(migration.up, migration.down):
                    self.complain(migration.name, "down.sql does not bring back the schema that was there before up.sql")
            except sqlite.sqlite3.Error as fault:
                self.complain(migration.name, f"cannot be tried out: {fault}")
            for statement in sqlite.read(migration.up, database):
                for what in statement.complaints():
                    self.complain(where, what)
        return database.schema()

    def is_gone(self, dialect, migration, name):
        """Whether a later migration drops what that one declares as only here."""
        drops = re.compile(rf"^DROP (TABLE|INDEX|VIEW)( CONCURRENTLY)? {re.escape(name)}\b", re.M)
        return any(later.name > migration and drops.search(later.up) for later in self.migrations[dialect])

    def compare(self, schemas):
        """Both dialects have the same migrations, tables, columns and indexes, except those declared as only here."""
        used = set()
        said = {
            dialect: {
                (migration.name, name.strip()): match["reason"]
                for migration in self.migrations[dialect] for match in ONLY_HERE.finditer(migration.up)
                for name in match["names"].split(",")}
            for dialect in DIALECTS}
        for dialect, other in (DIALECTS, DIALECTS[::-1]):
            twins = {migration.short for migration in self.migrations[other]}
            for migration in self.migrations[dialect]:
                if migration.short in twins:
                    continue
                if (migration.name, "migration") in said[dialect]:
                    used.add((migration.name, "migration"))
                else:
                    self.complain(migration.name, f"{other} has none of that name. If it needs none, say: "
                                                  "-- only here: migration: reason")
            missing = schemas[dialect].names() - schemas[other].names()
            for name in sorted(missing):
                # The columns and indexes of a table that is only here are too.
                if any("." in name and name.split(".")[0] == table for table in missing):
                    continue
                if schemas[dialect].indexes.get(name) in missing:
                    continue
                sayers = [key for key in said[dialect] if key[1] == name]
                used.update(sayers)
                if not sayers:
                    self.complain(dialect, f"{name} is not in {other}. If that is right, say in the migration: "
                                           f"-- only here: {name}: reason")
        for dialect in DIALECTS:
            for key, reason in said[dialect].items():
                if len(reason.strip()) < 8:
                    self.complain(key[0], f"“only here: {key[1]}” lacks its reason")
                elif key not in used and not self.is_gone(dialect, *key):
                    self.complain(key[0], f"“only here: {key[1]}” is not so")

    def look_at_order(self):
        """Recorded migrations are unchanged, and new ones come after them."""
        now = self.checksums()
        for name, checksum in self.recorded.items():
            if name not in now:
                self.complain(name, "is recorded in migrations/checksums and gone: what was applied somewhere stays")
            elif now[name] != checksum:
                self.complain(name, "has changed since it was recorded in migrations/checksums. Where it was applied it is not "
                                    "applied again: write another migration. If it has not left this branch, take its lines out")
        self.new = {name: checksum for name, checksum in now.items() if name not in self.recorded}
        for dialect in DIALECTS:
            versions = [NAME.fullmatch(migration.short)[1] for migration in self.migrations[dialect]]
            for version in {version for version in versions if versions.count(version) > 1}:
                self.complain(dialect, f"two migrations have the time {version}, by which they are known")
            known = {name.split("/")[1] for name in self.recorded if name.startswith(f"{dialect}/")}
            for migration in self.migrations[dialect]:
                if migration.short in known:
                    if any(name.startswith(f"{migration.name}/") for name in self.new):
                        self.complain(migration.name, "has got a file more since it was recorded")
                elif known and migration.short < max(known):
                    self.complain(migration.name, f"is new and sorts before {max(known)}, which may be applied already")

    def look_at_releases(self):
        """Everything recorded by a release is still recorded, with the same checksum."""
        def git(*arguments):
            return subprocess.run(["git", "-C", self.root, *arguments], capture_output=True, text=True)

        tags = git("tag", "--list", "v*", "--merged", "HEAD")
        if tags.returncode or not tags.stdout.split():
            shallow = git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
            self.notes.append("there is no release to compare with" + (", since this clone is shallow" if shallow else ""))
            return
        for tag in tags.stdout.split():
            text = git("show", f"{tag}:migrations/checksums")
            for name, checksum in self.parse_checksums(text.stdout if text.returncode == 0 else "").items():
                if self.recorded.get(name) != checksum:
                    self.complain(name, f"was released with {tag}, and is recorded otherwise by now: it must not change any more")
        self.notes.append(f"compared with {len(tags.stdout.split())} releases")

    def accept(self):
        lines = sorted(({**self.recorded, **self.new}).items())
        (self.directory / "checksums").write_text("".join(f"{checksum}  {name}\n" for name, checksum in lines))


def main():
    parser = argparse.ArgumentParser(prog="scripts/check-migrations")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent.parent,
                        help=argparse.SUPPRESS)
    parser.add_argument("--accept", action="store_true", help="record new migrations, if all is well")
    parser.add_argument("--apply", action="store_true", help="run those of PostgreSQL, on the server of DATABASE_URL")
    options = parser.parse_args()
    check = Check(options.root)
    check.run()
    if options.apply and not check.found:
        url = os.environ.get("DATABASE_URL", "")
        if not url.startswith(("postgres://", "postgresql://")):
            sys.exit("--apply needs DATABASE_URL=postgres://…, as under scripts/stack")
        check.found.extend(postgres.apply(check.migrations["postgres"], url))
        check.notes.append("PostgreSQL's ran, up and down")
    if not check.found and check.new:
        if options.accept:
            check.accept()
            check.notes.append("recorded: " + ", ".join(sorted({name.rsplit("/", 1)[0] for name in check.new})))
        else:
            for name in sorted({name.rsplit("/", 1)[0] for name in check.new}):
                check.complain(name, "is not recorded yet. When it is to be merged: scripts/check-migrations --accept")
    for line in check.found:
        print(line, file=sys.stderr)
    if check.found:
        sys.exit(1)
    counts = ", ".join(f"{len(migrations)} of {dialect}" for dialect, migrations in check.migrations.items())
    print(f"migrations: {counts}; {'; '.join(check.notes)}")


if __name__ == "__main__":
    main()
