"""How the words of PostgreSQL's drivers end up in one line."""

from __future__ import annotations

from dbkit.backends.postgresql.errors import ERRORS

REFUSED = (
    'connection to server at "localhost" ({}), port 9 failed: Connection refused\n'
    "\tIs the server running on that host and accepting TCP/IP connections?\n"
)


def test_a_refused_connection_is_told_once_and_asks_nothing() -> None:
    error = Exception(REFUSED.format("::1") + REFUSED.format("127.0.0.1"))
    assert ERRORS.message(error) == "Connection refused"
