"""Watched work and the pool: a connection is watched while it is held, and keeps its place whatever goes wrong."""

from __future__ import annotations

import asyncio
import contextvars
import errno
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from dbkit.config.pool_use import pool_use
from dbkit.deadlines import Watch

LATER_S = 30.0
NO_NUMBER = OSError(errno.EMFILE, "Too many open files")


def in_use(engine: sa.Engine) -> int:
    use = pool_use(engine)
    assert use is not None
    return use.in_use


def test_a_connection_that_went_back_to_the_pool_is_watched_no_more(engine: sa.Engine) -> None:
    for _ in range(2):  # a new connection, and a pooled one
        with Watch(LATER_S) as watch, ThreadPoolExecutor(1) as other:
            engine.connect().close()
            held = other.submit(engine.connect).result()
            watch.expire()
        assert held.exec_driver_sql("SELECT 1").scalar_one() == 1
        held.close()
    assert in_use(engine) == 0


def test_an_asynchronous_connection_that_went_back_to_the_pool_is_watched_no_more(config: DatabaseConfig) -> None:
    async def run() -> None:
        engine = config.create_async_engine()

        async def ask(watch: Watch) -> int:
            async with engine.connect() as held:
                watch.expire()
                return int((await held.exec_driver_sql("SELECT 1")).scalar_one())

        for _ in range(2):
            with Watch(LATER_S) as watch:
                async with engine.connect():
                    pass
                unwatched = contextvars.Context()
                assert await asyncio.create_task(ask(watch), context=unwatched) == 1
        await engine.dispose()

    asyncio.run(run())


def test_a_connection_that_cannot_be_watched_keeps_its_place_in_the_pool(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.connect().close()
    monkeypatch.setattr(Watch, "guard", Mock(side_effect=NO_NUMBER))
    for _ in range(2):
        with Watch(LATER_S), suppress(OSError):
            engine.connect().close()
    assert in_use(engine) == 0


@pytest.mark.parametrize("kind", [sa.QueuePool, sa.AsyncAdaptedQueuePool])
def test_a_queue_of_another_class_has_the_configured_size_and_ping(
    config: DatabaseConfig, kind: type[sa.QueuePool]
) -> None:
    config = replace(config, pool_size=3, max_overflow=4, pool_recycle_s=60)
    asked: dict[str, Any] = {"poolclass": kind, "pool_pre_ping": False}
    if kind is sa.QueuePool:
        pool = config.create_engine(poolclass=kind).pool
        other = config.create_engine(**asked, pool_size=5).pool
    else:
        pool = config.create_async_engine(poolclass=kind).pool
        other = config.create_async_engine(**asked, pool_size=5).pool
    found = [(type(one), one.size(), one._max_overflow, one._recycle, one._pre_ping) for one in (pool, other)]  # type: ignore[attr-defined] # a queue's
    assert found == [(kind, 3, 4, 60, True), (kind, 5, 4, 60, False)]


def test_a_pool_without_a_queue_is_given_none_of_its_arguments(config: DatabaseConfig) -> None:
    assert isinstance(config.create_engine(poolclass=sa.StaticPool).pool, sa.StaticPool)


def test_the_pools_patience_is_not_that_of_the_work_in_which_it_was_made_anew(engine: sa.Engine) -> None:
    with Watch(1):
        engine.dispose()
    assert isinstance(engine.pool, sa.pool.QueuePool)
    assert engine.pool.timeout() == 30.0
