"""How a float is worded as a constant that SQLite reads as this very float."""

from __future__ import annotations

import math
from fractions import Fraction

__all__ = ["float_constant"]

# SQLite reads a constant by one multiplication in 64 bits and rounds the product once more, to 53 (util.c, sqlite3AtoF). So digits
# near the middle between two floats, as the shortest ones can be, may become the neighbour: on 3.40 that is 4160831.494876154.
NEAR = Fraction(48, 100)
# Below this it scales twice and is less exact still (seen from 1e-290 down); dividing by a power of two is exact.
SMALLEST = 1e-280
SCALE = 2.0**500


def float_constant(value: float) -> str:
    """Word a finite float, by its shortest digits where these are read back exactly."""
    if value and abs(value) < SMALLEST:
        return f"({_digits(value * SCALE)} / {_digits(SCALE)})"
    return _digits(value)


def _digits(value: float) -> str:
    shortest = repr(value)
    off = abs(Fraction(shortest) - Fraction(value))
    return shortest if off < NEAR * Fraction(math.ulp(value)) else f"{value:.16e}"
