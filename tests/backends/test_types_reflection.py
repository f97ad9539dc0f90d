"""What was asked and what the server says that it has: the same in one spelling, and different where it is different."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import dbkit.types as dbt
from dbkit.backends import backend_of
from tests.servers import Database

ITEMS = [
    dbt.Text(),
    dbt.Integer(),
    dbt.BigInteger(),
    dbt.Float(),
    dbt.String(5),
    dbt.Uuid(),
    dbt.Numeric(5, 2),
    dbt.Enum("a", "b"),
    dbt.UtcDateTime(),
    dbt.Boolean(),
    dbt.Date(),
]
TYPES: list[Any] = [
    dbt.Uuid(),
    dbt.Json(),
    *(dbt.Array(item) for item in ITEMS),
    dbt.UtcDateTime(),
    dbt.Date(),
    dbt.String(1),
    dbt.String(200),
    dbt.String(2001),
    dbt.Text(),
    dbt.Enum("a", "b'", "c%", "CHECK (x)", "COLLATE y"),
    dbt.Enum("a", "b"),
    dbt.Numeric(12, 2),
    dbt.Numeric(12, 4),
    dbt.Numeric(30, 10),
    dbt.Numeric(38, 0),
    dbt.Binary(),
    dbt.Binary(5),
    dbt.Boolean(),
    dbt.SmallInteger(),
    dbt.Integer(),
    dbt.BigInteger(),
    dbt.Float(),
]


def constants(type_: Any, *values: Any) -> list[tuple[Any, Any]]:
    return [(type_, dbt.Literal(value, type_)) for value in values]


TEXT = [
    "it's %",
    "0",
    "-1.50",
    "1e5",
    "",
    "back\\slash",
    "a  b",
    "now()",
    "é😀",
    "(x)",
    "NULL",
    "'q'",
    "true",
    "a::text",
]
DEFAULTS: list[tuple[Any, Any]] = [
    (dbt.UtcDateTime(), dbt.Now()),
    (dbt.Json(), dbt.EmptyObject()),
    (dbt.Json(), dbt.EmptyArray(dbt.Json())),
    *((dbt.Array(item), dbt.EmptyArray()) for item in ITEMS),
    *constants(
        dbt.UtcDateTime(), "2020-01-02T03:04:05.5+02:00", "2020-01-02T00:00:00+00:00", "0001-01-01T00:00:00+00:00"
    ),
    *constants(dbt.Date(), "2020-01-02"),
    *constants(dbt.String(200), *TEXT),
    *constants(dbt.Enum("a", "b'", "c%"), "a", "b'", "c%"),
    *constants(dbt.Numeric(12, 2), "-1.5", 0, 12),
    *constants(dbt.Numeric(30, 10), "-1.5"),
    *constants(dbt.Boolean(), False, True),
    *constants(dbt.SmallInteger(), -5),
    *constants(dbt.Integer(), 0, 7),
    *constants(dbt.BigInteger(), -(2**63), 2**63 - 1),
    *constants(dbt.Float(), 1.5, 0.0, 1.0, -1e300, 5e-324, 1 / 3, 1e22),
]


@dataclass(frozen=True)
class Spelling:
    """A type and a default, each in the backend's one spelling."""

    type: str
    default: str | None


def asked(dialect: sa.Dialect, column: sa.Column[Any]) -> Spelling:
    ddl = backend_of(dialect).ddl
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    type_ = dialect.type_compiler_instance.process(column.type.dialect_impl(dialect), type_expression=column)
    default = compiler.get_column_default_string(column)
    if default is not None and dialect.identifier_preparer._double_percents:
        default = default.replace("%%", "%")
    return Spelling(ddl.canonical_type(type_), ddl.canonical_default(default))


def found(dialect: sa.Dialect, column: Any) -> Spelling:
    ddl = backend_of(dialect).ddl
    type_ = dialect.type_compiler_instance.process(column["type"])
    return Spelling(ddl.canonical_type(type_), ddl.canonical_default(column["default"]))


@pytest.fixture(scope="module")
def spellings(database: Database) -> Iterator[list[tuple[sa.Column[Any], Spelling, Spelling]]]:
    table = sa.Table(
        "many",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(f"t{number}", type_) for number, type_ in enumerate(TYPES)),
        *(sa.Column(f"d{number}", type_, server_default=default) for number, (type_, default) in enumerate(DEFAULTS)),
    )
    table.create(database.engine)
    dialect = database.engine.dialect
    columns = [column for column in sa.inspect(database.engine).get_columns("many") if column["name"] != "id"]
    yield [
        (table.c[column["name"]], asked(dialect, table.c[column["name"]]), found(dialect, column)) for column in columns
    ]
    table.drop(database.engine)


Spellings = list[tuple[sa.Column[Any], Spelling, Spelling]]


def test_the_server_has_what_was_asked_for(spellings: Spellings) -> None:
    assert len(spellings) == len(TYPES) + len(DEFAULTS)
    assert [(column.type, wanted, there) for column, wanted, there in spellings if wanted != there] == []


def test_a_table_of_all_types_is_reflected_whole(database: Database, spellings: Spellings) -> None:
    table = sa.Table("many", sa.MetaData(), autoload_with=database.engine)
    assert [column.name for column in table.columns if isinstance(column.type, sa.types.NullType)] == []
    assert len(table.columns) == len(spellings) + 1


# What some backend keeps in one and the same column type.
ALIKE = {
    "postgresql": {"BYTEA", "VARCHAR(64)", "VARCHAR(64)[]"},
    "mysql": {"JSON"},
    "tidb": {"JSON"},
    "mariadb": {"LONGTEXT"},
    "sqlite": {"TEXT", "INTEGER", "BLOB", "VARCHAR(64)"},
    "mssql": {"NVARCHAR(MAX)", "NVARCHAR(128)"},
}


def test_types_that_are_kept_differently_are_spelt_differently(database: Database, spellings: Spellings) -> None:
    by_spelling: dict[str, set[str]] = {}
    for column, _, there in spellings:
        if column.name.startswith("t"):
            by_spelling.setdefault(there.type, set()).add(repr(column.type))
    assert {spelling for spelling, types in by_spelling.items() if len(types) > 1} <= ALIKE[database.backend]


def test_defaults_that_differ_are_spelt_differently(spellings: Spellings) -> None:
    clashes = [
        (repr(first.server_default), repr(second.server_default))
        for first, _, one in spellings
        for second, _, other in spellings
        if first.name.startswith("d") and first.type == second.type and repr(first.type) == repr(second.type)
        if first.name < second.name and one.default == other.default
        if repr(first.server_default.arg) != repr(second.server_default.arg)  # type: ignore[union-attr]
    ]
    assert clashes == []


def test_any_text_is_found_again_as_a_default(database: Database) -> None:
    letters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\0")

    @settings(max_examples=10)
    @given(st.lists(st.text(letters, max_size=20), min_size=1, max_size=8))
    def check(texts: list[str]) -> None:
        type_ = dbt.String(50)
        columns = [
            sa.Column(f"c{number}", type_, server_default=dbt.Literal(text, type_)) for number, text in enumerate(texts)
        ]
        table = sa.Table("one", sa.MetaData(), *columns)
        table.create(database.engine)
        try:
            dialect = database.engine.dialect
            there = [found(dialect, column) for column in sa.inspect(database.engine).get_columns("one")]
            assert [asked(dialect, column) for column in columns] == there
        finally:
            table.drop(database.engine)

    check()
