"""Column types that dbkit declares on SQLite: their names say how the value is kept, and choose the affinity."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import ischema_names

__all__ = ["PADDED_TEXT", "SCALED_INT"]


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
