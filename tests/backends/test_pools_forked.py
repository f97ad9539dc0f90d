"""Pools and forks: a child has connections of its own, and nothing that it does or collects touches its parent's."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from dbkit.errors import DbkitError
from tests.backends.asking import Kind, asking
from tests.backends.pooled import Seen, in_both_kinds, seen_by
from tests.driving import servers_by_every_driver
from tests.servers import Server

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
LIMIT_S = 20
"""A child that hangs is ended."""
REFUSED = "this connection belongs to the process that this one was forked from"


@pytest.fixture(scope="module")
def seen(server: Server) -> Iterator[Seen]:
    with seen_by(server) as found:
        yield found


def in_child(work: Callable[[], Any]) -> str:
    """Do something in a forked child, and give what it says; the child collects everything and leaves."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT_S)
        code = 1
        with suppress(BaseException):
            os.write(writable, str(work()).encode())
            gc.collect()
            code = 0
        os._exit(code)
    os.close(writable)
    with os.fdopen(readable) as said:
        text = said.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, text
    return text


def crowded(engine: sa.Engine, question: str) -> set[Any]:
    """Use an engine in five threads; give the server's numbers."""

    def ask(_: int) -> Any:
        with engine.connect() as connection:
            return connection.exec_driver_sql(question).scalar()

    with ThreadPoolExecutor(5) as threads:
        return set(threads.map(ask, range(5)))


@in_both_kinds
def test_a_child_opens_its_own_connections_and_its_exit_closes_none_of_its_parents(seen: Seen, kind: Kind) -> None:
    with asking(seen.config, kind, pool_size=3, max_overflow=0) as pool:
        held = [pool.hold() for _ in range(3)]
        before = [one.ask(seen.own) for one in held]
        for one in held[:2]:
            one.close()

        def work() -> Any:
            if kind == "sync":
                return pool.ask(seen.own)
            return asyncio.run(asked(pool._async, seen.own))

        of_the_child = int(in_child(work))
        assert of_the_child not in before
        assert seen.settled(lambda ids: of_the_child not in ids) == set(before)
        assert held[2].ask(seen.own) == before[2]
        assert {pool.ask(seen.own), before[2]} == set(before[1:])
        held[2].close()


async def asked(engine: AsyncEngine | None, question: str) -> Any:
    assert engine is not None
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(question)).scalar()


@servers_by_every_driver
def test_a_connection_that_is_held_survives_that_a_child_forgets_it(server: Server) -> None:
    way = server.way
    assert way is not None
    with seen_by(server) as seen, asking(seen.config, "async" if way.asynchronous else "sync") as pool:
        held = [pool.hold()]
        before = held[0].ask(seen.own)
        in_child(held.clear)
        assert held[0].ask(seen.own) == before
        held[0].close()


@pytest.fixture
def engine(server: Server, seen: Seen) -> Iterator[sa.Engine]:
    del server
    made = seen.config.create_engine(pool_size=4, max_overflow=0, pool_timeout=LIMIT_S)
    yield made
    made.dispose()


def test_a_transaction_in_a_threads_own_memory_goes_on_after_a_fork(engine: sa.Engine) -> None:
    table = sa.Table("forked", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    table.create(engine)
    local = threading.local()  # as of a scoped_session: a child clears that of the threads that are not there

    def begin() -> None:
        local.held = engine.connect()
        local.held.execute(table.insert().values(id=1))

    def end() -> None:
        local.held.commit()
        local.held.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(begin).result()
        in_child(lambda: None)
        thread.submit(end).result()
    with engine.connect() as connection:
        assert connection.scalars(sa.select(table.c.id)).all() == [1]
        connection.rollback()
        table.drop(connection)
        connection.commit()


def test_children_of_a_process_whose_threads_use_the_pool_share_nothing_with_it(engine: sa.Engine, seen: Seen) -> None:
    over = threading.Event()
    local = threading.local()
    mine: set[Any] = set()

    def use(_: int) -> int:
        count = 0
        while not over.is_set():
            local.held = engine.connect()
            before = local.held.exec_driver_sql(seen.own).scalar()
            assert local.held.exec_driver_sql(seen.own).scalar() == before
            local.held.close()
            mine.add(before)
            count += 1
        return count

    with ThreadPoolExecutor(8) as threads:
        users = threads.map(use, range(8))
        try:
            said = [in_child(lambda: sorted(crowded(engine, seen.own))) for _ in range(4)]
        finally:
            over.set()
        assert min(users) > 0
    theirs = [number for text in said for number in map(int, text.strip("[]").split(","))]
    assert len(mine) <= 4
    assert mine.isdisjoint(theirs)
    assert engine.pool.status().endswith("Current Checked out connections: 0")


@pytest.fixture(params=["pooled", "unpooled"])
def either(request: pytest.FixtureRequest, server: Server, seen: Seen) -> Iterator[sa.Engine]:
    """Give an engine with a pool, and one without."""
    del server
    made = seen.config.create_engine(**({} if request.param == "pooled" else {"poolclass": NullPool}))
    yield made
    made.dispose()


@pytest.mark.parametrize("ending", ["leave", "rollback", "invalidate", "forget"])
def test_a_child_that_leaves_a_block_it_inherited_ends_nothing_of_its_parents(
    either: sa.Engine, seen: Seen, ending: str
) -> None:
    table = sa.Table("inherited", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    table.create(either)
    held = [either.connect()]
    held[0].execute(table.insert().values(id=1))
    number = held[0].exec_driver_sql(seen.own).scalar()

    def work() -> None:
        if ending == "rollback":
            held[0].rollback()
        elif ending == "invalidate":
            held[0].invalidate()
        elif ending == "leave":
            held[0].close()
        held.clear()
        gc.collect()

    in_child(work)
    assert held[0].exec_driver_sql(seen.own).scalar() == number
    held[0].commit()
    assert held[0].scalars(sa.select(table.c.id)).all() == [1]
    held[0].rollback()
    table.drop(held[0])
    held[0].commit()
    held[0].close()


def test_a_child_is_refused_the_use_of_a_connection_it_inherited_and_gets_one_of_its_own(
    either: sa.Engine, seen: Seen
) -> None:
    with either.connect() as held:
        number = held.exec_driver_sql(seen.own).scalar()

        def work() -> str:
            for use in (lambda: held.exec_driver_sql("SELECT 1"), held.commit):
                # SQLAlchemy words the first anew
                with pytest.raises((DbkitError, sa.exc.StatementError), match=REFUSED):
                    use()
            held.close()
            with either.connect() as own:
                assert own.exec_driver_sql(seen.own).scalar() != number
            return "refused"

        assert in_child(work) == "refused"
        assert held.exec_driver_sql(seen.own).scalar() == number
