"""Alembic run by other code, which hands it the connection: Alembic's cookbook, pytest-alembic.

It is used as it is: whoever hands it over has chosen the database. A transaction that is open on it is theirs to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from dbkit.backends import backend_of
from dbkit.errors import UsageError
from dbkit.migrations.dispatch import LOCK_WAIT_S

if TYPE_CHECKING:
    from dbkit.backends.protocol import Lock

__all__ = ["HANDED", "backend_handed", "owned", "run_on"]

HANDED = "connection"
"""The attribute of Alembic's configuration in which it comes."""
Work = Callable[[sa.Connection], None]


def backend_handed(given: Any) -> str:  # noqa: ANN401 - whatever was handed over
    """Tell the backend of what was handed over.

    Raises:
        UsageError: it is neither a connection nor an engine, or is one that can only be awaited.
    """
    if not isinstance(getattr(given, "dialect", None), sa.Dialect) or hasattr(given, "sync_connection"):
        raise UsageError(
            f"config.attributes[{HANDED!r}] is {type(given).__name__}, not a connection or an engine of SQLAlchemy",
            hint="hand over a Connection, an Engine or an AsyncEngine; of an AsyncConnection the one that run_sync gives",
        )
    return backend_of(given.dialect).name


def run_on(given: Any, work: Work) -> None:  # noqa: ANN401 - as above
    """Do work on a connection, or on one that an engine gives."""
    if isinstance(given, sa.Connection):
        work(given)
    elif isinstance(given, sa.Engine):
        with given.connect() as connection:
            work(connection)
    else:
        _run_in_loop(lambda: _await(given, work))


async def _await(engine: Any, work: Work) -> None:  # noqa: ANN401 - its class may not be importable
    try:
        async with engine.connect() as connection:
            await connection.run_sync(work)
    finally:
        # what its pool keeps belongs to a loop that ends here
        await engine.dispose()


def _run_in_loop(work: Callable[[], Any]) -> None:
    """Run a coroutine in a loop of its own, beside one that runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work())
        return
    with ThreadPoolExecutor(max_workers=1) as beside:
        beside.submit(lambda: asyncio.run(work())).result()


@contextmanager
def owned(connection: sa.Connection) -> Iterator[None]:
    """Hold the migration's lock and end the transactions, unless the connection comes with one of its own."""
    if connection.in_transaction():
        yield
        return
    with (
        backend_of(connection.dialect).locker.lock(connection, patience_s=LOCK_WAIT_S, on_wait=lambda: None) as lock,
        _proved(connection, lock),
    ):
        yield
        # a revision that has committed by itself leaves its version row in a transaction which is nobody's
        connection.commit()


@contextmanager
def _proved(connection: sa.Connection, lock: Lock) -> Iterator[None]:
    """Have a lock proved before each statement of a connection, and of no other one of its engine."""

    def prove(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        lock.before_statement(statement)

    event.listen(connection, "before_cursor_execute", prove)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", prove)
