"""What the operations of this service do with values before a database sees them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from services.errors import Invalid
from services.store import accepted

if TYPE_CHECKING:
    from sqlalchemy.orm import DeclarativeBase

__all__ = ["checked", "folded", "share", "vector"]

_MOST_NUMBERS: Final = 16_384
"""Of an embedding; models give a few thousand at most."""


def checked(model: type[DeclarativeBase], values: Mapping[str, Any], *, filled: Collection[str] = ()) -> dict[str, Any]:
    """Check values against a model's columns, so that it is known which of them is wrong.

    Args:
        model: whose columns they are for.
        values: by the column's name.
        filled: which texts must hold more than blanks.

    Raises:
        Invalid: a value is too long, of another type, missing or blank.
    """
    found = accepted(model, values)
    for field in filled:
        if field in found and not found[field].strip():
            raise Invalid(field, "it is blank")
    return found


def share(field: str, value: float) -> float:
    """Check that a number is within 0 and 1. Raises Invalid."""
    if not 0 <= value <= 1:
        raise Invalid(field, f"{value!r} is not within 0 and 1")
    return value


def folded(text: str) -> str:
    """Bring a text into the form in which it is searched: without case, and with one spelling of each character."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def vector(field: str, values: Sequence[float]) -> list[float]:
    """Check an embedding: numbers, all of them finite, and not too few or too many for a row. Raises Invalid."""
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        raise Invalid(field, "it is not a list of numbers") from None
    if not found:
        raise Invalid(field, "it has no numbers")
    if len(found) > _MOST_NUMBERS:
        raise Invalid(field, f"it has {len(found)} numbers, and {_MOST_NUMBERS} is the most")
    if not all(map(math.isfinite, found)):
        raise Invalid(field, "it holds a number that is not finite")
    return found
