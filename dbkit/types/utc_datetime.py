"""The portable moment."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from dbkit.backends.kinds import UtcDateTimeKind
from dbkit.types.base import PortableType

__all__ = ["UtcDateTime"]


class UtcDateTime(PortableType[datetime]):
    """A moment, to the microsecond: goes in aware of its zone, comes back in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = UtcDateTimeKind()

    def accept(self, value: object) -> datetime:
        """Take an aware datetime and convert it to UTC."""
        if not isinstance(value, datetime):
            raise self.refused(
                value, f"a {type(value).__name__} is not a datetime", hint="pass an aware datetime.datetime"
            )
        if value.utcoffset() is None:
            raise self.refused(
                value, "it has no time zone", hint="pass datetime.now(UTC), or value.replace(tzinfo=...)"
            )
        try:
            return value.astimezone(UTC)
        except OverflowError as error:
            raise self.refused(value, "in UTC it leaves the years 1 to 9999", hint="store None for 'never'") from error

    def parse(self, value: object) -> object:
        """Read a moment's text."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    def constant(self, value: object) -> str:
        """Word it as text, its offset included."""
        return str(value)

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.UtcDateTime()"
