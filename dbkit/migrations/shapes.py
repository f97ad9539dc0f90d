"""What stands in a database, as its server words it, and what is different between two looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dbkit.backends import backend_of

if TYPE_CHECKING:
    from dbkit.backends.protocol import Ddl

__all__ = ["Shape", "changes", "look"]

Shape = dict[tuple[str, str], str]
"""By kind and name (`column`, `users.id`), what it is."""
INTERNAL = "dbkit_"


def look(connection: sa.Connection, *, but: Collection[str]) -> Shape:
    """Describe tables, views and what belongs to them; dbkit's own tables and those of these names left out. Leaves no open transaction."""
    inspector = sa.inspect(connection)
    found: Shape = {}
    for name in inspector.get_table_names():
        if name not in but and not name.startswith(INTERNAL):
            found |= dict(_table(inspector, connection.dialect, name))
    found |= {("view", name): "" for name in inspector.get_view_names()}
    enums = inspector.get_enums() if hasattr(inspector, "get_enums") else []
    found |= {("type", item["name"]): ", ".join(map(repr, item["labels"])) for item in enums}
    connection.rollback()
    return found


def changes(before: Shape, after: Shape) -> Iterator[str]:
    """Word what is different; what belongs to a table that is new or gone goes without saying."""
    whole = {name for kind, name in before.keys() ^ after.keys() if kind == "table"}
    for key in sorted(before.keys() | after.keys()):
        kind, name = key
        if kind != "table" and name.partition(".")[0] in whole:
            continue
        if key not in before:
            yield f"{kind} {name} is left"
        elif key not in after:
            yield f"{kind} {name} is missing"
        elif before[key] != after[key]:
            yield f"{kind} {name} is {after[key]}, and was {before[key]}"


def _table(inspector: sa.Inspector, dialect: sa.Dialect, table: str) -> Iterator[tuple[tuple[str, str], str]]:
    ddl = backend_of(dialect).ddl
    yield ("table", table), ""
    for column in inspector.get_columns(table):
        yield ("column", f"{table}.{column['name']}"), _column(column, dialect, ddl)
    key = inspector.get_pk_constraint(table)
    yield ("primary key", table), _names(key["constrained_columns"])
    for item in inspector.get_foreign_keys(table):
        columns = _names(item["constrained_columns"])
        to = f"{item['referred_table']} {_names(item['referred_columns'])}"
        how = " ".join(f"{name} {value}" for name, value in sorted(item.get("options", {}).items()) if value)
        yield ("foreign key", f"{table}.{item['name'] or columns}"), f"{columns} to {to} {how}".strip()
    for unique in inspector.get_unique_constraints(table):
        columns = _names(unique["column_names"])
        yield ("unique", f"{table}.{unique['name'] or columns}"), columns
    for index in inspector.get_indexes(table):
        columns = _names(index.get("expressions") or index["column_names"])
        yield ("index", f"{table}.{index['name']}"), f"{'unique ' if index['unique'] else ''}{columns}"
    for check in inspector.get_check_constraints(table):
        # each server words the condition in its own way, and not always in the same
        yield ("check", f"{table}.{check['name'] or check['sqltext']}"), ""


def _column(column: Any, dialect: sa.Dialect, ddl: Ddl) -> str:  # noqa: ANN401 - what SQLAlchemy has read
    try:
        type_ = ddl.canonical_type(dialect.type_compiler_instance.process(column["type"]))
    except sa.exc.CompileError:
        type_ = repr(column["type"])
    default = ddl.canonical_default(column["default"])
    words = [type_, "" if column["nullable"] else "not null", f"default {default}" if default else ""]
    return " ".join(word for word in words if word)


def _names(columns: Any) -> str:  # noqa: ANN401 - what SQLAlchemy has read
    return f"({', '.join(str(column) for column in columns)})"
