"""How the words of PostgreSQL's drivers end up in one line."""

from __future__ import annotations

import pytest

from dbkit.backends.postgresql.errors import ERRORS
from dbkit.backends.protocol import Fault

REFUSED = (
    'connection to server at "localhost" ({}), port 9 failed: Connection refused\n'
    "\tIs the server running on that host and accepting TCP/IP connections?\n"
)


def test_a_refused_connection_is_told_once_and_asks_nothing() -> None:
    error = Exception(REFUSED.format("::1") + REFUSED.format("127.0.0.1"))
    assert ERRORS.message(error) == "Connection refused"


# libpq gives words alone of a connection that was not made; what the server said stands behind FATAL.
WORDS = [
    ("Connection refused", Fault.UNREACHABLE),
    ("No route to host", Fault.UNREACHABLE),
    ("timeout expired", Fault.UNREACHABLE),
    ("Connection timed out", Fault.UNREACHABLE),
    ("FATAL:  the database system is starting up", Fault.UNREACHABLE),
    ("FATAL:  the database system is in recovery mode", Fault.UNREACHABLE),
    ("FATAL:  the database system is shutting down", Fault.UNREACHABLE),
    ("FATAL:  sorry, too many clients already", Fault.TURNED_AWAY),
    ('FATAL:  too many connections for role "u"', Fault.TURNED_AWAY),
    ('FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", user "u", database "d"', Fault.TURNED_AWAY),
    ('FATAL:  database "d" is not currently accepting connections', Fault.TURNED_AWAY),
    ('FATAL:  unrecognized configuration parameter "x"', Fault.OTHER),
    ("received invalid response to SSL negotiation: h", Fault.OTHER),
    ("expected authentication request from server, but received H", Fault.OTHER),
    ("SSL SYSCALL error: EOF detected", Fault.TLS_REFUSED),
    ("SSL error: tlsv13 alert certificate required", Fault.TLS_REFUSED),
    ("server does not support SSL, but SSL was required", Fault.TLS_REFUSED),
    ("server closed the connection unexpectedly", Fault.CONNECTION_LOST),
]


@pytest.mark.parametrize(("said", "fault"), WORDS, ids=[said for said, _ in WORDS])
def test_words_of_the_server_are_no_absence_unless_it_starts_or_ends(said: str, fault: Fault) -> None:
    error = Exception(f'connection to server at "localhost" (127.0.0.1), port 9 failed: {said}\n')
    assert ERRORS.fault(error) is fault


def test_what_the_server_says_at_one_address_counts_before_a_refusal_at_another() -> None:
    said = 'connection to server at "localhost" (127.0.0.1), port 9 failed: FATAL:  unrecognized parameter\n'
    assert ERRORS.fault(Exception(REFUSED.format("::1") + said)) is Fault.OTHER


def test_a_connection_that_is_lost_later_is_no_fault_of_tls() -> None:
    assert ERRORS.fault(Exception("SSL SYSCALL error: EOF detected\n")) is not Fault.TLS_REFUSED
