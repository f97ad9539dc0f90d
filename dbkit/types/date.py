"""The portable date."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from dbkit.backends.kinds import DateKind
from dbkit.types.base import PortableType

__all__ = ["Date"]


class Date(PortableType[date]):
    """A `datetime.date`, years 1 to 9999."""

    impl = sa.Date
    cache_ok = True

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = DateKind()

    def accept(self, value: object) -> date:
        """Take a date that is no datetime: its time would be lost."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        raise self.refused(
            value, f"a {type(value).__name__} is not a date", hint="pass a datetime.date, such as moment.date()"
        )

    def parse(self, value: object) -> object:
        """Read a date's text."""
        return date.fromisoformat(value) if isinstance(value, str) else value

    def constant(self, value: object) -> str:
        """Word it as text."""
        return str(value)

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.Date()"
