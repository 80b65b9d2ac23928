"""Shared by the checks of both dialects."""

import dataclasses
import re

# Effects that must be declared by a comment directly above the statement: -- allow: KIND: reason
KINDS = {
    "drop": "drops something that versions before may use",
    "rename": "renames something that versions before use by its old name",
    "lock": "keeps others from working on a table for as long as it takes",
    "rewrite": "writes a whole table anew, and it cannot be used meanwhile",
    "data": "changes rows, as many as there are",
    "incompatible": "makes what versions before write or read impossible",
    "code": "runs code that this check does not look into",
}
ALLOW = re.compile(r"--\s*allow:\s*(?P<kind>[^:\s]*)\s*:?\s*(?P<reason>.*)")
ONLY_HERE = re.compile(r"^--\s*only here:\s*(?P<names>[^:]*):?\s*(?P<reason>.*)", re.M)


@dataclasses.dataclass
class Schema:
    """Tables with their columns, and indexes."""

    tables: dict = dataclasses.field(default_factory=dict)
    indexes: dict = dataclasses.field(default_factory=dict)

    def names(self):
        """All names: tables, table.column, indexes."""
        columns = {f"{table}.{column}" for table, columns in self.tables.items() for column in columns}
        return set(self.tables) | columns | set(self.indexes)


class Statement:
    """One statement of a migration: effects that must be declared, and errors that cannot be allowed."""

    def __init__(self, line, comments):
        self.line, self.needs, self.wrong = line, [], []
        self.allowed = [ALLOW.match(comment.strip()) for comment in comments]
        self.allowed = {match["kind"]: match["reason"].strip() for match in self.allowed if match}

    def need(self, kind, what):
        self.needs.append((kind, what))

    def complaints(self):
        for what in self.wrong:
            yield f"line {self.line}: {what}"
        for kind, what in self.needs:
            if kind not in self.allowed:
                yield f"line {self.line}: {what}: it {KINDS[kind]}. If it must be, say above it: -- allow: {kind}: reason"
        for kind, reason in self.allowed.items():
            if kind not in KINDS:
                yield f"line {self.line}: there is nothing like “allow: {kind}”, only {', '.join(KINDS)}"
            elif len(reason) < 8:
                yield f"line {self.line}: “allow: {kind}” lacks its reason"
            elif kind not in (needed for needed, _ in self.needs):
                yield f"line {self.line}: “allow: {kind}” allows nothing: the statement does not need it"
