"""A clock for stores under test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Ticking:
    """Gives a moment one second later each time it is asked, beginning with `START`."""

    def __init__(self) -> None:
        self.seconds = -1

    def __call__(self) -> datetime:
        self.seconds += 1
        return START + timedelta(seconds=self.seconds)
