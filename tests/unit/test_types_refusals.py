"""What a portable type refuses, and how it says so; what it makes of its parameters."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

import dbkit.types as dbt
from dbkit.backends import get_backend
from dbkit.errors import TypeRefusedError, ValueRefusedError
from dbkit.testing.conformance.samples import ALL

BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb", "tidb", "mssql")
REFUSED = [
    pytest.param(case.type, value, id=f"{case.id}-{number}")
    for case in ALL
    for number, value in enumerate(case.refused)
]


@pytest.mark.parametrize(("type_", "value"), REFUSED)
def test_a_value_that_some_backend_would_change_is_refused_before_any_is_asked(type_: Any, value: Any) -> None:
    with pytest.raises(ValueRefusedError) as caught:
        type_.accept(value)
    assert type_.frozen_repr() in caught.value.message or "dbt.v1." in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_refusal_is_the_same_on_every_backend(backend: str) -> None:
    dialect = get_backend(backend).ddl.offline_dialect(None)
    bind = dbt.Numeric(4, 2).dialect_impl(dialect).bind_processor(dialect)
    assert bind is not None
    with pytest.raises(ValueRefusedError) as caught:
        bind(0.1)
    assert caught.value.message == "0.1 cannot be kept as dbt.v1.Numeric(4, 2): a float is not an exact number"
    assert caught.value.hint == "pass a Decimal made of text: Decimal('0.1')"


def test_under_execution_the_refusal_is_the_origin_of_the_statement_error() -> None:
    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("id", dbt.Uuid()))
    with engine.begin() as connection:
        table.create(connection)
        with pytest.raises(StatementError) as caught:
            connection.execute(table.insert(), {"id": "123e4567-e89b-12d3-a456-426614174000"})
    engine.dispose()
    assert isinstance(caught.value.orig, ValueRefusedError)
    assert caught.value.orig.hint == "pass uuid.UUID(...)"


def test_a_long_value_is_named_in_few_characters() -> None:
    with pytest.raises(ValueRefusedError) as caught:
        dbt.String(10).accept("x" * 100_000)
    assert len(caught.value.message) < 150


def test_a_value_with_a_broken_repr_is_refused_all_the_same() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(ValueRefusedError, match="Broken"):
        dbt.Text().accept(Broken())


class Numbered(enum.Enum):
    ONE = 1


BAD_TYPES = {
    "a String without room": lambda: dbt.String(0),
    "a String that no VARCHAR holds": lambda: dbt.String(16384),
    "a Binary without room": lambda: dbt.Binary(0),
    "a Numeric of 39 digits": lambda: dbt.Numeric(39, 2),
    "a Numeric of 31 decimals": lambda: dbt.Numeric(38, 31),
    "more decimals than digits": lambda: dbt.Numeric(2, 3),
    "no labels": dbt.Enum,
    "an empty label": lambda: dbt.Enum("a", ""),
    "a label of 65 characters": lambda: dbt.Enum("a" * 65),
    "a label that ends in a blank": lambda: dbt.Enum("a "),
    "a label with a backslash": lambda: dbt.Enum("a\\b"),
    "a label with a line break": lambda: dbt.Enum("a\nb"),
    "a label that is there twice": lambda: dbt.Enum("a", "b", "a"),
    "labels that are numbers": lambda: dbt.Enum(Numbered),
    "an array of arrays": lambda: dbt.Array(dbt.Array(dbt.Text())),
    "an array of documents": lambda: dbt.Array(dbt.Json()),
    "an array of another type": lambda: dbt.Array(sa.Text()),  # type: ignore[arg-type]  # the point
    "a constant document": lambda: dbt.Literal({}, dbt.Json()),
    "a constant text of any length": lambda: dbt.Literal("x", dbt.Text()),
    "constant bytes": lambda: dbt.Literal(b"x", dbt.Binary(1)),
    "a constant UUID": lambda: dbt.Literal("123e4567-e89b-12d3-a456-426614174000", dbt.Uuid()),
}


@pytest.mark.parametrize("make", BAD_TYPES.values(), ids=BAD_TYPES)
def test_a_type_that_not_every_backend_can_keep_is_refused(make: Any) -> None:
    with pytest.raises(TypeRefusedError) as caught:
        make()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        (dbt.Json(), dbt.EmptyArray()),
        (dbt.Array(dbt.Text()), dbt.EmptyObject()),
        (dbt.Array(dbt.Text()), dbt.EmptyArray(dbt.Json())),
        (dbt.Date(), dbt.Now()),
        (dbt.String(5), dbt.Literal("a", dbt.String(6))),
        (dbt.Numeric(5, 2), dbt.Literal(1, dbt.Integer())),
    ],
    ids=lambda value: value.frozen_repr(),
)
def test_a_default_of_another_kind_than_its_column_is_refused(type_: Any, default: Any) -> None:
    with pytest.raises(TypeRefusedError, match="is no default for column 'c'"):
        sa.Table("t", sa.MetaData(), sa.Column("c", type_, server_default=default))


PRICE = sa.Table(
    "t",
    sa.MetaData(),
    sa.Column("price", dbt.Numeric(12, 2)),
    sa.Column("other", dbt.Numeric(10, 2)),
    sa.Column("rate", dbt.Numeric(12, 4)),
    sa.Column("big", dbt.Numeric(30, 2)),
    sa.Column("count", dbt.Integer()),
    sa.Column("plain", sa.Integer),
).c
WRONG_UNITS = {
    "a quotient": lambda: PRICE.price / 2,
    "a quotient of columns": lambda: PRICE.price / PRICE.count,
    "a remainder": lambda: PRICE.price % 2,
    "a product with a decimal": lambda: PRICE.price * Decimal("1.5"),
    "a product of two prices": lambda: PRICE.price * PRICE.rate,
    "a sum of two scales": lambda: PRICE.price + PRICE.rate,
    "a comparison of two scales": lambda: PRICE.price > PRICE.rate,
    "a comparison with a whole number column": lambda: PRICE.price > PRICE.count,
    "a comparison with a plain whole number column": lambda: PRICE.price == PRICE.plain,
    "a sum beyond 18 digits": lambda: PRICE.big + 1,
    "a comparison across 18 digits": lambda: PRICE.big == PRICE.price,
}


@pytest.mark.parametrize("make", WRONG_UNITS.values(), ids=WRONG_UNITS)
def test_sql_that_would_compute_in_the_wrong_unit_is_refused_when_it_is_written(make: Any) -> None:
    with pytest.raises(TypeRefusedError, match="on every backend"):
        make()


def test_a_part_of_a_document_is_not_compared_as_a_document() -> None:
    document = sa.Table("t", sa.MetaData(), sa.Column("document", dbt.Json())).c.document
    with pytest.raises(TypeRefusedError, match="a part of a document"):
        _ = document["name"] == "x"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (dbt.Enum("a", "b"), dbt.Enum("a", "c")),
        (dbt.String(5), dbt.String(6)),
        (dbt.Numeric(5, 2), dbt.Numeric(5, 3)),
        (dbt.Array(dbt.Text()), dbt.Array(dbt.Integer())),
        (dbt.Array(dbt.Enum("a")), dbt.Array(dbt.Enum("b"))),
        (dbt.Integer(), dbt.BigInteger()),
    ],
    ids=repr,
)
def test_types_that_differ_have_cache_keys_that_differ(first: Any, second: Any) -> None:
    assert first._static_cache_key != second._static_cache_key


def test_types_that_are_the_same_share_a_cache_key() -> None:
    assert dbt.Array(dbt.Enum("a", "b"))._static_cache_key == dbt.Array(dbt.Enum("a", "b"))._static_cache_key
    hash(dbt.Array(dbt.Enum("a", "b"))._static_cache_key)


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (dbt.Uuid(), "dbt.v1.Uuid()"),
        (dbt.Array(dbt.String(5)), "dbt.v1.Array(dbt.v1.String(5))"),
        (dbt.Enum(Colour), 'dbt.v1.Enum("red")'),
        (dbt.Enum("it's", 'say "x"'), 'dbt.v1.Enum("it\'s", \'say "x"\')'),
        (dbt.Binary(), "dbt.v1.Binary()"),
        (dbt.Binary(32), "dbt.v1.Binary(32)"),
        (dbt.Now(), "dbt.v1.Now()"),
        (dbt.EmptyArray(dbt.Json()), "dbt.v1.EmptyArray(dbt.v1.Json())"),
        (dbt.Literal(Colour.RED, dbt.Enum(Colour)), 'dbt.v1.Literal("red", dbt.v1.Enum("red"))'),
        (dbt.Literal(Decimal("1.5"), dbt.Numeric(5, 2)), 'dbt.v1.Literal("1.50", dbt.v1.Numeric(5, 2))'),
        (dbt.Literal(True, dbt.Boolean()), "dbt.v1.Literal(True, dbt.v1.Boolean())"),
        (dbt.Literal("2026-01-31", dbt.Date()), 'dbt.v1.Literal("2026-01-31", dbt.v1.Date())'),
    ],
)
def test_what_stands_in_a_revision_makes_the_same_again(thing: Any, text: str) -> None:
    assert repr(thing) == text
    assert repr(eval(text, {"dbt": dbt})) == text  # what a revision file does


@pytest.mark.parametrize("name", dbt.v1.__all__)
def test_models_use_the_newest_version(name: str) -> None:
    assert getattr(dbt, name) is getattr(dbt.v1, name)
