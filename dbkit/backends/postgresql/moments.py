"""Dates and moments as asyncpg is to send and read them: all of Python's, the first and the last too.

By itself asyncpg (0.32) writes the first and last date and moment of Python as `-infinity` and `infinity`, which other drivers read
as something else or not at all, and which no comparison in SQL finds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# How the server counts: https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.connection.Connection.set_type_codec
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DAYS: Final = date(2000, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_EDGE_DAYS: Final = {-(2**31): date.min, 2**31 - 1: date.max}
_EDGES: Final = {-(2**63): datetime.min.replace(tzinfo=UTC), 2**63 - 1: datetime.max.replace(tzinfo=UTC)}


def write_date(day: date) -> tuple[int]:
    """Count the days since 2000."""
    return (day.toordinal() - _DAYS,)


def read_date(days: tuple[int]) -> date:
    """Find the day; what the server calls infinite is the first or the last, as psycopg2 has it."""
    return _EDGE_DAYS.get(days[0]) or date.fromordinal(days[0] + _DAYS)


def write_moment(moment: date) -> tuple[int]:
    """Count the microseconds since 2000; a date is its midnight."""
    exact = moment if isinstance(moment, datetime) else datetime.combine(moment, time.min)
    return ((exact.astimezone(UTC) - _EPOCH) // _MICROSECOND,)


def read_moment(microseconds: tuple[int]) -> datetime:
    """Find the moment, in UTC."""
    return _EDGES.get(microseconds[0]) or _EPOCH + timedelta(microseconds=microseconds[0])


_WAYS: Final[tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any]], ...]] = (
    ("date", write_date, read_date),
    ("timestamptz", write_moment, read_moment),
)


async def set_ways(connection: Any) -> None:  # noqa: ANN401 - asyncpg brings no types
    """Have a connection send and read them so."""
    for name, write, read in _WAYS:
        await connection.set_type_codec(name, schema="pg_catalog", encoder=write, decoder=read, format="tuple")
