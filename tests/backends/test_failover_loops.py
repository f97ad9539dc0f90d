"""Routed engines in an event loop: it goes on whatever the primary does."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from dbkit.errors import FallbackMissingError
from dbkit.failover.plan import Route
from tests.routing import BUDGET_S, GONE, Town

T = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True))


@pytest.fixture
def loops(tmp_path: Path) -> Town:
    """Give one whose engine is for event loops."""
    pytest.importorskip("aiosqlite")
    found = Town(folder=tmp_path, asynchronous=True)
    found.tables()
    return found


async def _tick(ticks: list[float]) -> None:
    """Note when the loop comes round."""
    while True:
        ticks.append(time.monotonic())
        await asyncio.sleep(0.01)


def test_a_loop_goes_on_while_somebody_asks_for_the_primary(loops: Town) -> None:
    loops.leave()
    loops.before_answer = lambda: time.sleep(0.3)
    engine = AsyncEngine(loops.engine)

    ticks: list[float] = []

    async def work(n: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(T.insert(), {"n": n})

    async def run() -> None:
        ticking = asyncio.create_task(_tick(ticks))
        await asyncio.gather(*(work(n) for n in range(5)))
        async with AsyncSession(engine) as session:
            await session.execute(T.insert(), {"n": 5})
            loops.router.switch(Route.PRIMARY, "the test says so", loops.parts)()
            await session.execute(T.insert(), {"n": 6})
            await session.commit()
        ticking.cancel()
        await engine.dispose()

    asyncio.run(run())
    assert (loops.rows("primary"), loops.rows("fallback")) == ([], [0, 1, 2, 3, 4, 5, 6])
    assert len(loops.inquiries) == 1
    assert max(later - before for before, later in itertools.pairwise(ticks)) < 0.25


def test_a_task_whose_primary_hangs_is_given_the_fallback_and_its_connection_is_not_lost(loops: Town) -> None:
    loops = Town(folder=loops.folder, asynchronous=True, budget_s=BUDGET_S)
    engine = AsyncEngine(loops.engine)

    async def run() -> float:
        dialect, never = loops.sides[Route.PRIMARY].dialect, asyncio.Event()
        loops.answer = GONE
        dialect.connect = lambda *_, **__: sa.util.await_only(never.wait())  # type: ignore[method-assign]
        began = time.monotonic()
        async with engine.connect() as connection:
            assert (await connection.run_sync(loops.on)) == "fallback"
        took_s = time.monotonic() - began
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        await engine.dispose()
        return took_s

    assert BUDGET_S * 0.1 <= asyncio.run(run()) < BUDGET_S + 0.1


def test_a_task_that_is_cancelled_while_it_waits_ends_at_once_and_the_others_do_not(loops: Town) -> None:
    loops.leave()
    goes_on = threading.Event()
    loops.before_answer = lambda: goes_on.wait(5)
    engine = AsyncEngine(loops.engine)

    async def use() -> str:
        async with engine.connect() as connection:
            return await connection.run_sync(loops.on)

    async def run() -> str:
        impatient, patient = asyncio.create_task(use()), asyncio.create_task(use())
        await asyncio.sleep(0.05)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        goes_on.set()
        try:
            return await patient
        finally:
            await engine.dispose()

    assert asyncio.run(run()) == "fallback"


def test_a_fallback_that_cannot_be_used_is_told_a_task_too(loops: Town) -> None:
    loops.leave()
    loops.unusable = FallbackMissingError("is not there")

    async def run() -> None:
        with pytest.raises(FallbackMissingError):
            await AsyncEngine(loops.engine).connect()

    asyncio.run(run())
