"""What a session of SQL Server is set to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.protocol import Endpoint
from dbkit.backends.telling import tell_refused

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

# Indexed views, filtered indexes and computed columns need these, in the page's own order:
# https://learn.microsoft.com/sql/relational-databases/views/create-indexed-views#required-set-options-for-indexed-views
# The language of a log-in decides on messages, names of months, the order of a date's parts and the first day of the week.
STATEMENTS: Final = (
    "SET ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL, ARITHABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON",
    "SET NUMERIC_ROUNDABORT OFF",
    "SET XACT_ABORT ON",
    "SET LANGUAGE us_english",
    "SET DATEFORMAT ymd",
)
"""What every session is set to, in this order."""


def set_session(connection: DBAPIConnection, endpoint: Endpoint) -> None:
    """Set it in one round trip, else each statement as far as the server allows; then the deadline of statements.

    A statement is given up by the driver, which counts whole seconds; a lock is waited for no longer than the deadline.
    """
    statements = tuple(_statements(endpoint))
    if not _run(connection, "; ".join(statements)):
        for statement in statements:
            if not _run(connection, statement):
                tell_refused(endpoint.host, statement)
    connection.commit()
    if endpoint.deadline_s is not None:
        driver: Any = connection
        driver.timeout = max(1, math.ceil(endpoint.deadline_s))


def _statements(endpoint: Endpoint) -> Iterator[str]:
    yield from STATEMENTS
    if endpoint.deadline_s is not None:
        yield f"SET LOCK_TIMEOUT {max(1, round(1000 * endpoint.deadline_s))}"


def _run(connection: DBAPIConnection, statement: str) -> bool:
    """Send a statement; False where the server refuses it."""
    import pyodbc

    cursor = connection.cursor()
    try:
        cursor.execute(statement)
    except pyodbc.ProgrammingError:
        return False
    finally:
        cursor.close()
    return True
