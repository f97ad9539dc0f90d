"""The portable exact decimal number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from dbkit.backends.kinds import NumericKind
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType
from dbkit.types.integer import BigInteger

__all__ = ["Numeric"]

# SQL Server's limit: https://learn.microsoft.com/sql/t-sql/data-types/decimal-and-numeric-transact-sql
PRECISION_LIMIT = 38
# TiDB's and MySQL's: https://dev.mysql.com/doc/refman/8.0/en/fixed-point-types.html
SCALE_LIMIT = 30


# Beyond them SQLite keeps digits as text, which sorts but does not add.
ADDING_LIMIT = 18
ADDING = frozenset({operators.add, operators.sub, operators.mul})
DIVIDING = frozenset({operators.truediv, operators.floordiv, operators.mod})


class _Exact(sa.Numeric[Decimal]):
    """The generic type, with the operators that give the same on every backend."""

    cache_ok = True

    class Comparator(sa.Numeric.Comparator[Any]):
        """Refuses, when the expression is written, what SQLite would compute in the wrong unit."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's signature
            """Check the operands."""
            for one in other:
                _check_operands(self.expr.type, op, one)
            return super().operate(op, *other, **kwargs)

        def reverse_operate(self, op: Any, other: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's signature
            """Check the operands."""
            _check_operands(self.expr.type, op, other)
            return super().reverse_operate(op, other, **kwargs)

        def _adapt_expression(self, op: Any, other_comparator: Any) -> tuple[Any, sa.types.TypeEngine[Any]]:  # noqa: ANN401 - SQLAlchemy's signature
            """Type the result: what is added or multiplied keeps its unit."""
            return (op, self.type) if op in ADDING else super()._adapt_expression(op, other_comparator)

    comparator_factory = Comparator


class Numeric(PortableType[Decimal]):
    """An exact decimal number of `precision` digits, `scale` of them behind the point. Nothing is ever rounded.

    SQLite keeps the number without its point, so in SQL it can be compared with, added to and subtracted from numbers of the
    same scale, multiplied by whole numbers, summed and sorted, which is the same everywhere. The rest is refused; `avg` and a
    cast see the number without its point there.
    """

    impl = _Exact
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        """Keep both; there is no default, as those of the backends differ.

        Raises:
            TypeRefusedError: not 1 <= precision <= 38, or not 0 <= scale <= 30, or the scale is above the precision.
        """
        if not (1 <= precision <= PRECISION_LIMIT and 0 <= scale <= min(SCALE_LIMIT, precision)):
            message = f"Numeric({precision!r}, {scale!r}) cannot be kept by every backend"
            raise TypeRefusedError(
                message, hint=f"keep precision <= {PRECISION_LIMIT}, scale <= {SCALE_LIMIT} and <= precision"
            )
        super().__init__(precision, scale)
        self.kind = NumericKind(precision=precision, scale=scale)
        self.precision = precision
        self.scale = scale

    def accept(self, value: object) -> Decimal:
        """Take a Decimal or an int that needs no more digits than there are."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            hint = "pass a Decimal made of text: Decimal('0.1')"
            raise self.refused(value, f"a {type(value).__name__} is not an exact number", hint=hint)
        number = Decimal(value)
        if not number.is_finite():
            raise self.refused(value, "it is not finite", hint="store None")
        return self._fitted(number)

    def _fitted(self, number: Decimal) -> Decimal:
        """Bring a number to exactly `scale` digits behind the point, by its digits: no context can round it."""
        if not number:
            return Decimal((0, (0,), -self.scale))
        if number.adjusted() >= self.precision - self.scale:
            why = f"it has more than {self.precision - self.scale} digits before the point"
            raise self.refused(number, why, hint="widen the column")
        sign, digits, exponent = number.as_tuple()
        spare = int(exponent) + self.scale
        if spare >= 0:
            return Decimal((sign, digits + (0,) * spare, -self.scale))
        if any(digits[spare:]):
            why = f"it has more than {self.scale} digits behind the point"
            raise self.refused(number, why, hint="round it yourself: value.quantize(...)")
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

    def coerce_compared_value(self, op: Any, value: Any) -> sa.types.TypeEngine[Any]:  # noqa: ANN401 - SQLAlchemy's signature
        """Type the other operand: a factor is a whole number, all else a number like this one."""
        return BigInteger() if op is operators.mul and isinstance(value, int) else self


def _check_operands(ours: object, op: object, other: object) -> None:
    """Refuse an operation that not every backend does alike. Raises TypeRefusedError."""
    if not isinstance(ours, Numeric):
        return
    clause = getattr(other, "__clause_element__", lambda: other)()
    theirs = getattr(clause, "type", None)
    whole = getattr(theirs, "_type_affinity", None) is sa.Integer
    why: str | None = None
    if op in DIVIDING or (op in ADDING and ours.precision > ADDING_LIMIT):
        why = "SQLite cannot do that exactly"
    elif op is operators.mul:
        why = None if whole or isinstance(other, int) else "only a whole number keeps the scale"
    else:
        number = whole or isinstance(theirs, Numeric | sa.Numeric)
        why = "their scales differ" if number and not _alike(ours, theirs) else None
    if why:
        message = f"{ours.frozen_repr()} cannot be combined with {theirs or other!r} in SQL on every backend: {why}"
        raise TypeRefusedError(message, hint="compute it in Python, or give both columns the same Numeric type")


def _alike(ours: Numeric, theirs: object) -> bool:
    """Tell whether two types keep numbers in the same unit."""
    if not isinstance(theirs, Numeric) or theirs.scale != ours.scale:
        return False
    return theirs.precision == ours.precision or max(theirs.precision, ours.precision) <= ADDING_LIMIT
