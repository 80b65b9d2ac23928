"""Tests the migration check on intentionally bad migrations. Started by scripts/check-migrations --test."""

import contextlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import check

SET = "SET LOCAL lock_timeout = '5s';\n"
BASE = "2026-01-01-000000_base"
NEXT = "2026-02-01-000000_next"
POSTGRES = """CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE files (id bigint PRIMARY KEY, owner_id bigint REFERENCES users (id) ON DELETE CASCADE, size bigint);
CREATE INDEX files_owner ON files (owner_id);
"""
SQLITE = """CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE files (id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES users (id) ON DELETE CASCADE, size INTEGER) STRICT;
CREATE INDEX files_owner ON files (owner_id);
"""
DOWN = "DROP TABLE files;\nDROP TABLE users;\n"
NO_WAY_BACK = "-- irreversible: for the sake of the test\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.write("postgres", BASE, POSTGRES, DOWN)
        self.write("sqlite", BASE, SQLITE, DOWN)

    def write(self, dialect, name, up, down=NO_WAY_BACK, outside=False):
        directory = self.root / "migrations" / dialect / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "up.sql").write_text(up)
        (directory / "down.sql").write_text(down)
        if outside:
            (directory / "metadata.toml").write_text(check.METADATA)

    def run_check(self, *options):
        """Exit code and output."""
        out = io.StringIO()
        sys.argv = ["check", "--root", str(self.root), *options]
        code = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                check.main()
            except SystemExit as end:
                code = end.code
        return code, out.getvalue()

    def accept(self):
        code, said = self.run_check("--accept")
        self.assertEqual(code, 0, said)

    def good(self):
        code, said = self.run_check("--accept")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.run_check()[0], 0)

    def bad(self, *why):
        code, said = self.run_check("--accept")
        self.assertEqual(code, 1, said)
        for words in why:
            self.assertIn(words, said)
        return said


