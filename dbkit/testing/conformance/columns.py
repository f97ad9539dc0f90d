"""Columns of every portable type, and with every server default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

import dbkit.types as dbt
from dbkit.testing.conformance.samples import kinds_of

__all__ = ["DEFAULTS", "TYPES", "columns_of"]

ITEMS: list[Any] = [
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
    """Give a column of a type each of these constants as its default."""
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


def columns_of(refused: frozenset[str] = frozenset()) -> Iterator[sa.Column[Any]]:
    """Make a column of each type (`t0`, …) and with each default (`d0`, …), but for the kinds that a backend refuses."""
    for number, type_ in enumerate(TYPES):
        if not kinds_of(type_) & refused:
            yield sa.Column(f"t{number}", type_)
    for number, (type_, default) in enumerate(DEFAULTS):
        if not kinds_of(type_) & refused:
            yield sa.Column(f"d{number}", type_, server_default=default)
