"""A process that has no thread to spare neither falls by that, nor stays fallen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.failover.plan import Attempt, Outcome, Route
from tests.routing import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    found = Town(folder=tmp_path)
    found.tables()
    yield found
    found.engine.dispose()


def side(town: Town) -> str:
    with town.engine.connect() as connection:
        return town.on(connection)


def until(condition: Callable[[], object]) -> None:
    """Wait for what a thread of the product does beside."""
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)


def test_a_service_does_not_fall_where_nobody_can_look_for_its_primary(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("dbkit-failover-back"):
            raise RuntimeError("can't start new thread")
        begin(thread)

    begin = threading.Thread.start
    town.leave()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(sa.exc.OperationalError, match="Connection refused"):
            side(town)
    assert (town.router.route, town.written) == (Route.PRIMARY, [])
    town.now_s += 1
    assert side(town) == "fallback"


def test_an_attempt_that_cannot_be_made_does_not_end_the_looking(town: Town) -> None:
    town.leave()
    assert side(town) == "fallback"
    town.unmakable = RuntimeError("can't start new thread")
    town.look_back(3, now_s=1010.0)
    town.unmakable = None
    town.attempt = Attempt(outcome=Outcome.ANSWERED, seconds=0.1)
    town.look_back(2, now_s=1020.0)
    town._rounds.release()
    until(lambda: town.router.route is Route.PRIMARY)
    assert town.router.route is Route.PRIMARY