class Postgres(Case):
    """Each statement on existing tables."""

    # Both dialects must have the same names: the twin adds the same as the statement.
    ADDS = {"ADD COLUMN c": "ALTER TABLE files ADD COLUMN c INTEGER;", " i ON files": "CREATE INDEX i ON files (size);"}

    def given(self, up, outside=False, down=NO_WAY_BACK):
        shutil.rmtree(self.root / "migrations/postgres" / NEXT, ignore_errors=True)
        self.write("postgres", NEXT, up, down, outside)
        twin = "".join(text for words, text in self.ADDS.items() if words in up) or "PRAGMA defer_foreign_keys = ON;"
        self.write("sqlite", NEXT, twin)
        (self.root / "migrations/checksums").unlink(missing_ok=True)

    def test_harmless(self):
        for up in (
            SET + "ALTER TABLE files ADD COLUMN c bigint;",
            SET + "ALTER TABLE files ADD COLUMN c bigint NOT NULL DEFAULT 0;",
            SET + "ALTER TABLE files ADD COLUMN c bigint DEFAULT '1'::bigint;",
            SET + "ALTER TABLE files ADD COLUMN c timestamptz NOT NULL DEFAULT now();",
            SET + "ALTER TABLE files ADD COLUMN c bigint REFERENCES users (id);",
            SET + "ALTER TABLE files ALTER COLUMN size SET DEFAULT 0;",
            SET + "ALTER TABLE files VALIDATE CONSTRAINT made_before;",
            SET + "ALTER TABLE files SET (fillfactor = 90);",
            "SET LOCAL lock_timeout = 2000;\nALTER TABLE files ADD COLUMN c bigint;",
            "CREATE TYPE mood AS ENUM ('a');\nALTER TYPE mood ADD VALUE 'b';\nCOMMENT ON TABLE files IS 'all';",
            "GRANT SELECT ON files TO PUBLIC;\nINSERT INTO users (id, name) VALUES (1, 'a');",
        ):
            with self.subTest(up):
                self.given(up)
                self.good()
        for up in ("CREATE INDEX CONCURRENTLY i ON files (size);", "REINDEX INDEX CONCURRENTLY files_owner;", "VACUUM files;"):
            with self.subTest(up):
                self.given(up, outside=True)
                self.good()

    def test_what_was_made_in_the_same_migration(self):
        more = "CREATE TABLE more (id bigint PRIMARY KEY, a text);\n"
        self.given(more + "CREATE UNIQUE INDEX more_a ON more (a);\nALTER TABLE more ADD CHECK (a <> ''), ALTER a SET NOT NULL;\n"
                   "UPDATE more SET a = 'b';\nALTER TABLE more RENAME COLUMN a TO b;\nDROP INDEX more_a;\nDROP TABLE more;")
        self.good()

    # The required annotation of each statement; two lines if it has two effects.
    DANGEROUS = {
        "DROP TABLE files;": ["drop"],
        "DROP INDEX files_owner;": ["drop"],
        "DROP FUNCTION f(int);": ["drop"],
        "DROP TYPE t;": ["drop"],
        "DROP VIEW v;": ["drop"],
        "ALTER TABLE files DROP COLUMN size;": ["drop"],
        "ALTER TABLE files DROP CONSTRAINT c;": ["drop"],
        "ALTER TABLE files RENAME TO papers;": ["rename"],
        "ALTER TABLE files RENAME COLUMN size TO length;": ["rename"],
        "ALTER INDEX files_owner RENAME TO i;": ["rename"],
        "ALTER TYPE mood RENAME VALUE 'a' TO 'b';": ["rename"],
        "ALTER TABLE files RENAME CONSTRAINT a TO b;": ["rename"],
        "ALTER TABLE files ALTER COLUMN size TYPE numeric;": ["rewrite"],
        "ALTER TABLE files ADD COLUMN c uuid DEFAULT gen_random_uuid();": ["rewrite"],
        "ALTER TABLE files ADD COLUMN c bigint DEFAULT 1 + random();": ["rewrite"],
        "ALTER TABLE files ADD COLUMN c bigserial;": ["rewrite"],
        "ALTER TABLE files ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY;": ["rewrite"],
        "ALTER TABLE files ADD COLUMN c bigint GENERATED ALWAYS AS (size * 2) STORED;": ["rewrite"],
        "CLUSTER files USING files_owner;": ["rewrite"],
        "ALTER TABLE files ADD COLUMN c bigint NOT NULL;": ["incompatible"],
        "ALTER TABLE files ADD COLUMN c bigint UNIQUE;": ["lock"],
        "ALTER TABLE files ADD COLUMN c bigint CHECK (c > 0);": ["lock"],
        "ALTER TABLE files ADD COLUMN c bigint DEFAULT 1 REFERENCES users (id);": ["lock"],
        "ALTER TABLE files ALTER COLUMN size SET NOT NULL;": ["lock", "incompatible"],
        "ALTER TABLE users ALTER COLUMN name DROP NOT NULL;": ["incompatible"],
        "ALTER TABLE files ALTER COLUMN size DROP DEFAULT;": ["incompatible"],
        "ALTER TABLE files ADD CONSTRAINT c CHECK (size > 0);": ["lock", "incompatible"],
        "ALTER TABLE files ADD CONSTRAINT c CHECK (size > 0) NOT VALID;": ["incompatible"],
        "ALTER TABLE files ADD CONSTRAINT c FOREIGN KEY (size) REFERENCES users (id);": ["lock", "incompatible"],
        "ALTER TABLE files ADD CONSTRAINT c FOREIGN KEY (size) REFERENCES users (id) NOT VALID;": ["incompatible"],
        "ALTER TABLE files ADD CONSTRAINT c UNIQUE (size);": ["lock", "incompatible"],
        "ALTER TABLE files ADD CONSTRAINT c EXCLUDE (size WITH =);": ["lock", "incompatible"],
        "CREATE INDEX i ON files (size);": ["lock"],
        "CREATE UNIQUE INDEX i ON files (size);": ["lock", "incompatible"],
        "REINDEX TABLE files;": ["lock"],
        "LOCK TABLE files;": ["lock"],
        "UPDATE files SET size = 0;": ["data"],
        "UPDATE files SET size = 0 WHERE size IS NULL;": ["data"],
        "DELETE FROM files;": ["data"],
        "TRUNCATE files;": ["data"],
        "INSERT INTO users SELECT id, 'x' FROM files;": ["data"],
        "REVOKE SELECT ON files FROM PUBLIC;": ["incompatible"],
        "DO $$ BEGIN DELETE FROM files; END $$;": ["code"],
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';": ["code"],
        "SELECT setval('s', 1);": ["code"],
    }

    def test_dangerous(self):
        for statement, kinds in self.DANGEROUS.items():
            with self.subTest(statement):
                self.given(SET + statement)
                said = self.bad()
                for kind in kinds:
                    self.assertIn(f"-- allow: {kind}: reason", said)
                self.assertEqual(said.count("-- allow: "), len(kinds), said)
                self.assertIn("line 2: ", said)
                # If there are two, neither alone is sufficient.
                comments = [f"-- allow: {kind}: no installation has rows yet — “ünïcode”\n" for kind in kinds]
                for missing in range(len(kinds)):
                    self.given(SET + "".join(comments[:missing] + comments[missing + 1:]) + statement)
                    self.assertEqual(self.run_check("--accept")[0], 1)
                self.given(SET + "".join(comments) + statement)
                code, said = self.run_check("--accept")
                # Other tests below cover names added or removed in only one dialect.
                self.assertNotIn("up.sql", said)
                if code:
                    self.assertRegex(said, r"is not in (sqlite|postgres)")

    def test_an_annotation_is_for_the_statement_below(self):
        drop = "-- allow: drop: it was never used\nDROP INDEX files_owner;\n"
        self.given(SET + drop + "ALTER TABLE files DROP COLUMN size;")
        self.bad("up.sql: line 4: files loses size")
        self.given(SET + "ALTER TABLE files DROP COLUMN size;\n-- allow: drop: behind it\n")
        self.bad("up.sql: line 2: files loses size")

    def test_annotations_that_say_nothing(self):
        add = "ALTER TABLE files ADD COLUMN c bigint;"
        for comment, why in (("-- allow: drop: it was never used", "allows nothing"),
                             ("-- allow: drip: it was", "there is nothing like"),
                             ("-- allow: drop", "lacks its reason"), ("-- allow: drop: ", "lacks its reason")):
            self.given(f"{SET}{comment}\n{add}")
            self.bad(why)
        self.given(SET + "-- allow: drop: x\nDROP INDEX files_owner;")
        self.bad("lacks its reason")

    def test_locks_are_not_waited_for(self):
        add = "ALTER TABLE files ADD COLUMN c bigint;"
        for up in (add, add + "\n" + SET, "CREATE TABLE more (id bigint REFERENCES users (id));",
                   "-- allow: drop: it was never used\nDROP INDEX files_owner;"):
            self.given(up)
            self.bad("begin the migration with SET LOCAL lock_timeout")
        for value in ("0", "'1min'", "'1h'", "60000", "'11s'"):
            self.given(f"SET LOCAL lock_timeout = {value};\n{add}")
            self.bad("more than none and at most 10 s")
        for setting in ("SET lock_timeout = '5s'", "SET LOCAL work_mem = '1GB'", "RESET lock_timeout",
                        "SET SESSION search_path = a"):
            self.given(f"{setting};\n{add}")
            self.bad("are for migrations")

    def test_in_a_transaction_or_not(self):
        index = "CREATE INDEX CONCURRENTLY i ON files (size);"
        self.given(index)
        self.bad("cannot run in a transaction")
        self.given("-- allow: drop: it was never used\nDROP INDEX CONCURRENTLY files_owner;")
        self.bad("cannot run in a transaction")
        self.given(index + "\nCREATE INDEX CONCURRENTLY j ON files (id);", outside=True)
        self.bad("exactly one statement")
        self.given("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON files (size);", outside=True)
        self.bad("half-made")
        self.given("ALTER TABLE files ADD COLUMN c bigint;", outside=True)
        self.bad("belongs in a transaction")
        self.given("VACUUM files;")
        self.bad("cannot run in a transaction")
        self.given("VACUUM FULL files;", outside=True)
        self.bad("-- allow: rewrite: reason")
        for up in ("COMMENT ON TABLE files IS 'all';", "SET LOCAL lock_timeout = '5s';", "CREATE TABLE more (a bigint);",
                   "CREATE INDEX i ON files (size);", "ALTER INDEX files_owner RENAME TO i;", "DROP INDEX files_owner;"):
            self.given(up, outside=True)
            self.bad("belongs in a transaction")
        self.given("BEGIN;\nCOMMIT;")
        self.bad("runs in a transaction already")

    def test_what_makes_it_worse_together(self):
        constraint = ("-- allow: incompatible: no release wrote others\n"
                      "ALTER TABLE files ADD CONSTRAINT k CHECK (size > 0) NOT VALID;\n")
        self.given(SET + constraint + "ALTER TABLE files VALIDATE CONSTRAINT k;")
        self.bad("a migration of its own")
        self.given(SET + "ALTER TABLE files ADD COLUMN c bigint;\n-- allow: data: there are few rows\nUPDATE users SET name = '';")
        self.bad("-- allow: lock: reason")

    def test_what_it_cannot_read(self):
        self.given("CREATE TABLE (;")
        self.bad("PostgreSQL cannot read it")
        self.given("ALTER TABLE files ENABLE ROW LEVEL SECURITY;")
        self.bad("does not know AT_EnableRowSecurity")
        self.given("CREATE TABLE more (LIKE files);")
        self.bad("does not know TableLikeClause in a table")
        self.given("CREATE TABLE more AS SELECT * FROM files;")
        self.bad("name the columns")
        self.given("CREATE INDEX CONCURRENTLY ON files (size);", outside=True)
        self.bad("name the index")
        self.given(SET + "-- allow: incompatible: no version wrote others\nALTER TABLE files ADD CHECK (size > 0) NOT VALID;")
        self.bad("name the constraint")
        trigger = "CREATE TRIGGER t BEFORE INSERT ON files FOR EACH ROW EXECUTE FUNCTION f();"
        self.given(trigger)
        self.bad("-- allow: code: reason", "begin the migration with SET LOCAL lock_timeout")
        self.given("CREATE POLICY p ON files;")
        self.bad("does not know CreatePolicyStmt")
        self.given(SET + "-- allow: drop: it was never used\nDROP TABLE files CASCADE;")
        self.bad("CASCADE drops what is not named")


