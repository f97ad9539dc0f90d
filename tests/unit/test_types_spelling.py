"""Spellings of servers that are not always at hand, as their pages and SQLAlchemy's reflection give them."""

from __future__ import annotations

import pytest

from dbkit.backends import get_backend

TYPES = [
    ("mssql", "NVARCHAR(200) COLLATE Latin1_General_100_BIN2", "NVARCHAR(200)"),
    ("mssql", 'NVARCHAR(max) COLLATE "Latin1_General_100_BIN2"', "NVARCHAR"),
    ("mssql", "NUMERIC(12, 2)", "DECIMAL(12,2)"),
    ("mssql", "FLOAT(53)", "FLOAT"),
    ("mssql", "NVARCHAR(128) CONSTRAINT ck_t_c CHECK (c IN (N'a'))", "NVARCHAR(128)"),
    ("mysql", "BOOL", "TINYINT(1)"),
    ("mysql", "INTEGER(11)", "int"),
    ("mysql", "ENUM('a','b')", "ENUM('a', 'b') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"),
    ("mariadb", "JSON", "LONGTEXT COLLATE utf8mb4_bin"),
    ("mariadb", "BIGINT(20)", "BIGINT"),
    ("tidb", "VARCHAR(5) CHARSET utf8mb4 COLLATE utf8mb4_0900_bin", "VARCHAR(5)"),
    ("postgresql", "TIMESTAMP WITH TIME ZONE", "timestamptz(6)"),
    ("postgresql", "character varying(5)[]", "VARCHAR(5)[]"),
    ("postgresql", "DOUBLE PRECISION", "FLOAT8"),
    ("postgresql", "DECIMAL(5, 2)", "NUMERIC(5,2)"),
    ("sqlite", "TEXT CONSTRAINT ck_t_c CHECK (json_valid(c))", "text"),
]
DIFFERENT_TYPES = [
    ("mysql", "ENUM('a','b')", "ENUM('A','b')"),
    ("mysql", "ENUM('a CHECK b')", "ENUM('a')"),
    ("mysql", "VARCHAR(5)", "VARCHAR(6)"),
    ("mysql", "BOOL", "SMALLINT"),
    ("mysql", "DATETIME", "DATETIME(6)"),
    ("postgresql", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
    ("postgresql", "TIMESTAMP(3) WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
    ("postgresql", "TEXT[]", "TEXT"),
    ("postgresql", "REAL", "DOUBLE PRECISION"),
    ("mssql", "NVARCHAR(max)", "NVARCHAR(200)"),
    ("mssql", "DATETIME2(6)", "DATETIMEOFFSET(6)"),
    ("sqlite", "SCALED_INT(12, 2)", "SCALED_INT(12, 4)"),
    ("sqlite", "TEXT", "VARCHAR(5)"),
]
DEFAULTS = [
    ("mssql", "N'{}'", "(N'{}')"),
    ("mssql", "0", "((0))"),
    ("mssql", "-1.50", "((-1.50))"),
    ("mssql", "0.1e0", "((1.0000000000000001e-001))"),
    ("mssql", "CAST('2026-01-31' AS DATE)", "(CONVERT([date],'2026-01-31'))"),
    ("mssql", "TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00')", "(todatetimeoffset(sysutcdatetime(),'+00:00'))"),
    ("mysql", "CURRENT_TIMESTAMP(6)", "now(6)"),
    ("mysql", "(JSON_OBJECT())", "json_object()"),
    ("mysql", "'-1.50'", "-1.50"),
    ("mysql", None, "NULL"),
    ("mariadb", "CURRENT_TIMESTAMP(6)", "current_timestamp(6)"),
    ("postgresql", "now()", "CURRENT_TIMESTAMP"),
    ("postgresql", "'{}'", "'{}'::character varying(5)[]"),
    ("postgresql", "'2026-01-31 10:00:00+00:00'::timestamptz", "'2026-01-31 12:00:00+02'::timestamp with time zone"),
    ("postgresql", "-5", "'-5'::integer"),
    ("postgresql", None, "NULL::character varying"),
    ("sqlite", "(-5)", "-5"),
    ("sqlite", "true", "1"),
]
DIFFERENT_DEFAULTS = [
    ("mssql", "N'a'", "N'A'"),
    ("mysql", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP(6)"),
    ("mysql", "(JSON_OBJECT())", "(JSON_ARRAY())"),
    ("mysql", "'1.50'", "'1.5'"),
    ("mysql", "'current_timestamp(6)'", "CURRENT_TIMESTAMP(6)"),
    ("postgresql", "'now()'", "now()"),
    ("postgresql", "'5'::text", "5"),
    ("postgresql", "'a'::text", None),
    ("sqlite", "'0'", "0"),
    ("sqlite", "'a b'", "'a  b'"),
]


@pytest.mark.parametrize(("backend", "first", "second"), TYPES)
def test_two_spellings_of_one_type_are_the_same(backend: str, first: str, second: str) -> None:
    ddl = get_backend(backend).ddl
    assert ddl.canonical_type(first) == ddl.canonical_type(second)


@pytest.mark.parametrize(("backend", "first", "second"), DIFFERENT_TYPES)
def test_two_types_are_not_the_same(backend: str, first: str, second: str) -> None:
    ddl = get_backend(backend).ddl
    assert ddl.canonical_type(first) != ddl.canonical_type(second)


@pytest.mark.parametrize(("backend", "first", "second"), DEFAULTS)
def test_two_spellings_of_one_default_are_the_same(backend: str, first: str | None, second: str | None) -> None:
    ddl = get_backend(backend).ddl
    assert ddl.canonical_default(first) == ddl.canonical_default(second)


@pytest.mark.parametrize(("backend", "first", "second"), DIFFERENT_DEFAULTS)
def test_two_defaults_are_not_the_same(backend: str, first: str | None, second: str | None) -> None:
    ddl = get_backend(backend).ddl
    assert ddl.canonical_default(first) != ddl.canonical_default(second)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mysql", "mariadb", "tidb", "mssql"])
@pytest.mark.parametrize(("of", "text"), [*((0, row[1]) for row in TYPES), *((1, row[1]) for row in DEFAULTS)])
def test_the_one_spelling_of_a_spelling_is_itself(backend: str, of: int, text: str | None) -> None:
    ddl = get_backend(backend).ddl
    if of == 0:
        assert ddl.canonical_type(ddl.canonical_type(str(text))) == ddl.canonical_type(str(text))
    else:
        once = ddl.canonical_default(text)
        assert once is None or ddl.canonical_default(once) == once
