"""The portable exact decimal number."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from dbkit.backends.kinds import NumericKind
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType

__all__ = ["Numeric"]

# SQL Server's limit: https://learn.microsoft.com/sql/t-sql/data-types/decimal-and-numeric-transact-sql
PRECISION_LIMIT = 38
# TiDB's and MySQL's: https://dev.mysql.com/doc/refman/8.0/en/fixed-point-types.html
SCALE_LIMIT = 30


class Numeric(PortableType[Decimal]):
    """An exact decimal number of `precision` digits, `scale` of them behind the point. Nothing is ever rounded."""

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        """Keep both; there is no default, as those of the backends differ.

        Raises:
            TypeRefusedError: not 1 <= precision <= 38, or not 0 <= scale <= 30, or the scale is above the precision.
        """
        if not (1 <= precision <= PRECISION_LIMIT and 0 <= scale <= min(SCALE_LIMIT, precision)):
            message = f"Numeric({precision!r}, {scale!r}) cannot be kept by every backend"
            raise TypeRefusedError(message, hint=f"keep precision <= {PRECISION_LIMIT}, scale <= {SCALE_LIMIT} and <= precision")
        super().__init__(precision, scale)
        self.kind = NumericKind(precision=precision, scale=scale)
        self.precision = precision
        self.scale = scale

    def accept(self, value: object) -> Decimal:
        """Take a Decimal or an int that needs no more digits than there are."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            hint = "pass a Decimal made of text: Decimal('0.1')"
            self.refuse(value, f"a {type(value).__name__} is not an exact number", hint=hint)
        number = Decimal(value)
        if not number.is_finite():
            self.refuse(value, "it is not finite", hint="store None")
        return self._fitted(number)

    def _fitted(self, number: Decimal) -> Decimal:
        """Bring a number to exactly `scale` digits behind the point, by its digits: no context can round it."""
        if not number:
            return Decimal((0, (0,), -self.scale))
        if number.adjusted() >= self.precision - self.scale:
            why = f"it has more than {self.precision - self.scale} digits before the point"
            self.refuse(number, why, hint="widen the column")
        sign, digits, exponent = number.as_tuple()
        spare = int(exponent) + self.scale
        if spare >= 0:
            return Decimal((sign, digits + (0,) * spare, -self.scale))
        if any(digits[spare:]):
            why = f"it has more than {self.scale} digits behind the point"
            self.refuse(number, why, hint="round it yourself: value.quantize(...)")
        return Decimal((sign, digits[:spare], -self.scale))

    def parse(self, value: object) -> object:
        """Read a number's text."""
        return Decimal(value) if isinstance(value, str) else value

    def constant(self, value: object) -> str:
        """Word it as text."""
        return f"{Decimal(str(value)):f}"

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return f"dbt.v1.Numeric({self.precision}, {self.scale})"