class Sqlite(Case):
    def given(self, up, down=NO_WAY_BACK, postgres="CREATE TYPE mood AS ENUM ('a');"):
        self.write("sqlite", NEXT, up, down)
        self.write("postgres", NEXT, postgres)
        (self.root / "migrations/checksums").unlink(missing_ok=True)

    def test_harmless(self):
        add = SET + "ALTER TABLE files ADD COLUMN c bigint;"
        for up, postgres in (
            ("ALTER TABLE files ADD COLUMN c INTEGER;", add),
            ("ALTER TABLE files ADD c INTEGER NOT NULL DEFAULT 0;", add),
            ("-- A word; and “more”.\nCREATE INDEX i ON files (size);", "CREATE TABLE i (a bigint);"),
            ("CREATE TABLE more (id INTEGER PRIMARY KEY, a TEXT) STRICT; /* ; */ CREATE UNIQUE INDEX more_a ON more (a);\n"
             "INSERT INTO more VALUES (1, 'a;b'); UPDATE more SET a = NULL; DROP TABLE more;", "CREATE TYPE m AS ENUM ('a');"),
            ("-- only here: words: PostgreSQL has an index for it.\nCREATE VIRTUAL TABLE words USING fts5 (a, content = '');\n"
             "INSERT INTO words (rowid, a) VALUES (1, 'a;b');", "CREATE TYPE w AS ENUM ('a');"),
        ):
            with self.subTest(up):
                self.given(up, postgres=postgres)
                code, said = self.run_check("--accept")
                self.assertNotIn("up.sql", said)

    def test_dangerous(self):
        for statement, kinds in {
            "DROP TABLE files;": ["drop"],
            "DROP TABLE users;": ["drop", "data"],
            "DROP INDEX files_owner;": ["drop"],
            "drop  index\n files_owner ;": ["drop"],
            "ALTER TABLE files DROP COLUMN size;": ["drop"],
            "ALTER TABLE files RENAME TO papers;": ["rename"],
            "ALTER TABLE files RENAME COLUMN size TO length;": ["rename"],
            "UPDATE files SET size = 0;": ["data"],
            "DELETE FROM files WHERE size = 0;": ["data"],
            "INSERT INTO users SELECT id, 'x' FROM files;": ["data"],
            "CREATE UNIQUE INDEX i ON files (size);": ["incompatible"],
            "CREATE VIEW v AS SELECT 1;": ["code"],
            "CREATE TRIGGER t AFTER DELETE ON files BEGIN DELETE FROM users; SELECT 1; END;": ["code"],
        }.items():
            with self.subTest(statement):
                self.given("-- First.\nPRAGMA defer_foreign_keys = ON;\n" + statement)
                said = self.bad("line 3: ")
                for kind in kinds:
                    self.assertIn(f"-- allow: {kind}: reason", said)
                self.assertEqual(said.count("-- allow: "), len(kinds), said)
                self.given("".join(f"-- allow: {kind}: no installation has rows yet\n" for kind in kinds) + statement)
                self.assertNotIn("up.sql", self.run_check("--accept")[1])

    def test_rows_go_with_a_table_that_others_refer_to(self):
        # The declaration is needed because foreign keys are on while migrations run.
        database = check.sqlite.Database()
        database.run(SQLITE + "INSERT INTO users VALUES (1, 'a'); INSERT INTO files VALUES (1, 1, 0); DROP TABLE users;")
        self.assertEqual(database.rows("SELECT count(*) FROM files"), [(0,)])

    def test_what_it_does_not_take(self):
        for up, why in (
            ("CREATE TABLE more (id INTEGER PRIMARY KEY);", "is not STRICT"),
            ("PRAGMA foreign_keys = OFF;", "does not know"),
            ("VACUUM;", "does not know"),
            ("CREATE TABLE more AS SELECT 1;", "does not know"),
            ("COMMIT;", "does not know"),
            ("ALTER TABLE files ADD COLUMN c INTEGER NOT NULL;", "-- allow: incompatible: reason"),
            ("CREATE INDEX i ON absent (a);", "SQLite: no such table"),
            ("ALTER TABLE files ADD COLUMN c INTEGER", ""),
        ):
            with self.subTest(up):
                self.given(up)
                self.bad(why)

    def test_down(self):
        add = SET + "ALTER TABLE files ADD COLUMN c bigint;"
        up = "ALTER TABLE files ADD COLUMN c INTEGER;"
        self.given(up, "ALTER TABLE files DROP COLUMN c;", add)
        self.good()
        for down in ("DROP INDEX files_owner;", "ALTER TABLE files DROP COLUMN size;", "SELECT 1;"):
            self.given(up, down, add)
            self.bad("down.sql does not bring back")
        self.given(up, "ALTER TABLE files DROP COLUMN nothing;", add)
        self.bad("cannot be tried out")


