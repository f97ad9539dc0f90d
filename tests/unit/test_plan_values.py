"""Parameters of a plan: what comes back is what went in, of the same type."""

from __future__ import annotations

import enum
import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.sql import quoted_name

from dbkit.errors import UnplannableError
from dbkit.migrations.planned.values import dump, load

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.datetimes(timezones=st.one_of(st.none(), st.just(timezone(timedelta(hours=-5, minutes=30))))),
    st.dates(),
    st.times(),
    st.timedeltas(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.one_of(st.text(), st.integers()), inner)
    ),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """Show a value with the types of all that is in it: 1, 1.0, True and Decimal(1) are equal otherwise."""
    if isinstance(value, dict):
        return [(typed(key), typed(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [typed(one) for one in value]
    # which of two equal hours it is (fold) no database keeps
    inner = value.isoformat() if isinstance(value, datetime | time) else repr(value)
    return type(value).__name__, inner


@settings(max_examples=50)
@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    text = dump(value)
    json.loads(text)
    assert typed(load(text)) == typed(value)


class Colour(enum.StrEnum):
    RED = "red"


class Size(str, enum.Enum):  # noqa: UP042 - of which str() shows something else
    BIG = "big"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "sent"),
    [(Colour.RED, "red"), (Size.BIG, "big"), (Level.HIGH, 3), (quoted_name("a", quote=True), "a")],
)
def test_a_value_of_a_subclass_is_kept_as_what_the_driver_sends(value: Any, sent: object) -> None:
    assert typed(load(dump(value))) == typed(sent)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_numbers_that_json_has_not_are_kept(value: float) -> None:
    assert load(dump(value)) == value
    assert math.isnan(load(dump(math.nan)))


@pytest.mark.parametrize("value", [object(), {1}, 1j, [{"a": range(3)}]])
def test_what_cannot_be_written_down_is_refused_by_its_type(value: Any) -> None:
    with pytest.raises(
        UnplannableError, match=r"of type builtins\.(object|set|complex|range) cannot be kept in a plan"
    ):
        dump(value)


@pytest.mark.parametrize("text", ['{"pickle": "x"}', "{", '{"a": 1, "b": 2}'])
def test_what_was_not_written_by_us_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, unpacking's, or ours
        load(text)


def test_the_stored_form_stays_as_it_is() -> None:
    value = (1, "a", b"\x00", Decimal("1.50"), UUID(int=1), date(2026, 1, 2), datetime(2026, 1, 2, 3), time(4), None)  # noqa: DTZ001 - as drivers get them
    assert dump(value) == (
        '{"tuple":[1,"a",{"bytes":"AA=="},{"decimal":"1.50"},{"uuid":"00000000-0000-0000-0000-000000000001"},'
        '{"date":"2026-01-02"},{"datetime":"2026-01-02T03:00:00"},{"time":"04:00:00"},null]}'
    )
