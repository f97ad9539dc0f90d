"""Asks servers through an engine of either kind in the same words, for what must be the same with every driver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dbkit.config import DatabaseConfig

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, ...] = ("sync", "async")
PATIENCE_S = 30.0
"""A loop that has lost a socket would wait for it for ever."""


class Held:
    """A connection that is held until it is given back."""

    def __init__(self, connection: sa.Connection | AsyncConnection, runner: asyncio.Runner) -> None:
        self._connection = connection
        self._runner = runner

    def run(self, work: Callable[[sa.Connection], Any]) -> Any:
        """Do something with the connection as SQLAlchemy's synchronous code sees it."""
        if isinstance(self._connection, sa.Connection):
            return work(self._connection)
        return self._runner.run(_patiently(self._connection, work))

    def ask(self, statement: str) -> Any:
        """Ask for one value; None where the statement gives no rows."""

        def work(connection: sa.Connection) -> Any:
            result = connection.exec_driver_sql(statement)
            return result.scalar() if result.returns_rows else None

        return self.run(work)

    def close(self) -> None:
        """Give the connection back to its pool."""
        if isinstance(self._connection, sa.Connection):
            self._connection.close()
        else:
            self._runner.run(self._connection.close())


async def _patiently(connection: AsyncConnection, work: Callable[[sa.Connection], Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await connection.run_sync(work)


class Asker:
    """An engine of either kind."""

    def __init__(self, config: DatabaseConfig, kind: Kind, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self.kind = kind
        self._async = config.create_async_engine(**options) if kind == "async" else None
        self.engine = config.create_engine(**options) if self._async is None else self._async.sync_engine

    def hold(self) -> Held:
        """Take a connection out of the pool."""
        if self._async is None:
            return Held(self.engine.connect(), self._runner)
        engine = self._async

        async def connect() -> AsyncConnection:
            return await engine.connect()

        return Held(self._runner.run(connect()), self._runner)

    def ask(self, statement: str) -> Any:
        """Ask for one value on a connection out of the pool, and give it back."""
        held = self.hold()
        try:
            return held.ask(statement)
        finally:
            held.close()

    def close(self) -> None:
        """Close what lies in the pool."""
        if self._async is None:
            self.engine.dispose()
        else:
            self._runner.run(self._async.dispose())
        self._runner.close()


@contextmanager
def asking(config: DatabaseConfig, kind: Kind, **options: Any) -> Iterator[Asker]:
    """Make an engine of either kind, and close it."""
    asker = Asker(config, kind, **options)
    try:
        yield asker
    finally:
        asker.close()
