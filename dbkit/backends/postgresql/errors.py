"""What the errors of PostgreSQL's drivers mean. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

from __future__ import annotations

import re
from typing import Final

from dbkit.backends.marks import (
    driver_error,
    marked_fault,
    network_fault,
    network_message,
    one_line,
    refuses_certificate,
)
from dbkit.backends.protocol import Errors, Fault

_STATES: Final = {
    "3D000": Fault.NO_DATABASE,
    "42P04": Fault.DATABASE_EXISTS,
    "42P06": Fault.DATABASE_EXISTS,  # a schema is made with the database
    "28P01": Fault.LOGIN_REFUSED,
    "28000": Fault.LOGIN_REFUSED,
    "42501": Fault.NOT_ALLOWED,
    "55P03": Fault.LOCK_TIMEOUT,
    "42P01": Fault.NO_TABLE,
    "53300": Fault.TURNED_AWAY,
    "57P03": Fault.UNREACHABLE,
    "57P01": Fault.CONNECTION_LOST,
    "57P02": Fault.CONNECTION_LOST,
    "25P03": Fault.CONNECTION_LOST,
    "40001": Fault.CONFLICT,
    "40P01": Fault.CONFLICT,
    "23505": Fault.DUPLICATE,
    "23503": Fault.REFERENCE,
    "25006": Fault.READ_ONLY,
    "53100": Fault.STORAGE_FULL,
}
# psycopg2 and psycopg give no code for a failed connection: libpq has its text only, libpq's own part of it never translated in the wheels.
_TEXTS: Final = (
    (
        Fault.TLS_REFUSED,
        re.compile(
            # libpq puts "failed: " before what ended the handshake
            r"SSL error|failed: SSL SYSCALL error|certificate|does not support SSL|SSL connection (?:is|was) required|no encryption"
            r"|rejected SSL upgrade",
            re.IGNORECASE,
        ),
    ),
    (Fault.NO_DATABASE, re.compile(r"FATAL:\s+database .* does not exist")),
    (Fault.NOT_ALLOWED, re.compile(r"permission denied for database")),
    (
        Fault.LOGIN_REFUSED,
        re.compile(
            r"authentication failed|role .* does not exist|no pg_hba\.conf entry|no password supplied|not permitted to log in"
        ),
    ),
    (
        Fault.CONNECTION_LOST,
        re.compile(
            r"server closed the connection|connection already closed|terminating connection|could not (?:send|receive) data"
            r"|(?:the|underlying) connection is (?:closed|lost)|consuming input failed"
        ),
    ),
    (
        Fault.TURNED_AWAY,
        re.compile(
            r"too many (?:clients|connections)|remaining connection slots are reserved|pg_hba\.conf rejects"
            r"|not currently accepting connections"
        ),
    ),
    # what is left of the server's own words is no absence; "the database system is" starting up, shutting down, recovering
    (
        Fault.UNREACHABLE,
        re.compile(r"the database system is|could not translate host name|failed to resolve host|timeout expired"),
    ),
    (
        Fault.OTHER,
        re.compile(r"FATAL:|received invalid response|expected authentication request|[Uu]nexpected message"),
    ),
    (
        Fault.UNREACHABLE,
        re.compile(
            r"refused|No route to host|Network is unreachable|No such file or directory|connection to server .* failed"
        ),
    ),
)


class PostgresqlErrors:
    """Reads the SQLSTATE, and libpq's text where a connection was never made."""

    def fault(self, error: BaseException) -> Fault:
        """Classify an error by its SQLSTATE."""
        noted = marked_fault(error)
        if noted is not None:
            return noted
        driver = driver_error(error)
        # psycopg2's word for it, and that of psycopg and asyncpg
        state = getattr(driver, "pgcode", None) or getattr(driver, "sqlstate", None)
        if state == "23505" and re.search("pg_database_datname_index|pg_namespace_nspname_index", str(driver)):
            return Fault.DATABASE_EXISTS  # two CREATE at once: the loser hears of the index
        if state == "28000" and "certificate" in str(driver):
            return Fault.TLS_REFUSED  # the server wants the client's
        if refuses_certificate(driver):
            return Fault.TLS_REFUSED
        if state is not None:
            return _STATES.get(state, Fault.CONNECTION_LOST if state.startswith("08") else Fault.OTHER)
        found = next((fault for fault, pattern in _TEXTS if pattern.search(str(driver))), None)
        return found or network_fault(driver) or Fault.OTHER

    def message(self, error: BaseException) -> str:
        """Word an error in one line, without what libpq puts before the server's words."""
        said = network_message(driver_error(error)).strip()
        text = re.sub(r"connection (?:failed|is bad): |connection to server (?:at|on) .*? failed: ", "", said)
        # an IPv4 and an IPv6 address of one host give the same line twice; libpq's question is what our hint says
        lines = dict.fromkeys(line.strip() for line in text.splitlines())
        told = (line for line in lines if not line.startswith("Is the server running"))
        return one_line(" ".join(told)).removeprefix("FATAL: ").strip()


ERRORS: Errors = PostgresqlErrors()
