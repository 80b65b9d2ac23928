"""Migrations of PostgreSQL, with its own parser. Statements not known to be harmless are refused."""

import re
import subprocess
import tempfile

import pglast
from pglast import ast, enums

from common import Statement

# Functions that a default may call and still be one value for all existing rows.
STABLE = {"now", "transaction_timestamp", "statement_timestamp"}
HARMLESS = (ast.CommentStmt, ast.CreateEnumStmt, ast.CreateSeqStmt, ast.CreateStatsStmt)
CODE = (ast.DoStmt, ast.CallStmt, ast.CreateFunctionStmt, ast.SelectStmt, ast.ViewStmt, ast.CreateExtensionStmt)


class Reader:
    """Reads one up.sql, on the schema left by the migrations before it."""

    def __init__(self, schema, transactional):
        self.schema, self.transactional = schema, transactional
        self.fresh, self.unchecked, self.timeout = set(), set(), False
        self.altered, self.rows = None, []
        self.statements = []

    def read(self, sql):
        try:
            parsed = pglast.parse_sql(sql)
        except pglast.parser.ParseError as fault:
            statement = Statement(sql.count("\n", 0, getattr(fault, "location", 0) or 0) + 1, [])
            statement.wrong.append(f"PostgreSQL cannot read it: {fault}")
            return [statement]
        before = 0
        for raw in parsed:
            start = raw.stmt_location
            self.statement = Statement(sql.count("\n", 0, start) + 1, sql[before:start].splitlines())
            before = start + raw.stmt_len if raw.stmt_len else len(sql)
            self.look(raw.stmt)
            self.statements.append(self.statement)
        if not self.transactional and len(parsed) != 1:
            # They would be sent as one query, which PostgreSQL runs in a transaction.
            for statement in self.statements[:1]:
                statement.wrong.append("outside a transaction a migration has exactly one statement")
        for statement, table in self.rows:
            if self.altered:
                statement.need("lock", f"{table} changes while {self.altered}, altered in the same migration, is locked")
        return self.statements

    # Findings for the current statement.
    def need(self, kind, what):
        self.statement.need(kind, what)

    def wrong(self, what):
        self.statement.wrong.append(what)

    def existing(self, relation, *, locks=True):
        """The name of an existing table, or none. Locking it needs a short timeout: others queue behind the lock."""
        name = relation.relname
        if name in self.fresh:
            return None
        if locks and self.transactional and not self.timeout:
            self.wrong(f"it locks {name}: begin the migration with SET LOCAL lock_timeout = '5s', or all wait behind it")
            self.timeout = True  # once is enough
        return name

    def outside(self, what):
        if self.transactional:
            self.wrong(f"{what} cannot run in a transaction: say run_in_transaction = false in metadata.toml")

    def inside(self, what):
        if not self.transactional:
            self.wrong(f"{what} belongs in a transaction: outside of one, what fails half-way stays so")

    def look(self, node):
        handler = getattr(self, "look_" + type(node).__name__, None)
        if handler:
            handler(node)
        elif isinstance(node, HARMLESS):
            self.inside(type(node).__name__)
        elif isinstance(node, CODE):
            self.need("code", type(node).__name__)
        else:
            self.wrong(f"this check does not know {type(node).__name__}: teach it what that locks")

    def look_VariableSetStmt(self, node):
        value = node.args and node.args[0]
        if node.name not in ("lock_timeout", "statement_timeout") or not node.is_local or not value:
            return self.wrong("only SET LOCAL lock_timeout and SET LOCAL statement_timeout are for migrations")
        if node.name == "lock_timeout":
            value = value.val.ival if isinstance(value.val, ast.Integer) else value.val.sval
            match = re.fullmatch(r"(\d+)\s*(ms|s)?", str(value))
            seconds = int(match[1]) / (1 if match[2] == "s" else 1000) if match else 0
            if not 0 < seconds <= 10:
                self.wrong("lock_timeout must be more than none and at most 10 s")
            self.timeout = True
        self.inside("SET LOCAL")

    def look_TransactionStmt(self, node):
        self.wrong("a migration runs in a transaction already, or has run_in_transaction = false in metadata.toml")

    def look_CreateStmt(self, node):
        self.inside("CREATE TABLE")
        name = node.relation.relname
        self.fresh.add(name)
        self.schema.tables[name] = set()
        for element in node.tableElts or ():
            if isinstance(element, ast.ColumnDef):
                self.schema.tables[name].add(element.colname)
                self.references(element.constraints)
            elif isinstance(element, ast.Constraint):
                self.references([element])
            else:
                self.wrong(f"this check does not know {type(element).__name__} in a table")

    def references(self, constraints):
        for constraint in constraints or ():
            if constraint.contype == enums.ConstrType.CONSTR_FOREIGN:
                self.existing(constraint.pktable)

    def look_CreateTableAsStmt(self, node):
        self.wrong("name the columns of a table: CREATE TABLE, then INSERT … SELECT")

    def look_IndexStmt(self, node):
        if not node.idxname:
            return self.wrong("name the index")
        self.schema.indexes[node.idxname] = node.relation.relname
        if node.concurrent:
            self.outside("CREATE INDEX CONCURRENTLY")
            if node.if_not_exists:
                self.wrong("IF NOT EXISTS takes an index that was left half-made for a good one")
        else:
            self.inside("CREATE INDEX")
        table = self.existing(node.relation, locks=not node.concurrent)
        if table and not node.concurrent:
            self.need("lock", f"CREATE INDEX on {table} without CONCURRENTLY stops all writing to it")
        if table and node.unique:
            self.need("incompatible", f"a unique index on {table}")

    def look_AlterTableStmt(self, node):
        self.inside("ALTER TABLE")
        name = node.relation.relname
        table = self.existing(node.relation)
        if table:
            self.altered = table
        for command in node.cmds:
            self.alter(table, name, command, enums.AlterTableType(command.subtype).name)

    def alter(self, table, name, command, kind):
        columns = self.schema.tables.get(name, set())
        if kind == "AT_AddColumn":
            columns.add(command.def_.colname)
            self.references(command.def_.constraints)
        elif kind == "AT_DropColumn":
            columns.discard(command.name)
        elif kind == "AT_AddConstraint":
            self.references([command.def_])
            if command.def_.skip_validation:
                self.unchecked.add(command.def_.conname)
            if table and not command.def_.conname:
                self.wrong("name the constraint")
        if not table:
            return
        if kind == "AT_AddColumn":
            self.add_column(table, command.def_)
        elif kind == "AT_AddConstraint":
            self.add_constraint(table, command.def_)
        elif kind in ("AT_DropColumn", "AT_DropConstraint"):
            self.need("drop", f"{table} loses {command.name}")
        elif kind == "AT_AlterColumnType":
            self.need("rewrite", f"the type of {table}.{command.name}")
        elif kind == "AT_SetNotNull":
            self.need("lock", f"SET NOT NULL on {table}.{command.name} looks at every row, unless a valid CHECK says so already")
            self.need("incompatible", f"{table}.{command.name} may no longer be null")
        elif kind == "AT_DropNotNull":
            self.need("incompatible", f"{table}.{command.name} may be null, which versions before do not read")
        elif kind == "AT_ColumnDefault":
            if command.def_ is None:
                self.need("incompatible", f"{table}.{command.name} loses its default")
        elif kind == "AT_ValidateConstraint":
            if command.name in self.unchecked:
                self.need("lock", f"{command.name} is checked while the lock of its making is held: validate it in a migration "
                                  "of its own")
        elif kind not in ("AT_SetStatistics", "AT_SetRelOptions", "AT_ResetRelOptions"):
            self.wrong(f"this check does not know {kind}: teach it what that locks")

    def add_column(self, table, column):
        kinds = {constraint.contype: constraint for constraint in column.constraints or ()}
        what = f"{table}.{column.colname}"
        types = enums.ConstrType
        default = kinds.get(types.CONSTR_DEFAULT)
        if column.typeName.names[-1].sval in ("serial", "bigserial", "smallserial", "serial4", "serial8"):
            self.need("rewrite", f"{what} is numbered")
        elif default is not None and not self.is_one_value(default.raw_expr):
            self.need("rewrite", f"{what} has a default that differs from row to row")
        elif types.CONSTR_NOTNULL in kinds and default is None:
            self.need("incompatible", f"{what} must not be null and has no default")
        for kind in kinds:
            if kind in (types.CONSTR_IDENTITY, types.CONSTR_GENERATED):
                self.need("rewrite", f"{what} is made for each row")
            elif kind in (types.CONSTR_UNIQUE, types.CONSTR_PRIMARY):
                self.need("lock", f"an index for {what} is built")
            elif kind == types.CONSTR_CHECK:
                self.need("lock", f"the CHECK of {what} looks at every row")
            elif kind == types.CONSTR_FOREIGN and default is not None:
                self.need("lock", f"the reference of {what} looks at every row")

    def is_one_value(self, expression):
        if isinstance(expression, (ast.A_Const, ast.SQLValueFunction)):
            return True
        if isinstance(expression, ast.TypeCast):
            return self.is_one_value(expression.arg)
        if isinstance(expression, ast.FuncCall):
            return not expression.args and expression.funcname[-1].sval in STABLE
        return False

    def add_constraint(self, table, constraint):
        types, name = enums.ConstrType, f"{table}: {constraint.conname}"
        if constraint.indexname:
            return  # which already exists, and was declared incompatible when it was added
        self.need("incompatible", f"{name} is a constraint that versions before do not know")
        if constraint.contype in (types.CONSTR_CHECK, types.CONSTR_FOREIGN):
            if not constraint.skip_validation:
                self.need("lock", f"{name} looks at every row: add it NOT VALID, and VALIDATE it in a migration of its own")
        elif constraint.contype == types.CONSTR_UNIQUE:
            self.need("lock", f"{name} builds an index: make it CONCURRENTLY, then ADD CONSTRAINT … USING INDEX")
        else:
            self.need("lock", f"{name} looks at every row")

    def look_RenameStmt(self, node):
        self.inside("RENAME")
        old, new = node.subname, node.newname
        if node.renameType == enums.ObjectType.OBJECT_TABLE:
            old = node.relation.relname
            self.schema.tables[new] = self.schema.tables.pop(old, set())
        elif node.renameType == enums.ObjectType.OBJECT_COLUMN:
            self.schema.tables.get(node.relation.relname, set()).discard(old)
            self.schema.tables.get(node.relation.relname, set()).add(new)
        elif node.renameType == enums.ObjectType.OBJECT_INDEX:
            old = node.relation.relname
            self.schema.indexes[new] = self.schema.indexes.pop(old, None)
        if node.relation is None or self.existing(node.relation):
            self.need("rename", f"{old} becomes {new}")

    def look_DropStmt(self, node):
        if node.concurrent:
            self.outside("DROP INDEX CONCURRENTLY")
        else:
            self.inside("DROP")
        if node.behavior == enums.DropBehavior.DROP_CASCADE:
            self.wrong("CASCADE drops what is not named: drop it by name")
        for path in node.objects:
            # Functions are named with their arguments, types as a type, everything else as a path.
            path = getattr(path, "objname", None) or getattr(path, "names", None) or path
            name = (path[-1] if isinstance(path, tuple) else path).sval
            owner = self.schema.indexes.pop(name, None)
            if node.removeType == enums.ObjectType.OBJECT_TABLE:
                self.schema.tables.pop(name, None)
                self.schema.indexes = {index: table for index, table in self.schema.indexes.items() if table != name}
            if name in self.fresh or owner in self.fresh:
                continue
            if not node.concurrent:
                self.existing(ast.RangeVar(relname=name))
            self.need("drop", f"DROP of {name}")

    def change_rows(self, relation, what):
        table = self.existing(relation, locks=False)
        if table:
            self.need("data", f"{what} {table}")
            self.rows.append((self.statement, table))

    def look_UpdateStmt(self, node):
        self.change_rows(node.relation, "UPDATE of")

    def look_DeleteStmt(self, node):
        self.change_rows(node.relation, "DELETE from")

    def look_InsertStmt(self, node):
        if node.onConflictClause or node.selectStmt is None or node.selectStmt.fromClause:
            self.change_rows(node.relation, "INSERT of a query into")

    def look_TruncateStmt(self, node):
        for relation in node.relations:
            if self.existing(relation):
                self.need("data", f"TRUNCATE of {relation.relname}")

    def look_LockStmt(self, node):
        for relation in node.relations:
            if self.existing(relation):
                self.need("lock", f"LOCK TABLE {relation.relname}")

    def look_ReindexStmt(self, node):
        if any(option.defname == "concurrently" for option in node.params or ()):
            return self.outside("REINDEX CONCURRENTLY")
        self.need("lock", "REINDEX without CONCURRENTLY")

    def look_ClusterStmt(self, node):
        self.need("rewrite", "CLUSTER")

    def look_VacuumStmt(self, node):
        self.outside("VACUUM")
        if any(option.defname == "full" for option in node.options or ()):
            self.need("rewrite", "VACUUM FULL")

    def look_AlterEnumStmt(self, node):
        if node.oldVal:
            self.need("rename", f"{node.oldVal} becomes {node.newVal}")

    def look_GrantStmt(self, node):
        if not node.is_grant:
            self.need("incompatible", "REVOKE")

    def look_CreateTrigStmt(self, node):
        self.existing(node.relation)
        self.need("code", f"the trigger {node.trigname}")


