"""What the sqlite3 module's errors mean. Codes: https://www.sqlite.org/rescode.html."""

from __future__ import annotations

import sqlite3
from typing import Final

from dbkit.backends.marks import driver_error, marked_fault, one_line
from dbkit.backends.protocol import Errors, Fault

_FAULTS: Final = {
    3: Fault.NOT_ALLOWED,  # SQLITE_PERM
    5: Fault.LOCK_TIMEOUT,  # SQLITE_BUSY
    6: Fault.LOCK_TIMEOUT,  # SQLITE_LOCKED
    8: Fault.READ_ONLY,  # SQLITE_READONLY
    10: Fault.CONNECTION_LOST,  # SQLITE_IOERR
    11: Fault.DAMAGED,  # SQLITE_CORRUPT
    13: Fault.STORAGE_FULL,  # SQLITE_FULL
    14: Fault.UNREACHABLE,  # SQLITE_CANTOPEN
    23: Fault.NOT_ALLOWED,  # SQLITE_AUTH
    26: Fault.DAMAGED,  # SQLITE_NOTADB
}
# Extended codes, which say more than their primary ones.
_EXTENDED: Final = {
    517: Fault.CONFLICT,  # SQLITE_BUSY_SNAPSHOT
    787: Fault.REFERENCE,  # SQLITE_CONSTRAINT_FOREIGNKEY
    1555: Fault.DUPLICATE,  # SQLITE_CONSTRAINT_PRIMARYKEY
    2067: Fault.DUPLICATE,  # SQLITE_CONSTRAINT_UNIQUE
    2579: Fault.DUPLICATE,  # SQLITE_CONSTRAINT_ROWID
    4874: Fault.STORAGE_FULL,  # SQLITE_IOERR_SHMSIZE: no room for the index of what is written ahead
}
# What aiosqlite says of a connection that was closed, as SQLAlchemy words it.
_CLOSED: Final = frozenset({"no active connection", "Connection closed"})


class SqliteErrors:
    """Reads the result code that Python 3.11 puts on the error."""

    def fault(self, error: BaseException) -> Fault:
        """Classify an error by its result code."""
        driver = driver_error(error)
        code = getattr(driver, "sqlite_errorcode", None)
        if code is None and str(driver) in _CLOSED:
            return Fault.CONNECTION_LOST
        if code == sqlite3.SQLITE_ERROR and str(driver).startswith("no such table"):
            return Fault.NO_TABLE  # it has no code of its own
        known = _EXTENDED.get(code or 0) or _FAULTS.get((code or 0) & 0xFF, Fault.OTHER)
        return marked_fault(error) or known

    def message(self, error: BaseException) -> str:
        """Word an error in one line; where it is about reading alone, SQLite's own words are about writing."""
        driver = driver_error(error)
        if getattr(driver, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            return (
                "a writer died in the middle of a transaction; the next connection that may write takes its work back"
            )
        return one_line(str(driver))


ERRORS: Errors = SqliteErrors()
