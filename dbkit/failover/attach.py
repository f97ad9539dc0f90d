"""Taking the file that stands in for a server into use: proved before, watched while it is, and with typed errors."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.optional import StandIn
from dbkit.errors import (
    DatabaseAheadError,
    FallbackAheadError,
    FallbackBehindError,
    FallbackForeignError,
    FallbackLockedError,
    FallbackMissingError,
    FallbackReadOnlyError,
)
from dbkit.failover.faults import fallback_error, migrate_hint, worded
from dbkit.failover.identity import look_into, refuse_foreign, try_to_write
from dbkit.failover.typed import typed
from dbkit.revisions.known import known_history
from dbkit.revisions.standing import read_heads, refuse_ahead

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry

    from dbkit.config import DatabaseConfig
    from dbkit.revisions.history import History
    from dbkit.revisions.layout import Layout
    from dbkit.service import Registration

__all__ = ["attached", "prove_usable", "refuse_newer", "typed_errors"]

# A service that starts must not wait as long for somebody's lock as a writer may.
PATIENCE_S: Final = 1.0
_FILE: Final = "dbkit_file"


def attached(config: DatabaseConfig) -> DatabaseConfig:
    """Give the configuration under which an engine opens the file and never makes it."""
    connector = get_backend(config.backend).connector(config.driver)
    options = connector.existing if isinstance(connector, StandIn) else {}
    return replace(config, query={**config.query, **options})


def prove_usable(config: DatabaseConfig, registration: Registration, *, patience_s: float = PATIENCE_S) -> None:
    """Prove that a service can work on the file: it is there, the service's own, at head and writable. Writes nothing.

    Args:
        config: that of a file which stands in for a server.
        registration: of its service.
        patience_s: how long to wait for a lock on it, in seconds.

    Raises:
        FallbackMissingError: it is not there, or nothing is in it.
        FallbackBehindError: revisions are still to be applied.
        FallbackAheadError: it is at a revision that the files do not have.
        FallbackForeignError: it is not this service's.
        FallbackError: it is damaged, locked, or cannot be written.
        HistoryError: the revision files make no history.
    """
    hurried = replace(config, connect_timeout_s=min(patience_s, config.connect_timeout_s))
    if refuse_foreign(hurried) is None:
        raise FallbackMissingError(f"{config.database!r} is not there yet", hint=migrate_hint(config.service))
    with look_into(hurried) as connection:
        layout = registration.layout(config.backend)
        _refuse_not_at_head(config, layout, read_heads(connection, layout))
    _refuse_read_only(hurried)


def refuse_newer(config: DatabaseConfig, history: History, current: tuple[str, ...]) -> None:
    """Refuse a file that holds revisions which these files do not have.

    Raises:
        FallbackAheadError: it does.
    """
    try:
        refuse_ahead(history, current)
    except DatabaseAheadError as error:
        raise FallbackAheadError(
            f"{config.database!r} is at revision {', '.join(current)}, which these files do not have",
            hint="bring the newer revision files back, or move it away and " + migrate_hint(config.service),
        ) from error


def _refuse_not_at_head(config: DatabaseConfig, layout: Layout, current: tuple[str, ...]) -> None:
    history = known_history(layout)
    refuse_newer(config, history, current)
    pending = history.pending(current, "heads")
    if pending:
        where = f"at revision {', '.join(current)}" if current else "not migrated"
        count = "1 revision is" if len(pending) == 1 else f"{len(pending)} revisions are"
        raise FallbackBehindError(
            f"{config.database!r} is {where}, and {count} still to be applied", hint=migrate_hint(config.service)
        )


def _refuse_read_only(config: DatabaseConfig) -> None:
    """Begin to write, and take it back; that somebody else is writing proves that the file can be written."""
    path = Path(str(config.database))
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            raise FallbackReadOnlyError(
                f"{str(path)!r} cannot be written: {str(place)!r} is read-only",
                hint="give this account the right to write the file and its folder, or set DATABASE_SQLITE_PATH",
            )
    from dbkit.config.connect import create_engine

    engine = create_engine(attached(replace(config, connect_timeout_s=0.0)), migrating=True)
    with suppress(FallbackLockedError), worded(config), engine.connect() as connection:
        try_to_write(connection)


def typed_errors(engine: sa.Engine, config: DatabaseConfig) -> None:
    """Have an engine on the file raise what is wrong with the file as errors that are dbkit's and SQLAlchemy's both.

    A pooled connection to a file that has been deleted or replaced is let go of: what is written there would be lost. A new one is
    refused where the file is not the service's.

    Args:
        engine: the file's; of an asynchronous one, its `sync_engine`.
        config: that of the file.
    """
    watch = _FileWatch(config)
    sa.event.listen(engine, "connect", watch.on_connect)
    sa.event.listen(engine, "checkout", watch.on_checkout)
    sa.event.listen(engine, "handle_error", watch.on_error, retval=True)


class _FileWatch:
    """What an engine on the file looks after."""

    def __init__(self, config: DatabaseConfig) -> None:
        self._config = config
        self._path = str(config.database)

    def on_connect(self, connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a driver's connection
        """Note which file this is, and refuse one that is not the service's: it may have been replaced since it was proved."""
        record.info[_FILE] = _inode(self._path)
        config = self._config
        connector = get_backend(config.backend).connector(config.driver)
        found = connector.standing(connection) if isinstance(connector, StandIn) else None
        if found is None or found.service != config.service:
            whose = "nobody's fallback" if found is None else f"the fallback of service {found.service!r}"
            raise FallbackForeignError(
                f"{self._path!r} is {whose} now, not that of service {config.service!r}",
                hint=migrate_hint(config.service),
            )

    def on_checkout(self, connection: Any, record: ConnectionPoolEntry, proxy: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        """Refuse a connection to a file that is no longer there; the pool makes another one in its place."""
        del connection, proxy
        if record.info.get(_FILE) != _inode(self._path):
            raise sa.exc.InvalidatePoolError

    def on_error(self, context: ExceptionContext) -> BaseException | None:
        """Give the typed error in place of SQLAlchemy's; None leaves that as it is."""
        found = context.sqlalchemy_exception
        if not isinstance(found, sa.exc.DBAPIError):
            return None
        error = fallback_error(self._config, found)
        return None if error is None else typed(error, found)


def _inode(path: str) -> tuple[int, int] | None:
    try:
        seen = os.stat(path)  # noqa: PTH116 - at each checkout, and three times as fast
    except OSError:
        return None
    return (seen.st_dev, seen.st_ino)
