"""The SQL of every portable type on every backend, offline: what version 1 means never changes."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.schema import CreateTable

import dbkit.types as dbt
from dbkit.backends import get_backend

BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb", "tidb", "mssql")
v1 = dbt.v1
EXACT = " CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
BIN2 = " COLLATE Latin1_General_100_BIN2"
VALID = "CONSTRAINT ck_t_c CHECK (c IS NULL OR json_valid(c))"
LISTED = "CONSTRAINT ck_t_c CHECK (c IS NULL OR (json_valid(c) AND json_type(c) = 'array'))"

# PostgreSQL, MySQL (MariaDB and TiDB differ by the name of the collation at most), SQL Server, SQLite
TYPES: list[tuple[Any, str, str, str, str]] = [
    (v1.Uuid(), "UUID", "BINARY(16)", "UNIQUEIDENTIFIER", "CHAR(32)"),
    (
        v1.Json(),
        "JSONB",
        "JSON",
        f"NVARCHAR(max){BIN2} CONSTRAINT ck_t_c CHECK (ISJSON(c, VALUE) = 1)",
        f"TEXT {VALID}",
    ),
    (
        v1.Array(v1.Text()),
        "TEXT[]",
        "JSON",
        f"NVARCHAR(max){BIN2} CONSTRAINT ck_t_c CHECK (ISJSON(c, ARRAY) = 1)",
        f"TEXT {LISTED}",
    ),
    (v1.UtcDateTime(), "TIMESTAMP WITH TIME ZONE", "DATETIME(6)", "DATETIMEOFFSET(6)", "TEXT"),
    (v1.Date(), "DATE", "DATE", "DATE", "TEXT"),
    (v1.String(200), "VARCHAR(200)", f"VARCHAR(200){EXACT}", f"NVARCHAR(400){BIN2}", "VARCHAR(200)"),
    (v1.String(2001), "VARCHAR(2001)", f"VARCHAR(2001){EXACT}", f"NVARCHAR(max){BIN2}", "VARCHAR(2001)"),
    (v1.Text(), "TEXT", f"LONGTEXT{EXACT}", f"NVARCHAR(max){BIN2}", "TEXT"),
    (
        v1.Enum("b", "a's", "5%"),
        "VARCHAR(64) CONSTRAINT ck_t_c CHECK (c IN ('b', 'a''s', '5%'))",
        f"ENUM('5%', 'a''s', 'b'){EXACT}",
        f"NVARCHAR(128){BIN2} CONSTRAINT ck_t_c CHECK (c IN (N'b', N'a''s', N'5%'))",
        "VARCHAR(64) CONSTRAINT ck_t_c CHECK (c IN ('b', 'a''s', '5%'))",
    ),
    (v1.Numeric(12, 2), "NUMERIC(12, 2)", "DECIMAL(12, 2)", "DECIMAL(12, 2)", "SCALED_INT(12, 2)"),
    (v1.Numeric(19, 4), "NUMERIC(19, 4)", "DECIMAL(19, 4)", "DECIMAL(19, 4)", "PADDED_TEXT(19, 4)"),
    (v1.Binary(), "BYTEA", "LONGBLOB", "VARBINARY(max)", "BLOB"),
    (v1.Binary(32), "BYTEA", "VARBINARY(32)", "VARBINARY(32)", "BLOB"),
    (v1.Boolean(), "BOOLEAN", "BOOL", "BIT", "BOOLEAN CONSTRAINT ck_t_c CHECK (c IN (0, 1))"),
    (v1.SmallInteger(), "SMALLINT", "SMALLINT", "SMALLINT", "INTEGER"),
    (v1.Integer(), "INTEGER", "INTEGER", "INTEGER", "INTEGER"),
    (v1.BigInteger(), "BIGINT", "BIGINT", "BIGINT", "INTEGER"),
    (v1.Float(), "DOUBLE PRECISION", "DOUBLE", "FLOAT(53)", "REAL"),
]
COLUMN = {"postgresql": 1, "mysql": 2, "mariadb": 2, "tidb": 2, "mssql": 3, "sqlite": 4}
NOPAD = {"mariadb": "utf8mb4_nopad_bin"}
# What an array's items are on the one backend that says it.
ITEMS = [
    (v1.Integer(), "INTEGER[]"),
    (v1.Float(), "DOUBLE PRECISION[]"),
    (v1.Uuid(), "UUID[]"),
    (v1.String(5), "VARCHAR(5)[]"),
    (v1.Numeric(5, 2), "NUMERIC(5, 2)[]"),
    (v1.UtcDateTime(), "TIMESTAMP WITH TIME ZONE[]"),
    (v1.Date(), "DATE[]"),
    (v1.Boolean(), "BOOLEAN[]"),
    (v1.Enum("a"), "VARCHAR(64)[]"),
]


def dialect_of(backend: str) -> sa.Dialect:
    return get_backend(backend).ddl.offline_dialect(None)


def column_sql(backend: str, *args: Any, **kwargs: Any) -> str:
    table = sa.Table("t", sa.MetaData(), sa.Column("c", *args, **kwargs))
    return str(CreateTable(table).compile(dialect=dialect_of(backend))).split("(\n\t", 1)[1].rsplit("\n)", 1)[0].strip()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", TYPES, ids=lambda row: repr(row[0]))
def test_a_column_of_version_1(backend: str, row: tuple[Any, ...]) -> None:
    wanted = row[COLUMN[backend]].replace("utf8mb4_0900_bin", NOPAD.get(backend, "utf8mb4_0900_bin"))
    assert column_sql(backend, row[0]) == f"c {wanted}" + (" NULL" if backend == "mssql" else "")


@pytest.mark.parametrize(("item", "wanted"), ITEMS, ids=repr)
def test_an_array_of_version_1_on_postgresql(item: Any, wanted: str) -> None:
    assert column_sql("postgresql", v1.Array(item)) == f"c {wanted}"


DEFAULTS: list[tuple[Any, Any, dict[str, str]]] = [
    (
        v1.UtcDateTime(),
        v1.Now(),
        {
            "sqlite": "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')",
            "postgresql": "now()",
            "mysql": "CURRENT_TIMESTAMP(6)",
            "mssql": "TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00')",
        },
    ),
    (
        v1.Json(),
        v1.EmptyObject(),
        {"sqlite": "'{}'", "postgresql": "'{}'", "mysql": "(JSON_OBJECT())", "mssql": "N'{}'"},
    ),
    (
        v1.Json(),
        v1.EmptyArray(v1.Json()),
        {"sqlite": "'[]'", "postgresql": "'[]'", "mysql": "(JSON_ARRAY())", "mssql": "N'[]'"},
    ),
    (
        v1.Array(v1.Integer()),
        v1.EmptyArray(),
        {"sqlite": "'[]'", "postgresql": "'{}'", "mysql": "(JSON_ARRAY())", "mssql": "N'[]'"},
    ),
    (
        v1.Boolean(),
        v1.Literal(True, v1.Boolean()),
        {"sqlite": "1", "postgresql": "true", "mysql": "1", "mssql": "1"},
    ),
    (
        v1.Integer(),
        v1.Literal(-5, v1.Integer()),
        {"sqlite": "(-5)", "postgresql": "-5", "mysql": "'-5'", "mssql": "-5"},
    ),
    (
        v1.Numeric(5, 2),
        v1.Literal("1.5", v1.Numeric(5, 2)),
        {"sqlite": "150", "postgresql": "1.50", "mysql": "'1.50'", "mssql": "1.50"},
    ),
    (
        v1.Numeric(20, 2),
        v1.Literal("-1.5", v1.Numeric(20, 2)),
        {"sqlite": "'099999999999999999849'", "postgresql": "-1.50", "mysql": "'-1.50'", "mssql": "-1.50"},
    ),
    (
        v1.Float(),
        v1.Literal(0.1, v1.Float()),
        {"sqlite": "(0.1)", "postgresql": "'0.1'::float8", "mysql": "'0.1'", "mssql": "0.1e0"},
    ),
    (
        v1.String(20),
        v1.Literal("it's 5% \\", v1.String(20)),
        {
            "sqlite": "'it''s 5% \\'",
            "postgresql": "'it''s 5% \\'",
            "mysql": "'it''s 5% \\\\'",
            "mssql": "N'it''s 5% \\'",
        },
    ),
    (
        v1.Date(),
        v1.Literal("2026-01-31", v1.Date()),
        {
            "sqlite": "'2026-01-31'",
            "postgresql": "'2026-01-31'::date",
            "mysql": "'2026-01-31'",
            "mssql": "CAST('2026-01-31' AS DATE)",
        },
    ),
    (
        v1.UtcDateTime(),
        v1.Literal("2026-01-31T12:00:00+02:00", v1.UtcDateTime()),
        {
            "sqlite": "'2026-01-31 10:00:00.000000'",
            "postgresql": "'2026-01-31 10:00:00+00:00'::timestamptz",
            "mysql": "'2026-01-31 10:00:00.000000'",
            "mssql": "CAST('2026-01-31T10:00:00+00:00' AS DATETIMEOFFSET(6))",
        },
    ),
]


def default_of(wanted: dict[str, str], backend: str) -> str:
    return wanted[backend if backend in wanted else "mysql"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: repr(row[1]))
def test_a_default_of_version_1(backend: str, row: tuple[Any, Any, dict[str, str]]) -> None:
    type_, default, wanted = row
    words = column_sql(backend, type_, server_default=default, nullable=False)
    # SQLAlchemy 2.0 puts CURRENT_TIMESTAMP(6) in parentheses, which mean nothing there
    assert f" DEFAULT {default_of(wanted, backend)}" in words.replace("(CURRENT_TIMESTAMP(6))", "CURRENT_TIMESTAMP(6)")
    assert " NOT NULL" in words


def revised(backend: str, revise: Any) -> list[str]:
    """Give the statements that a revision's operations are offline."""
    output = io.StringIO()
    dialect = dialect_of(backend)
    options = {"as_sql": True, "output_buffer": output, "literal_binds": True}
    revise(Operations(MigrationContext.configure(dialect=dialect, opts=options)))
    return [text.strip().rstrip(";") for text in output.getvalue().split(";\n") if text.strip(" \nGO;")]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: repr(row[1]))
