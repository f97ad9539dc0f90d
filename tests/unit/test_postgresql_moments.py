"""Dates and moments of asyncpg, which would take the edges of Python's for infinity."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from dbkit.backends.postgresql.moments import read_date, read_moment, write_date, write_moment


@pytest.mark.parametrize(
    ("day", "number"), [(date(2000, 1, 1), 0), (date(1, 1, 1), -730119), (date(9999, 12, 31), 2921939)]
)
def test_a_date_is_its_number_of_days(day: date, number: int) -> None:
    assert write_date(day) == (number,)
    assert read_date((number,)) == day


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (datetime(2000, 1, 1, tzinfo=UTC), 0),
        (datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
        (datetime(1, 1, 1, tzinfo=UTC), -63082281600000000),
        (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 252455615999999999),
    ],
)
def test_a_moment_is_its_number_of_microseconds(moment: datetime, number: int) -> None:
    assert write_moment(moment) == (number,)
    assert read_moment((number,)) == moment
    assert read_moment((number,)).tzinfo is UTC


def test_a_moment_of_another_zone_is_counted_in_utc() -> None:
    assert write_moment(datetime(2000, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == (0,)


def test_what_the_server_calls_infinite_is_the_first_or_the_last() -> None:
    assert (read_date((-(2**31),)), read_date((2**31 - 1,))) == (date.min, date.max)
    assert read_moment((-(2**63),)) == datetime.min.replace(tzinfo=UTC)
    assert read_moment((2**63 - 1,)) == datetime.max.replace(tzinfo=UTC)
