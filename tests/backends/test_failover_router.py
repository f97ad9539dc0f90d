"""Which side a checkout is given, who finds that out, and who is told."""

from __future__ import annotations

import gc
import logging
import sqlite3
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit.config.pool import PoolTimeoutError
from dbkit.errors import DeadlineError, FallbackMissingError, UnreachableError
from dbkit.failover.plan import Attempt, Outcome, Route, Step
from dbkit.failover.switching import Switch, listen
from tests.routing import BUDGET_S, ENOUGH_S, GONE, REASON, THERE, Found, Town

THREADS = 20
SOON_S = 5.0
SLACK_S = 0.5


@pytest.fixture
def town(tmp_path: Path) -> Town:
    found = Town(folder=tmp_path)
    found.tables()
    return found


@pytest.fixture
def hurried(tmp_path: Path) -> Town:
    """Give one whose budget is waited for."""
    found = Town(folder=tmp_path, budget_s=BUDGET_S)
    found.tables()
    return found


def side(town: Town) -> str:
    with town.engine.connect() as connection:
        return town.on(connection)


def until(condition: object, *, seconds: float = SOON_S) -> None:
    """Wait for what a thread of the product does beside."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.001)


def test_a_primary_that_answers_is_asked_nothing_and_noted_once(town: Town) -> None:
    assert [side(town), side(town)] == ["primary", "primary"]
    assert town.inquiries == []
    until(lambda: town.written)
    assert [(event.route, event.reason) for event in town.written] == [
        (Route.PRIMARY, "Primary at localhost:1, database 'user' answers")
    ]


def test_a_primary_that_is_away_is_stood_in_for_and_everybody_is_told_once(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Switch] = []
    hearing = listen(town.key, heard.append)
    town.leave()
    assert side(town) == "fallback"
    assert side(town) == "fallback"
    until(lambda: heard)
    hearing.stop()
    assert town.inquiries == [pytest.approx(ENOUGH_S, abs=1)]
    assert [(event.service, event.route, event.reason, event.place) for event in heard] == [
        ("user", Route.FALLBACK, REASON, "user.fallback.db")
    ]
    assert town.written == heard
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            "dbkit.failover",
            logging.WARNING,
            f"service 'user' is on its fallback now, user.fallback.db: {REASON}",
        )
    ]


def test_an_error_that_says_the_primary_is_there_is_raised_and_nobody_asks(town: Town) -> None:
    town.error = sqlite3.OperationalError("Access denied")
    with pytest.raises(sa.exc.OperationalError, match="Access denied"):
        side(town)
    assert town.inquiries == []


def test_a_pool_without_a_free_connection_says_nothing_of_the_primary(tmp_path: Path) -> None:
    town = Town(folder=tmp_path, primary_pool={"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.01})
    with town.engine.connect(), pytest.raises(PoolTimeoutError):
        town.engine.connect()
    assert town.inquiries == []


def test_the_wait_for_a_busy_pool_is_not_counted(tmp_path: Path) -> None:
    town = Town(folder=tmp_path, budget_s=2.0, primary_pool={"pool_size": 1, "max_overflow": 0})
    held = town.engine.connect()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(side, town)
        time.sleep(0.3)  # in 0.2 s a checkout is suspicious
        assert not waiting.done()
        held.close()
        assert waiting.result(SOON_S) == "primary"
    assert town.inquiries == []


def test_a_primary_that_answers_an_inquiry_is_tried_again(town: Town) -> None:
    town.leave()
    town.answer, town.before_answer = THERE, town.come_back
    assert side(town) == "primary"
    assert len(town.inquiries) == 1


def test_a_primary_that_refuses_an_inquiry_says_so_itself(town: Town) -> None:
    def refuse() -> None:
        town.error = sqlite3.OperationalError("Access denied")

    town.leave()
    town.answer, town.before_answer = Found(step=Step.RAISE, error=UnreachableError("refuses the log-in")), refuse
    with pytest.raises(sa.exc.OperationalError, match="Access denied"):
        side(town)
    assert town.router.route is Route.PRIMARY


def test_an_answer_from_before_the_primary_went_is_not_taken_for_one_of_now(town: Town) -> None:
    asked, goes_on = threading.Event(), threading.Event()

    def answer_late() -> None:
        asked.set()
        goes_on.wait(SOON_S)
        town.before_answer = lambda: setattr(town, "answer", GONE)

    town.leave()
    town.answer, town.before_answer = THERE, answer_late
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(side, town)
        assert asked.wait(SOON_S)
        town.now_s += 1
        second = pool.submit(side, town)
        time.sleep(0.02)
        goes_on.set()
        assert second.result(SOON_S) == "fallback"
        assert first.result(SOON_S) == "fallback"
    assert len(town.inquiries) == 2


def test_what_an_inquiry_was_refused_with_is_raised_where_the_primary_is_away_again(town: Town) -> None:
    town.leave()
    town.answer = Found(step=Step.RAISE, error=UnreachableError("refuses the log-in"))
    with pytest.raises(UnreachableError, match="refuses the log-in") as caught:
        side(town)
    assert isinstance(caught.value.__cause__, sa.exc.OperationalError)


def test_a_fallback_that_cannot_be_used_is_a_typed_error_and_the_next_checkout_tries_anew(town: Town) -> None:
    town.leave()
    town.unusable = FallbackMissingError(
        "'user.fallback.db' is not there", hint="run dbkit migrate --fallback dev user"
    )
    for _ in range(2):
        with pytest.raises(FallbackMissingError, match="is not there") as caught:
            side(town)
        assert str(caught.value) == (f"{REASON}, and its fallback cannot be used: 'user.fallback.db' is not there")
        assert caught.value.hint == "run dbkit migrate --fallback dev user"
        assert traceback.format_exception_only(caught.value)[-1] == "hint: run dbkit migrate --fallback dev user\n"
        assert caught.value.__cause__ is GONE.error
        town.now_s += 1
    assert (len(town.inquiries), town.router.route, town.written) == (2, Route.PRIMARY, [])
    town.unusable = None
    assert side(town) == "fallback"


def test_many_threads_at_a_primary_that_is_away_make_one_inquiry_and_one_switch(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    started = threading.Barrier(THREADS)
    town.leave()
    town.before_answer = lambda: time.sleep(0.05)

    def work() -> str:
        started.wait(SOON_S)
        return side(town)

    with ThreadPoolExecutor(THREADS) as pool:
        found = [job.result(SOON_S) for job in [pool.submit(work) for _ in range(THREADS)]]
    assert found == ["fallback"] * THREADS
    assert (len(town.inquiries), len(caplog.records)) == (1, 1)


def test_each_of_many_threads_is_told_why_the_fallback_cannot_be_used(town: Town) -> None:
    started = threading.Barrier(THREADS)
    town.leave()
    town.unusable = FallbackMissingError("is not there")
    town.before_answer = lambda: time.sleep(0.05)

    def work() -> Exception:
        started.wait(SOON_S)
        with pytest.raises(FallbackMissingError) as caught:
            side(town)
        return caught.value

    with ThreadPoolExecutor(THREADS) as pool:
        found = [job.result(SOON_S) for job in [pool.submit(work) for _ in range(THREADS)]]
    assert len({id(error) for error in found}) == THREADS
    assert len(town.inquiries) == 1


class Hang:
    """A driver that goes on waiting for the primary until it is let go."""

    def __init__(self, town: Town) -> None:
        self.goes_on = threading.Event()
        self.made: list[sqlite3.Connection] = []
        self._dialect: Any = town.sides[Route.PRIMARY].dialect
        self._connect = self._dialect.connect
        self._dialect.connect = self.connect

    def end(self) -> None:
        """Have the driver hang no more, but for who waits."""
        self._dialect.connect = self._connect

    def connect(self, *args: object, **options: object) -> object:
        self.goes_on.wait(SOON_S)
        self.made.append(self._connect(*args, **options))
        return self.made[-1]


def test_a_primary_that_hangs_is_asked_for_beside_the_checkout_which_ends_with_the_answer(hurried: Town) -> None:
    hang = Hang(hurried)
    hurried.answer = GONE
    began = time.monotonic()
    assert side(hurried) == "fallback"
    took_s = time.monotonic() - began
    assert BUDGET_S * 0.1 <= took_s < BUDGET_S  # the answer came before the checkout's own time was up
    assert hurried.inquiries == [pytest.approx(BUDGET_S * 0.9, abs=0.05)]
    hang.goes_on.set()
    until(lambda: hang.made)
    until(lambda: is_closed(hang.made[0]))
    assert is_closed(hang.made[0])


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


def test_a_primary_that_answers_while_an_inquiry_gives_it_up_is_not_taken_for_absent(hurried: Town) -> None:
    hang, answered = Hang(hurried), threading.Event()
    hurried.answer, hurried.before_answer = GONE, lambda: answered.wait(SOON_S)
    threading.Timer(BUDGET_S * 0.4, hang.goes_on.set).start()
    assert side(hurried) == "primary"
    answered.set()
    until(lambda: all(thread.name != "dbkit-failover-user" for thread in threading.enumerate()))
    assert side(hurried) == "primary"
    assert len(hurried.inquiries) == 1


def test_a_primary_that_is_slow_within_the_budget_is_waited_for(hurried: Town) -> None:
    hang = Hang(hurried)
    hurried.answer = THERE
    threading.Timer(BUDGET_S * 0.6, hang.goes_on.set).start()
    assert side(hurried) == "primary"
    assert len(hurried.inquiries) == 1


def test_a_checkout_that_hangs_beside_a_primary_that_answers_is_made_again(hurried: Town) -> None:
    hang = Hang(hurried)
    hurried.answer = THERE
    began = time.monotonic()
    threading.Timer(BUDGET_S * 0.8, hang.end).start()
    assert side(hurried) == "primary"
    assert BUDGET_S <= time.monotonic() - began < BUDGET_S + SLACK_S


def test_an_inquiry_that_does_not_end_holds_up_nobody_for_longer_than_the_budget_and_a_little(hurried: Town) -> None:
    never = threading.Event()
    hurried.leave()
    hurried.before_answer = lambda: never.wait(SOON_S)
    began = time.monotonic()
    with pytest.raises(sa.exc.OperationalError, match="Connection refused"):
        side(hurried)
    assert BUDGET_S <= time.monotonic() - began < BUDGET_S + 2 * SLACK_S
    never.set()


def test_it_goes_back_after_three_good_attempts_and_five_seconds(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.leave()
    assert side(town) == "fallback"
    until(lambda: town.written)
    fell_s = town.now_s
    town.look_back(1, now_s=fell_s + 1)
    town.attempt = Attempt(outcome=Outcome.ANSWERED, seconds=0.01)
    town.look_back(3, now_s=fell_s + 4.9)
    assert side(town) == "fallback"
    with town.engine.connect() as held:
        town.come_back()
        town.now_s = fell_s + 5.1
        town._rounds.release()
        until(lambda: town.router.route is Route.PRIMARY)
        assert side(town) == "primary"
        assert town.on(held) == "fallback"  # it goes on to its end
    until(lambda: len(town.written) == 2)
    assert [event.route for event in town.written] == [Route.FALLBACK, Route.PRIMARY]
    assert caplog.messages[-1] == (
        "service 'user' is on its primary now: Primary at localhost:1, database 'user' answers again"
    )


def test_it_goes_back_to_a_primary_that_refuses_so_that_its_error_is_seen(town: Town) -> None:
    town.leave()
    assert side(town) == "fallback"
    town.attempt = Attempt(outcome=Outcome.REFUSED, seconds=0.01, said="refuses the log-in of 'app'")
    town.look_back(2, now_s=town.now_s + 6)
    town._rounds.release()
    until(lambda: len(town.written) == 2)
    assert town.written[-1].reason == (
        "Primary at localhost:1, database 'user' is there again: refuses the log-in of 'app'"
    )
    town.error = sqlite3.OperationalError("Access denied")
    with pytest.raises(sa.exc.OperationalError, match="Access denied"):
        side(town)


def test_the_monitor_ends_with_the_last_engine(tmp_path: Path) -> None:
    town = Town(folder=tmp_path, key=("/somewhere", "gone"))
    town.leave()
    assert side(town) == "fallback"
    rounds = town._rounds
    until(lambda: town.written)
    monitors = [thread for thread in threading.enumerate() if thread.name == "dbkit-failover-back-gone"]
    assert len(monitors) == 1
    del town.router, town.engine
    gc.collect()
    rounds.release()
    monitors[0].join(SOON_S)
    assert not monitors[0].is_alive()


def test_a_callback_may_use_the_engine_and_one_that_raises_is_logged_and_stops_nothing(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[Route, str]] = []

    def fail(event: Switch) -> None:
        raise ValueError(event.service)

    def use(event: Switch) -> None:
        heard.append((event.route, side(town)))

    hearings = [listen(town.key, fail), listen(town.key, use)]
    other, stopped = listen(("/elsewhere", "user"), fail), listen(town.key, fail)
    stopped.stop()
    stopped.stop()
    town.leave()
    assert side(town) == "fallback"
    until(lambda: heard)
    for hearing in (*hearings, other):
        hearing.stop()
    assert heard == [(Route.FALLBACK, "fallback")]
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "a callback failed that was told of a switch of 'user'"
    ]


def test_a_bug_in_an_inquiry_reaches_who_asked(town: Town) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    town.leave()
    town.before_answer = fail
    with pytest.raises(ZeroDivisionError):
        side(town)
    town.before_answer = lambda: None
    town.now_s += 1
    assert side(town) == "fallback"


def test_work_that_is_watched_waits_no_longer_than_its_own_time(hurried: Town) -> None:
    from dbkit.deadlines import Watch

    never = threading.Event()
    hurried.leave()
    hurried.before_answer = lambda: never.wait(SOON_S)
    began = time.monotonic()
    with Watch(0.05), pytest.raises((sa.exc.OperationalError, DeadlineError)):
        side(hurried)
    assert time.monotonic() - began < BUDGET_S
    never.set()
