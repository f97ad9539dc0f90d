"""What can be said of the services' tables without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from dbkit.backends import backend_names, get_backend
from dbkit.backends.kinds import BinaryKind, EnumKind, StringKind
from tests.services.tables import SERVICES, metadata_of

LONGEST_NAME = 63  # PostgreSQL's NAMEDATALEN - 1, the shortest limit of all backends
MYSQL_KEY_BYTES = 3072  # https://dev.mysql.com/doc/refman/8.4/en/innodb-limits.html, the same on TiDB
MSSQL_KEY_BYTES = 1700  # https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
MSSQL_CLUSTERED_KEY_BYTES = 900  # likewise; a primary key is clustered
# SQLAlchemy's lists for MySQL and MariaDB hold them, yet they need no quotes in a default session (MariaDB 10.11, TiDB 8.5.3)
NEEDLESSLY_QUOTED = {"body", "position", "role"}


def tables() -> Iterator[sa.Table]:
    """Give the tables of all services."""
    for service in SERVICES:
        yield from metadata_of(service).tables.values()


def names(table: sa.Table) -> Iterator[str]:
    """Give the names of a table's constraints and indexes."""
    for rule in [*table.constraints, *table.indexes]:
        assert rule.name, f"{table.name}: {rule!r} has no name"
        yield str(rule.name)


def keys() -> Iterator[tuple[str, list[sa.Column[object]]]]:
    """Give everything that is an index on some backend, with its columns."""
    for table in tables():
        for rule in [*table.constraints, *table.indexes]:
            if not isinstance(rule, sa.CheckConstraint):
                yield str(rule.name), list(rule.columns)


def key_bytes(column: sa.Column[object]) -> int:
    """Reckon what a column takes of an index key: text 4 bytes a character, the rest 16 at most."""
    kind = column.type.kind
    match kind:
        case StringKind():
            return 4 * kind.length
        case EnumKind():
            return 4 * 64  # the longest label
        case BinaryKind():
            return kind.length
        case _:
            return 16


def test_services_can_share_a_database() -> None:
    clashes = {name for name, count in Counter(table.name for table in tables()).items() if count > 1}

    assert clashes == set()


def test_names_of_constraints_and_indexes_are_unique_across_services() -> None:
    clashes = {
        name for name, count in Counter(name for table in tables() for name in names(table)).items() if count > 1
    }

    assert clashes == set()


def test_every_name_fits_every_backend() -> None:
    too_long = {
        name
        for table in tables()
        for name in [table.name, *table.columns.keys(), *names(table)]
        if len(name) > LONGEST_NAME
    }

    assert too_long == set()


@pytest.mark.parametrize("backend", backend_names())
def test_no_name_is_a_reserved_word(backend: str) -> None:
    preparer = get_backend(backend).ddl.offline_dialect(None).identifier_preparer
    words = {word for table in tables() for word in [table.name, *table.columns.keys()]}

    assert {word for word in words if preparer.quote(word) != word} <= NEEDLESSLY_QUOTED


def test_every_index_fits_mysql_and_tidb() -> None:
    sizes = {name: sum(map(key_bytes, columns)) for name, columns in keys()}

    assert {name: size for name, size in sizes.items() if size > MYSQL_KEY_BYTES} == {}


def test_every_index_fits_sql_server() -> None:
    sizes = {name: sum(map(key_bytes, columns)) for name, columns in keys()}
    limits = {name: MSSQL_CLUSTERED_KEY_BYTES if name.startswith("pk_") else MSSQL_KEY_BYTES for name in sizes}

    assert {name: size for name, size in sizes.items() if size > limits[name]} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_no_table_is_reached_by_two_paths_of_cascades(service: str) -> None:
    # SQL Server refuses these, and a table that cascades to itself: error 1785
    children: dict[str, list[str]] = {table: [] for table in metadata_of(service).tables}
    for table in metadata_of(service).tables.values():
        for key in table.foreign_key_constraints:
            if key.ondelete:
                children[key.referred_table.name].append(table.name)

    def reached(table: str) -> Iterator[str]:
        for child in children[table]:
            assert child != table
            yield child
            yield from reached(child)

    assert {
        (root, table): count for root in children for table, count in Counter(reached(root)).items() if count > 1
    } == {}


def test_every_foreign_key_has_an_index_that_begins_with_its_columns() -> None:
    bare = set()
    for table in tables():
        ordered = [
            [column.name for column in rule.columns]
            for rule in [*table.constraints, *table.indexes]
            if isinstance(rule, sa.PrimaryKeyConstraint | sa.UniqueConstraint | sa.Index)
        ]
        for key in table.foreign_key_constraints:
            if not any(columns[: len(key.column_keys)] == list(key.column_keys) for columns in ordered):
                bare.add(key.name)

    assert bare == set()