class Together(Case):
    def test_the_same_in_both(self):
        self.accept()
        self.write("sqlite", NEXT, "CREATE TABLE more (a INTEGER, b TEXT) STRICT; CREATE INDEX more_a ON more (a);")
        said = self.bad("postgres has none of that name", "more is not in postgres")
        self.assertNotIn("more_a", said)
        self.write("postgres", NEXT, "CREATE TABLE more (a bigint);")
        self.bad("sqlite: more.b is not in postgres", "sqlite: more_a is not in postgres")
        self.write("sqlite", NEXT, "-- only here: more.b, more_a: PostgreSQL has no need of it\n"
                                   "CREATE TABLE more (a INTEGER, b TEXT) STRICT; CREATE INDEX more_a ON more (a);")
        self.good()

    def test_only_here(self):
        self.accept()
        self.write("sqlite", NEXT, "-- only here: migration: it concerns SQLite alone\nPRAGMA defer_foreign_keys = ON;")
        self.good()
        (self.root / "migrations/checksums").unlink()
        self.write("sqlite", NEXT, "-- only here: migration: short\nPRAGMA defer_foreign_keys = ON;")
        self.bad("lacks its reason")
        self.write("sqlite", NEXT, "-- only here: migration, files: it concerns SQLite alone\nPRAGMA defer_foreign_keys = ON;")
        self.bad("“only here: files” is not so")

    def test_what_is_recorded_stays(self):
        self.assertIn("is not recorded yet", self.run_check()[1])
        self.accept()
        self.assertEqual(self.run_check()[0], 0)
        up = self.root / "migrations/sqlite" / BASE / "up.sql"
        text = up.read_text()
        up.write_text(text + "-- A word more.\n")
        self.bad("has changed since it was recorded")
        up.write_text(text)
        (up.parent / "metadata.toml").write_text(check.METADATA)
        self.bad("no effect with SQLite")
        (up.parent / "metadata.toml").unlink()
        (self.root / "migrations/postgres" / BASE / "metadata.toml").write_text(check.METADATA)
        self.bad("has got a file more")
        (self.root / "migrations/postgres" / BASE / "metadata.toml").unlink()
        shutil.rmtree(up.parent)
        self.bad("and gone")

    def test_order(self):
        self.accept()
        early = "2025-12-31-000000_early"
        for dialect, up in (("postgres", "CREATE TYPE m AS ENUM ('a');"), ("sqlite", "PRAGMA defer_foreign_keys = ON;")):
            self.write(dialect, early, up)
        self.bad(f"sqlite/{early}: is new and sorts before {BASE}", f"postgres/{early}")
        for dialect in ("postgres", "sqlite"):
            shutil.move(self.root / "migrations" / dialect / early, self.root / "migrations" / dialect / f"{BASE}_too")
        self.bad("two migrations have the time")

    def test_names_and_files(self):
        for name in ("2026-02-01_next", "2026-02-01-000000", "2026-02-01-000000_Next", "2026-13-01-000000_next", "next"):
            self.write("sqlite", name, "PRAGMA defer_foreign_keys = ON;")
            self.bad(f"sqlite/{name}: its name")
            shutil.rmtree(self.root / "migrations/sqlite" / name)
        base = self.root / "migrations/postgres" / BASE
        (base / "up.sql.orig").write_text("")
        self.bad("up.sql.orig has no business there")
        (base / "up.sql.orig").unlink()
        (base / "down.sql").write_text("\n")
        self.bad("down.sql is missing or empty")
        (base / "down.sql").unlink()
        self.bad("down.sql is missing or empty")
        (base / "down.sql").write_text(DOWN)
        for metadata in ("", "run_in_transaction = true\n", "run-in-transaction = false\n"):
            (base / "metadata.toml").write_text(metadata)
            self.bad("metadata.toml must be just: run_in_transaction = false")

    def git(self, *arguments):
        subprocess.run(["git", "-C", self.root, "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments], check=True,
                       capture_output=True)

    def test_what_was_released_stays(self):
        self.accept()
        self.assertIn("there is no release to compare with", self.run_check()[1])
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "one")
        self.git("tag", "v0.1.0")
        self.assertIn("compared with 1 releases", self.run_check()[1])
        # Recorded again, which the checksums alone would accept.
        up = self.root / "migrations/sqlite" / BASE / "up.sql"
        up.write_text(up.read_text() + "-- A word more.\n")
        (self.root / "migrations/checksums").unlink()
        self.bad("was released with v0.1.0")


