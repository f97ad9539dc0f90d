"""Connecting within the time that it may take, and with an error that says what is missing where the driver does not load.

Measured with driver 18.6: the log-in time-out does not bound the TLS handshake. A server that was stopped holds a client with
`Encrypt=strict` for ever, and one that falls silent within the handshake holds any.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.mssql import LIBRARIES
from dbkit.errors import MissingDriverError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

    Connect = Callable[..., DBAPIConnection]

# The driver's own time-out comes first where it works.
GRACE_S: Final = 0.5


@dataclass(slots=True)
class _Attempt:
    """One connection that is being made, in a thread that can be left alone."""

    connection: DBAPIConnection | None = None
    error: BaseException | None = None
    given_up: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, connect: Connect, args: tuple[Any, ...], kw: dict[str, Any]) -> None:
        try:
            made = connect(*args, **kw)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error
            return
        with self.lock:
            if not self.given_up:
                self.connection = made
                return
        made.close()

    def give_up(self) -> None:
        """Leave it alone; what it has made, or still makes, is closed."""
        with self.lock:
            self.given_up = True
        if self.connection is not None:
            self.connection.close()


def within_time(connect: Connect, *, grace_s: float = GRACE_S) -> Connect:
    """Bound pyodbc's `connect` by its argument `timeout`, which the driver does not heed everywhere.

    Args:
        connect: blocks without holding Python's lock.
        grace_s: how long after `timeout` it is left alone.
    """

    def bounded(*args: Any, **kw: Any) -> DBAPIConnection:  # noqa: ANN401 - pyodbc's
        attempt = _Attempt()
        thread = threading.Thread(target=attempt.run, args=(connect, args, kw), name="dbkit-odbc", daemon=True)
        thread.start()
        ended = False
        try:
            thread.join(kw["timeout"] + grace_s if kw.get("timeout") else None)
            ended = not thread.is_alive()
        finally:
            if not ended:
                attempt.give_up()
        if attempt.connection is None or not ended:
            raise _explained(attempt.error)
        return attempt.connection

    return bounded


def _timed_out() -> Exception:
    import pyodbc

    error: Exception = pyodbc.OperationalError("HYT00", "[HYT00] Login timeout expired in the handshake of TLS (0)")
    return error


def _explained(error: BaseException | None) -> BaseException:
    """Tell a driver that could not be loaded from a server that could not be reached."""
    if error is None:
        return _timed_out()
    text = str(error.args[-1]) if error.args else ""
    if "Can't open lib" not in text:
        return error
    library = text.partition("Can't open lib '")[2].partition("'")[0]
    return MissingDriverError(
        f"the ODBC driver {library!r} cannot be loaded: it is not there, or a library that it needs is not",
        hint=f"{LIBRARIES}; `ldd` shows which one is missing",
    )