def test_a_default_in_a_column_that_is_added(backend: str, row: tuple[Any, Any, dict[str, str]]) -> None:
    type_, default, wanted = row
    column = sa.Column("c", type_, server_default=default, nullable=False)
    (statement, *_) = revised(backend, lambda op: op.add_column("t", column))
    statement = statement.replace("(CURRENT_TIMESTAMP(6))", "CURRENT_TIMESTAMP(6)")
    assert f" DEFAULT {default_of(wanted, backend)}" in statement
    assert statement.startswith("ALTER TABLE t ADD ")


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in {"sqlite", "mssql"}])
@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: repr(row[1]))
def test_a_default_that_is_altered(backend: str, row: tuple[Any, Any, dict[str, str]]) -> None:
    type_, default, wanted = row
    statements = revised(
        backend,
        lambda op: op.alter_column("t", "c", server_default=default, existing_type=type_, existing_nullable=False),
    )
    assert any(f" DEFAULT {default_of(wanted, backend)}" in statement for statement in statements)


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "sqlite"])
def test_an_altered_type_carries_no_check(backend: str) -> None:
    existing = v1.Enum("a", "b")
    statements = revised(
        backend,
        lambda op: op.alter_column(
            "t", "c", type_=v1.Enum("a", "b", "c"), existing_type=existing, existing_nullable=True
        ),
    )
    # what dbkit's own operation adds beside it, where that is in Alembic's place, is a statement of its own
    altering = [statement for statement in statements if "ADD CONSTRAINT" not in statement]
    assert altering
    assert [statement for statement in altering if "CHECK" in statement] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_a_revision_are_written_offline(backend: str) -> None:
    table = sa.table("t", sa.column("state", v1.Enum("a", "b")), sa.column("price", v1.Numeric(5, 2)))
    statements = revised(backend, lambda op: op.bulk_insert(table, [{"state": "a", "price": 1}]))
    price, state = {"sqlite": ("100", "'a'"), "mssql": ("1.00", "N'a'")}.get(backend, ("1.00", "'a'"))
    assert any(f"VALUES ({state}, {price})" in statement for statement in statements)


