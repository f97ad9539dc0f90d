"""What a server itself says of the connections to a database: which there are, and that some are no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig
from tests.backends.accounts import configured
from tests.backends.asking import KINDS, Kind
from tests.servers import SERVERS, Server

PATIENCE_S = 5.0
"""How long a server may take to see that a connection was closed."""

_OWN = {"postgresql": "SELECT pg_backend_pid()", "mssql": "SELECT @@SPID"}
_ALL = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{name}'",
    "mssql": "SELECT session_id FROM sys.dm_exec_sessions WHERE database_id = DB_ID('{name}')",
}
_MYSQL_ALL = "SELECT id FROM information_schema.processlist WHERE db = '{name}'"
_KILL = {"postgresql": "SELECT pg_terminate_backend({id})"}


def has_kind(backend: str, kind: Kind) -> bool:
    """Tell whether a backend has a driver of a kind."""
    return any(kind in driver.kinds for driver in get_backend(backend).traits.drivers)


in_both_kinds = pytest.mark.parametrize(
    ("server", "kind"),
    [
        pytest.param(name, kind, id=f"{name}-{kind}", marks=getattr(pytest.mark, name))
        for name in SERVERS
        for kind in KINDS
        if has_kind(name, kind)
    ],
    indirect=["server"],
    scope="module",  # or each test would come with a database of its own
)
"""Gives a test each `server` with a `kind` of engine."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A database as its server sees it, through a connection to another one."""

    config: DatabaseConfig
    """For the product."""
    _eyes: sa.Connection

    @property
    def own(self) -> str:
        """The question by which a connection learns the server's number for it."""
        return _OWN.get(self.config.backend, "SELECT CONNECTION_ID()")

    def ids(self) -> set[int]:
        """Give the numbers of all connections to the database."""
        query = _ALL.get(self.config.backend, _MYSQL_ALL).format(name=self.config.database)
        return set(self._eyes.exec_driver_sql(query).scalars())

    def settled(self, until: Callable[[set[int]], bool]) -> set[int]:
        """Give the numbers as soon as they are as expected, or as they are at last: servers take a moment over an end."""
        end = time.monotonic() + PATIENCE_S
        while not until(found := self.ids()) and time.monotonic() < end:
            time.sleep(0.01)
        return found

    def kill(self, *ids: int) -> None:
        """End connections as an administrator does, and wait until they are gone."""
        for number in ids:
            self._eyes.exec_driver_sql(_KILL.get(self.config.backend, "KILL {id}").format(id=number))
        assert not self.settled(lambda found: not found.intersection(ids)).intersection(ids)


@contextmanager
def seen_by(server: Server) -> Iterator[Seen]:
    """Create a database that nobody else uses, and watch it."""
    eyes = server.engine(poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with server.database() as name, eyes.connect() as connection:
        yield Seen(config=configured(server, name), _eyes=connection)


def crowd(
    config: DatabaseConfig,
    kind: Kind,
    works: Sequence[Callable[[sa.Connection], Any]],
    **options: Any,
) -> list[Any]:
    """Do all works at once, each with a connection of one pool: in threads, or in tasks of one loop."""
    if kind == "async":
        return asyncio.run(_tasks(config.create_async_engine(**options), works))
    engine = config.create_engine(**options)

    def held(work: Callable[[sa.Connection], Any]) -> Any:
        with engine.connect() as connection:
            return work(connection)

    try:
        with ThreadPoolExecutor(len(works)) as threads:
            return list(threads.map(held, works))
    finally:
        engine.dispose()


async def _tasks(engine: AsyncEngine, works: Sequence[Callable[[sa.Connection], Any]]) -> list[Any]:
    async def held(work: Callable[[sa.Connection], Any]) -> Any:
        async with engine.connect() as connection:
            return await connection.run_sync(work)

    try:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            tasks = [group.create_task(held(work)) for work in works]
        return [task.result() for task in tasks]
    finally:
        await engine.dispose()
