"""Floats as constants of SQLite's SQL: read back bit by bit, as bound values are."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.backends.sqlite.constants import float_constant


def read(text: str) -> float:
    connection = sqlite3.connect(":memory:")
    try:
        return float(connection.execute(f"SELECT {text}").fetchone()[0])
    finally:
        connection.close()


# The first three are read as their neighbours where they stand in their shortest digits (SQLite 3.40).
@pytest.mark.parametrize(
    "value", [4160831.494876154, 4.91e-06, 4.348084013118439e-297, 1e23, 5e-324, -5e-324, 1.7976931348623157e308, -0.0]
)
def test_a_float_that_is_hard_to_read_is_read_exactly(value: float) -> None:
    assert read(float_constant(value)).hex() == value.hex()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_read_exactly(value: float) -> None:
    assert read(float_constant(value)).hex() == value.hex()


@pytest.mark.parametrize("value", [0.0, 0.1, 1.5, -2.25, 1e22])
def test_an_easy_float_stands_in_its_shortest_digits(value: float) -> None:
    assert float_constant(value) == repr(value)