@pytest.mark.parametrize(
    ("backend", "wanted"),
    [
        ("sqlite", "id INTEGER NOT NULL"),
        ("postgresql", "id BIGSERIAL NOT NULL"),
        ("mysql", "id BIGINT NOT NULL AUTO_INCREMENT"),
        ("mariadb", "id BIGINT NOT NULL AUTO_INCREMENT"),
        ("tidb", "id BIGINT NOT NULL AUTO_INCREMENT"),
        ("mssql", "id BIGINT NOT NULL IDENTITY"),
    ],
)
def test_a_key_counts_up(backend: str, wanted: str) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("id", v1.BigInteger(), primary_key=True))
    assert wanted in str(CreateTable(table).compile(dialect=dialect_of(backend)))


def test_the_name_of_a_check_is_cut_where_it_is_too_long() -> None:
    metadata = sa.MetaData()
    table = sa.Table("t" * 40, metadata, sa.Column("a" * 30, v1.Boolean()), sa.Column("a" * 31, v1.Boolean()))
    words = str(CreateTable(table).compile(dialect=dialect_of("sqlite"))).split()
    names = [words[position + 1] for position, word in enumerate(words) if word == "CONSTRAINT"]
    assert [len(name) for name in names] == [63, 63]
    assert len(set(names)) == 2


def test_a_name_that_must_be_quoted_is_quoted_in_its_check() -> None:
    table = sa.Table("Order", sa.MetaData(), sa.Column("Is Open", v1.Boolean()))
    words = str(CreateTable(table).compile(dialect=dialect_of("sqlite")))
    assert '"Is Open" BOOLEAN CONSTRAINT "ck_Order_Is Open" CHECK ("Is Open" IN (0, 1))' in words


def test_a_statement_is_printed_without_a_backend() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("c", v1.Json()), sa.Column("n", v1.Numeric(5, 2)))
    assert str(sa.select(table.c.c).where(table.c.n == 1)) == "SELECT t.c \nFROM t \nWHERE t.n = :n_1"
