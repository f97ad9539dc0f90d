"""What a forked child does with the connections of its parent: nothing, whatever it calls on them."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dbkit.errors import DbkitError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["leave_to_parent", "remember"]

_entries: Final[weakref.WeakSet[ConnectionPoolEntry]] = weakref.WeakSet()
# Never collected: some drivers say goodbye to the server when a connection is.
_left: Final[list[Any]] = []


class Inherited:
    """Stands in a child for a connection of its parent: ends quietly, and refuses to be used."""

    def rollback(self) -> None:
        """Leave the transaction to the parent."""

    def close(self) -> None:
        """Leave the connection to the parent."""

    def terminate(self) -> None:
        """Leave the connection to the parent."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse anything else."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise DbkitError(
            "this connection belongs to the process that this one was forked from",
            hint="open connections after the fork",
        )


def remember(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Note a pool's entry when its connection is made: SQLAlchemy's `connect`."""
    del connection
    _entries.add(entry)


def leave_to_parent() -> None:
    """Take from all connections that a child inherited the way to their sockets."""
    for found in list(_entries):
        entry: Any = found  # SQLAlchemy's classes for it are wider than their types
        if entry.dbapi_connection is None:
            continue
        _left.append(entry.dbapi_connection)
        proxy = None if entry.fairy_ref is None else entry.fairy_ref()
        holders = [entry] if proxy is None or proxy.dbapi_connection is None else [entry, proxy]
        for holder in holders:
            holder.dbapi_connection = Inherited()
    _entries.clear()
