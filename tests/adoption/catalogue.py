"""Everything that a database holds, as texts that can be compared: its tables and what belongs to them, and all rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

BOOKKEEPING = frozenset({"dbkit_lease"})
"""dbkit's own table on TiDB: it is told of there (docs), and no application's."""

_POSTGRESQL = {
    "table": "SELECT n.nspname || '.' || c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE {ours} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
    "column": "SELECT n.nspname || '.' || c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, "
    "format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, "
    "l.collname, col_description(c.oid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
    "LEFT JOIN pg_collation l ON l.oid = a.attcollation "
    "WHERE {ours} AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
    "constraint": "SELECT n.nspname || '.' || c.relname, o.conname, o.contype, pg_get_constraintdef(o.oid), o.convalidated "
    "FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours}",
    "index": "SELECT n.nspname || '.' || c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisunique "
    "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours}",
    "trigger": "SELECT n.nspname || '.' || c.relname, pg_get_triggerdef(t.oid) FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours} AND NOT t.tgisinternal",
    "view": "SELECT n.nspname || '.' || c.relname, pg_get_viewdef(c.oid) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours} AND c.relkind IN ('v', 'm')",
    "sequence": "SELECT schemaname || '.' || sequencename, data_type::text, start_value, min_value, max_value, increment_by, "
    "cycle, last_value FROM pg_sequences n WHERE n.schemaname !~ '^pg_'",
    "owned": "SELECT n.nspname || '.' || c.relname, p.relname, d.refobjsubid, d.deptype FROM pg_depend d "
    "JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_class p ON p.oid = d.refobjid WHERE {ours} AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0",
    "enum": "SELECT n.nspname || '.' || t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_type t "
    "JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {ours} GROUP BY 1",
    "function": "SELECT n.nspname || '.' || p.proname, pg_get_functiondef(p.oid) FROM pg_proc p "
    "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {ours} AND p.prokind IN ('f', 'p') "
    "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
    "extension": "SELECT extname, extversion FROM pg_extension n",
    "schema": "SELECT n.nspname, obj_description(n.oid) FROM pg_namespace n WHERE {ours}",
}
_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What a database holds: by the name of each object what it is made of, and by the name of each table its rows."""

    objects: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, tuple[str, ...]]

    @property
    def tables(self) -> int:
        """How many tables there are."""
        return len(self.rows)


def read_catalogue(engine: sa.Engine, *, varying: frozenset[str] = frozenset()) -> Catalogue:
    """Read all of a database, but for the values of the columns (`table.column`) that are others in each run."""
    with engine.connect() as connection:
        objects, tables = _READERS[engine.dialect.name](connection)
        rows = {name: _rows(connection, name, source, varying=varying) for name, source in tables.items()}
    return Catalogue(objects=objects, rows=rows)


def differences(stock: Catalogue, ours: Catalogue) -> list[str]:
    """List what is not the same in two databases, in words that name the object."""
    found = []
    for what, left, right in (("object", stock.objects, ours.objects), ("rows of", stock.rows, ours.rows)):
        for name in sorted({*left, *right}):
            before, after = set(left.get(name, ())), set(right.get(name, ()))
            if left.get(name) != right.get(name):
                found.append(f"{what} {name}: stock has {sorted(before - after)}, dbkit has {sorted(after - before)}")
    return found


def _rows(connection: sa.Connection, name: str, source: str, *, varying: frozenset[str]) -> tuple[str, ...]:
    found = connection.exec_driver_sql(f"SELECT * FROM {source}").mappings()
    table = name.rpartition(".")[2]
    kept = ({key: value for key, value in row.items() if f"{table}.{key}" not in varying} for row in found)
    return tuple(sorted(map(repr, kept)))


Read = tuple[dict[str, tuple[str, ...]], dict[str, str]]


def _sqlite(connection: sa.Connection) -> Read:
    objects: dict[str, tuple[str, ...]] = {}
    tables = {}
    for kind, name, table, sql in connection.exec_driver_sql(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
    ).all():
        if kind == "table":
            tables[name] = f'"{name}"'
        if kind in ("table", "view"):
            columns = [repr(tuple(row)) for row in connection.exec_driver_sql(f'PRAGMA table_xinfo("{name}")')]
            objects[f"{kind} {name}"] = (*columns, *_parts(sql))
        elif sql is not None:  # else it is that of a key, which stands in the table's own text
            objects[f"{kind} {name}"] = (table, sql)
    return objects, tables


def _parts(sql: str) -> list[str]:
    """Split a definition at its lines: a batch copies unnamed constraints in an order that is another one in each run."""
    return sorted(line.strip().rstrip(",").strip() for line in sql.splitlines())


def _postgresql(connection: sa.Connection) -> Read:
    objects: dict[str, tuple[str, ...]] = {}
    for kind, query in _POSTGRESQL.items():
        for name, *facts in connection.exec_driver_sql(query.replace("{ours}", _OURS).replace("%", "%%")):
            key = f"{kind if kind in ('sequence', 'enum', 'function') else 'object'} {name}"
            objects[key] = (*objects.get(key, ()), repr((kind, *facts)))
    listed = connection.exec_driver_sql(
        f"SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE {_OURS} AND c.relkind IN ('r', 'p')"
    )
    tables = {f"{schema}.{name}": f'"{schema}"."{name}"' for schema, name in listed}
    return {key: tuple(sorted(value)) for key, value in objects.items()}, tables


def _mysql(connection: sa.Connection) -> Read:
    objects: dict[str, tuple[str, ...]] = {}
    tables = {}
    database = str(connection.engine.url.database)
    for name, kind in connection.exec_driver_sql("SHOW FULL TABLES").all():
        if name in BOOKKEEPING:
            continue
        what = "VIEW" if kind == "VIEW" else "TABLE"
        text = connection.exec_driver_sql(f"SHOW CREATE {what} `{name}`").one()[1]
        # the next value depends on how many ids a connection had reserved, and the view names its database
        text = re.sub(r" (AUTO_INCREMENT|AUTO_ID_CACHE)=\d+", "", text).replace(f"`{database}`.", "")
        lines = [line.strip().rstrip(",") for line in text.splitlines()]
        # columns stand in their order; SQLAlchemy makes the indexes of a table in an order that is another one in each run
        columns = [line for line in lines if line.startswith("`")]
        objects[f"{what.lower()} {name}"] = (*columns, *sorted(line for line in lines if not line.startswith("`")))
        if what == "TABLE":
            tables[name] = f"`{name}`"
    for kind, query in (
        ("trigger", "SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers"),
        ("routine", "SELECT routine_name, routine_type, routine_definition FROM information_schema.routines"),
    ):
        where = f"{kind}_schema = DATABASE()"
        for name, *facts in connection.exec_driver_sql(f"{query} WHERE {where}"):
            objects[f"{kind} {name}"] = (repr(tuple(facts)),)
    return objects, tables


_READERS: Mapping[str, Callable[[sa.Connection], Read]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
    "tidb": _mysql,
}
