"""A clock for stores under test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Clock:
    """Stands at a moment until it is moved on; with a step, it goes that far before each answer."""

    def __init__(self, now: datetime = NOON, *, step: timedelta = timedelta(0)) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now

    def go(self, **by: float) -> datetime:
        """Move on by so many minutes, days, …"""
        self.now += timedelta(**by)
        return self.now
