"""The portable double."""

from __future__ import annotations

import math

import sqlalchemy as sa

from dbkit.backends.kinds import FloatKind
from dbkit.types.base import PortableType

__all__ = ["Float"]


class Float(PortableType[float]):
    """A finite IEEE 754 double. Minus zero is kept as zero: TiDB knows no other (seen on 8.5.3)."""

    impl = sa.Double
    cache_ok = True

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = FloatKind()

    def accept(self, value: object) -> float:
        """Take a finite float, or an int that a double holds exactly."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refused(
                value, f"a {type(value).__name__} is not a float", hint="pass a float, such as float(...)"
            )
        try:
            number = float(value)
        except OverflowError as error:
            raise self.refused(value, "it is beyond the range of a double", hint="use Numeric") from error
        if not math.isfinite(number):
            raise self.refused(value, "it is not finite", hint="store None")
        if number != value:
            raise self.refused(
                value, "a double does not hold it exactly", hint="use Numeric or BigInteger, or pass a float"
            )
        return number + 0.0

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.Float()"
