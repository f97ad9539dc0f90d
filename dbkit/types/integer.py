"""The portable whole numbers: 16, 32 and 64 bits, signed."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa

from dbkit.backends.kinds import IntegerKind
from dbkit.types.base import PortableType
from dbkit.types.float import Float

__all__ = ["BigInteger", "Integer", "SmallInteger"]


class _Whole(PortableType[int]):
    """What the three have in common."""

    impl = sa.Integer
    cache_ok = True
    bits: ClassVar[int]

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = IntegerKind(bits=self.bits)

    def accept(self, value: object) -> int:
        """Take an int within the range; a bool is none."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refused(value, f"a {type(value).__name__} is not an int", hint="pass an int, such as int(...)")
        limit = 1 << (self.bits - 1)
        if not -limit <= value < limit:
            raise self.refused(
                value, f"it does not fit {self.bits} bits", hint=f"keep it within {-limit} and {limit - 1}"
            )
        return int(value)

    def coerce_compared_value(self, op: Any, value: Any) -> sa.types.TypeEngine[Any]:  # noqa: ANN401 - SQLAlchemy's signature
        """Type the other operand: a column of 16 bits may be compared with 100000, or multiplied by 1.5."""
        del op
        if isinstance(value, float):
            return Float()
        if isinstance(value, int) and not isinstance(value, bool):
            return self if -(1 << (self.bits - 1)) <= value < 1 << (self.bits - 1) else BigInteger()
        return self

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return f"dbt.v1.{type(self).__name__}()"


class SmallInteger(_Whole):
    """A signed whole number of 16 bits."""

    impl = sa.SmallInteger
    cache_ok = True
    bits = 16


class Integer(_Whole):
    """A signed whole number of 32 bits."""

    impl = sa.Integer
    cache_ok = True
    bits = 32


class BigInteger(_Whole):
    """A signed whole number of 64 bits."""

    impl = sa.BigInteger
    cache_ok = True
    bits = 64
