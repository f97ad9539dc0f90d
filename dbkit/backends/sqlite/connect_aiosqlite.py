"""How SQLite is opened by asynchronous engines: aiosqlite is the sqlite3 module in a thread."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any

from dbkit.backends.protocol import Connector, Endpoint
from dbkit.backends.sqlite.connect import SqliteConnector

if TYPE_CHECKING:
    import aiosqlite


class AiosqliteConnector(SqliteConnector):
    """Opens files as the sqlite3 module does."""

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Add how aiosqlite is called."""
        return {**super().connect_args(endpoint), "async_creator_fn": _connect}


async def _connect(*args: Any, **kw: Any) -> aiosqlite.Connection:  # noqa: ANN401 - what aiosqlite.connect takes
    """Connect in a thread that does not keep the process from ending, as a connection that nobody closes else would.

    SQLAlchemy 2.0.40 sees to that only with an aiosqlite before 0.22, whose connection is the thread.
    """
    import aiosqlite

    connection: Any = aiosqlite.connect(*args, **kw)
    thread = connection if isinstance(connection, Thread) else connection._thread  # noqa: SLF001 - as SQLAlchemy 2.1 does
    thread.daemon = True
    opened: aiosqlite.Connection = await connection
    return opened


CONNECTOR: Connector = AiosqliteConnector()
