"""A clock that goes when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)


class Clock:
    """Stands at a moment until it is moved on."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: float) -> datetime:
        """Move on by so many minutes, days, …"""
        self.now += timedelta(**by)
        return self.now