def read(sql, schema, transactional):
    return Reader(schema, transactional).read(sql)


def psql(database, *arguments, text=None):
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", database, *arguments], input=text, text=True,
        capture_output=True)
    return done.stderr.strip() if done.returncode else ""


def apply(migrations, url):
    """Runs all of them like the server, in a separate database, each up, down and up again. Yields errors."""
    name = f"clouddrive_migrations_{tempfile.mktemp(dir='', prefix='')}".lower()
    database = re.sub(r"(/)[^/?]*(\?.*)?$", rf"\g<1>{name}\g<2>", url)
    if fault := psql(url, "-c", f'CREATE DATABASE "{name}" ENCODING \'UTF8\' TEMPLATE template0'):
        yield f"postgres: no database can be made: {fault}"
        return
    try:
        def dump():
            text = subprocess.run(["pg_dump", "--schema-only", "--no-owner", database], check=True, text=True,
                                  capture_output=True).stdout
            # Some versions put a random word into each dump. Extensions belong to the database, and others may use
            # them.
            no_part = ("\\restrict", "\\unrestrict", "CREATE EXTENSION", "COMMENT ON EXTENSION", "--")
            return "\n".join(line for line in text.splitlines() if line and not line.startswith(no_part))

        for migration in migrations:
            # As one query, as the server sends it: this matters outside a transaction.
            option = ["--single-transaction"] if migration.transactional else []
            before = dump()
            for step, sql in (("up", migration.up), ("down", migration.down), ("up again", migration.up)):
                if step != "up" and migration.irreversible:
                    continue
                fault = psql(database, *option, "-c", sql)
                if fault:
                    yield f"{migration.name}: {step}: {fault}"
                    return
                if step == "down" and dump() != before:
                    yield f"{migration.name}: down.sql does not bring back the schema that was there before up.sql"
    finally:
        psql(url, "-c", f'DROP DATABASE "{name}"')
