"""Migrations of SQLite: each statement is recognised by its first words, and run on an in-memory database."""

import re
import sqlite3

from common import Schema, Statement

NAME = r'"?(?P<name>\w+)"?'
TABLE = r'"?(?P<table>\w+)"?'
FORMS = [
    ("create_table", rf"CREATE TABLE {NAME} \("),
    ("create_fts", rf"CREATE VIRTUAL TABLE {NAME} USING fts5 ?\("),
    ("create_index", rf"CREATE (?P<unique>UNIQUE )?INDEX {NAME} ON {TABLE} ?\("),
    ("add_column", rf"ALTER TABLE {TABLE} ADD (COLUMN )?{NAME} (?P<rest>.*)"),
    ("drop_column", rf"ALTER TABLE {TABLE} DROP (COLUMN )?{NAME}"),
    ("rename_table", rf"ALTER TABLE {TABLE} RENAME TO {NAME}"),
    ("rename_column", rf"ALTER TABLE {TABLE} RENAME (COLUMN )?{NAME} TO \w+"),
    ("drop_table", rf"DROP TABLE {NAME}"),
    ("drop", rf"DROP (INDEX|VIEW|TRIGGER) {NAME}"),
    ("change", rf"(INSERT INTO|UPDATE|DELETE FROM) {TABLE}.*"),
    ("code", rf"CREATE (TRIGGER|VIEW) {NAME}"),
    ("defer", r"PRAGMA defer_foreign_keys ?= ?\w+"),
]
WORDS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^'\"/-]+|.", re.S)


def split(sql):
    """The statements, each with its first line number, the comments above it, and its text without comments."""
    line, comments, text, words, begun = 1, [], "", [], None
    for word in WORDS.findall(sql):
        # Outside strings and comments, a semicolon may end a statement; in a trigger it need not.
        parts = re.split(r"(;)", word) if not word.startswith(("--", "/*", "'", '"')) else [word]
        for part in parts:
            if part.startswith(("--", "/*")):
                if begun is None:
                    comments += part.splitlines()
            elif part.strip() or begun is not None:
                if begun is None:
                    begun = line + part[: len(part) - len(part.lstrip())].count("\n")
                words.append(part)
            text += part
            line += part.count("\n")
            if part == ";" and sqlite3.complete_statement(text):
                yield begun, comments, " ".join("".join(words).split()).removesuffix(";").strip()
                comments, text, words, begun = [], "", [], None
    if words:
        yield begun, comments, " ".join("".join(words).split())


class Database:
    """An in-memory database on which migrations run like in the server: in a transaction, with foreign keys."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("BEGIN IMMEDIATE")

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def tables(self):
        # Without the shadow tables of virtual tables.
        return [name for (name,) in self.rows("SELECT name FROM pragma_table_list WHERE schema = 'main' "
                                              "AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite_%'")]

    def schema(self):
        columns = {name: {row[1] for row in self.rows(f'PRAGMA table_xinfo("{name}")')} for name in self.tables()}
        indexes = dict(self.rows("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
        return Schema(columns, indexes)

    def snapshot(self):
        """The schema, independent of the text that created it."""
        told = sorted(row for row in self.rows("SELECT type, name, tbl_name, CASE type WHEN 'table' THEN '' ELSE sql END "
                                               "FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
        return told, [(name, self.rows(f'PRAGMA table_xinfo("{name}")'), sorted(
            row[2:] for row in self.rows(f'PRAGMA foreign_key_list("{name}")'))) for name in sorted(self.tables())]

    def dependants(self, table):
        """Tables whose rows are deleted or changed with those of this one."""
        return sorted({
            other for other in self.tables() if other != table for row in self.rows(f'PRAGMA foreign_key_list("{other}")')
            if row[2] == table and row[6] in ("CASCADE", "SET NULL", "SET DEFAULT")})

    def run(self, sql):
        for _, _, text in split(sql):
            self.connection.execute(text)

    def undone(self, up, down):
        """Whether `down` undoes `up`; leaves the database unchanged."""
        self.connection.execute("SAVEPOINT try_out")
        try:
            before = self.snapshot()
            self.run(up)
            self.run(down)
            return self.snapshot() == before
        finally:
            self.connection.execute("ROLLBACK TO try_out")
            self.connection.execute("RELEASE try_out")


def read(sql, database):
    """Checks and runs each statement of one up.sql."""
    statements, fresh = [], set()
    for line, comments, text in split(sql):
        statement = Statement(line, comments)
        statements.append(statement)
        for form, pattern in FORMS:
            if match := re.match(pattern, text, re.I | re.S):
                look(statement, form, match.groupdict(), text, fresh, database)
                break
        else:
            statement.wrong.append(f"this check does not know “{' '.join(text.split()[:3])} …”: teach it what that does")
            continue
        try:
            database.connection.execute(text)
        except sqlite3.Error as fault:
            statement.wrong.append(f"SQLite: {fault}")
            break
    return statements


def look(statement, form, part, text, fresh, database):
    name, table = part.get("name"), part.get("table")
    if form == "create_table":
        fresh.add(name)
        if not re.search(r"\)\s*STRICT$", text, re.I):
            statement.wrong.append(f"{name} is not STRICT: SQLite would take any value for any column")
    elif form == "create_fts":
        fresh.add(name)
    elif form == "create_index":
        if part["unique"] and table not in fresh:
            statement.need("incompatible", f"a unique index on {table}")
    elif form == "add_column":
        if table not in fresh and re.search(r"\bNOT NULL\b", part["rest"], re.I):
            if not re.search(r"\bDEFAULT\b", part["rest"], re.I):
                statement.need("incompatible", f"{table}.{name} must not be null and has no default")
    elif form == "drop_column":
        if table not in fresh:
            statement.need("drop", f"{table} loses {name}")
    elif form == "rename_table":
        if table not in fresh:
            statement.need("rename", f"{table} becomes {name}")
        fresh.add(name)
    elif form == "rename_column":
        if table not in fresh:
            statement.need("rename", f"{table}.{name}")
    elif form == "drop_table":
        if name not in fresh:
            statement.need("drop", f"DROP of {name}")
            if others := database.dependants(name):
                # Foreign keys are on while migrations run, and cannot be turned off in a transaction.
                statement.need("data", f"with {name} all its rows are deleted, and by ON DELETE those of {', '.join(others)}")
    elif form == "drop":
        statement.need("drop", f"DROP of {name}")
    elif form == "change":
        if table not in fresh:
            statement.need("data", f"changes rows of {table}")
    elif form == "code":
        statement.need("code", name)