class Page(unittest.TestCase):
    def test_its_recipes_pass(self):
        page = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/migrations.md"
        recipes = re.findall(r"^```sql\n(.*?)^```", page.read_text(), re.M | re.S)
        self.assertGreater(len(recipes), 5)
        for recipe in recipes:
            with self.subTest(recipe):
                schema = check.Schema({"nodes": {"colour"}})
                outside = "CONCURRENTLY" in recipe or "DO $$" in recipe
                for statement in check.postgres.read(recipe, schema, not outside):
                    self.assertEqual(list(statement.complaints()), [])


@unittest.skipUnless(os.environ.get("CLOUDDRIVE_STACK"), "run it under scripts/stack for what needs a server")
class Applied(Case):
    """Migrations run on a server, as with --apply."""

    def apply(self):
        migrations = check.Check(self.root).migrations["postgres"]
        return list(check.postgres.apply(migrations, os.environ["DATABASE_URL"]))

    def test_up_and_down(self):
        self.write("postgres", NEXT, "CREATE INDEX CONCURRENTLY i ON files (size);", "DROP INDEX CONCURRENTLY i;", outside=True)
        self.assertEqual(self.apply(), [])
        self.accept_of_postgres("--apply")

    def accept_of_postgres(self, *options):
        self.write("sqlite", NEXT, "CREATE INDEX i ON files (size);")
        code, said = self.run_check("--accept", *options)
        self.assertEqual(code, 0, said)
        self.assertIn("PostgreSQL's ran", said)

    def test_why_outside_a_transaction_there_is_one_statement(self):
        two = "CREATE INDEX CONCURRENTLY i ON files (size); CREATE INDEX CONCURRENTLY j ON files (id);"
        self.write("postgres", NEXT, two, outside=True)
        self.assertIn("cannot run inside a transaction block", self.apply()[0])

    def test_rows_in_batches(self):
        batches = """DO $$ BEGIN
            LOOP
                UPDATE files SET size = 0 WHERE id IN (SELECT id FROM files WHERE size IS NULL LIMIT 2);
                EXIT WHEN NOT FOUND;
                COMMIT;
            END LOOP;
        END $$;"""
        rows = "INSERT INTO files (id) SELECT generate_series(1, 5);"
        self.write("postgres", "2026-01-15-000000_rows", rows)
        self.write("postgres", NEXT, batches, outside=True)
        self.assertEqual(self.apply(), [])

    def test_it_fails(self):
        self.write("postgres", NEXT, "CREATE TABLE files (id bigint);")
        self.assertIn("already exists", self.apply()[0])
        self.write("postgres", NEXT, "CREATE TABLE more (id bigint);", "DROP TABLE none;")
        self.assertIn(f"{NEXT}: down: ", self.apply()[0])
        self.write("postgres", NEXT, "CREATE TABLE more (id bigint); CREATE INDEX more_id ON more (id);", "DROP INDEX more_id;")
        self.assertIn("down.sql does not bring back", self.apply()[0])

    def test_no_server(self):
        self.assertIn("no database can be made", list(check.postgres.apply([], "postgres://nobody@127.0.0.1:1/none"))[0])


if __name__ == "__main__":
    unittest.main()
