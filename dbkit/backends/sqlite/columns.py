"""Decimal numbers on SQLite, which has none: two column types whose names choose the affinity, and what they hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import ischema_names

from dbkit.errors import ValueRefusedError

__all__ = ["PADDED_TEXT", "SCALED_INT", "padded", "scaled", "unpadded", "unscaled", "whole"]


class _Decimal(sa.types.UserDefinedType[Any]):
    """A decimal number of `precision` digits, `scale` of them behind the point."""

    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        """Keep both: a change of the scale must be seen, as it changes what a stored number means."""
        self.precision = precision
        self.scale = scale

    def get_col_spec(self, **_kw: object) -> str:
        """Word the type as in CREATE TABLE."""
        return f"{type(self).__name__}({self.precision}, {self.scale})"


class SCALED_INT(_Decimal):  # noqa: N801 - the name in SQL
    """The number without its point. INT in the name makes the affinity INTEGER: https://sqlite.org/datatype3.html."""

    cache_ok = True


class PADDED_TEXT(_Decimal):  # noqa: N801 - the name in SQL
    """Digits in a fixed width that sorts, as 64 bits are too few. TEXT in the name makes the affinity TEXT."""

    cache_ok = True


# So that reflection, and with it Alembic's batch mode, gives the names back.
ischema_names["SCALED_INT"] = SCALED_INT
ischema_names["PADDED_TEXT"] = PADDED_TEXT


def unscaled(value: Decimal) -> int:
    """Take the point out of a number; its digits are as many as the column's scale says."""
    sign, digits, _ = value.as_tuple()
    number = int("".join(map(str, digits)))
    return -number if sign else number


def scaled(number: int, scale: int) -> Decimal:
    """Put the point back; no context can round it."""
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


def whole(number: object) -> int:
    """Take what a SCALED_INT column gives. Raises ValueRefusedError where SQL has computed something else from it."""
    if isinstance(number, int):
        return number
    message = f"{number!r} is not a whole number of the column's smallest unit"
    raise ValueRefusedError(message, hint="SQLite divides such columns in the wrong unit: compute in Python")


def padded(number: int, width: int) -> str:
    """`1` and the digits, or `0` and the complement of the digits: so the text sorts as the number."""
    return f"1{number:0{width}d}" if number >= 0 else f"0{10**width - 1 + number:0{width}d}"


def unpadded(text: object, width: int) -> int:
    """Take what a PADDED_TEXT column gives. Raises ValueRefusedError where SQL has computed something else from it."""
    if not isinstance(text, str) or len(text) != width + 1:
        message = f"{text!r} is not a number as this column keeps it"
        raise ValueRefusedError(message, hint="SQLite cannot compute with more than 18 digits: do it in Python")
    return int(text[1:]) if text[0] == "1" else int(text[1:]) - (10**width - 1)
