"""The timer of the process, and work that is watched by it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dbkit.deadlines import Watch, arm, aside, current_watch
from dbkit.deadlines.timer import FEW, Timer
from dbkit.errors import DeadlineError

SOON_S = 0.01
LATER_S = 30.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_callback_comes_when_its_time_is_up() -> None:
    called = threading.Event()
    began = time.monotonic()
    Timer().arm(SOON_S, called.set)
    assert called.wait(5)
    assert time.monotonic() - began >= SOON_S


def test_a_callback_that_is_disarmed_never_comes() -> None:
    timer, called, last = Timer(), threading.Event(), threading.Event()
    timer.arm(SOON_S, called.set)()
    timer.arm(2 * SOON_S, last.set)
    assert last.wait(5)
    assert not called.is_set()


def test_a_sooner_callback_overtakes_one_that_was_armed_before() -> None:
    timer, called = Timer(), threading.Event()
    disarm = timer.arm(LATER_S, lambda: None)
    timer.arm(SOON_S, called.set)
    assert called.wait(5)
    disarm()


def test_callbacks_come_in_the_order_of_their_times() -> None:
    timer, came, done = Timer(), [], threading.Event()
    timer.arm(3 * SOON_S, done.set)
    timer.arm(2 * SOON_S, lambda: came.append("second"))
    timer.arm(SOON_S, lambda: came.append("first"))
    assert done.wait(5)
    assert came == ["first", "second"]


def test_a_callback_that_raises_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    timer, called = Timer(), threading.Event()
    timer.arm(SOON_S, lambda: 1 // 0)
    timer.arm(2 * SOON_S, called.set)
    assert called.wait(5)
    assert "ZeroDivisionError" in caplog.text


def test_one_thread_serves_all_and_ends_when_nobody_waits() -> None:
    timer, called = Timer(linger_s=SOON_S), threading.Event()
    before = threading.active_count()
    for _ in range(20):
        timer.arm(SOON_S, called.set)
    assert threading.active_count() == before + 1
    assert called.wait(5)
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(SOON_S)
    assert threading.active_count() == before
    called.clear()
    timer.arm(SOON_S, called.set)  # and begins anew
    assert called.wait(5)


def test_what_is_disarmed_is_thrown_away_and_does_not_pile_up() -> None:
    timer = Timer()
    for _ in range(10 * FEW):
        timer.arm(LATER_S, lambda: None)()
    assert timer.pending == 0
    assert len(timer._entries) <= FEW + 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_a_timer_of_its_own() -> None:
    disarm = arm(LATER_S, lambda: None)  # the parent's thread, which the child does not have
    child = os.fork()
    if child == 0:
        called = threading.Event()
        arm(SOON_S, called.set)
        os._exit(0 if called.wait(5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    disarm()


def test_a_guarded_socket_is_shut_when_time_is_up(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    began = time.monotonic()
    with Watch(5 * SOON_S) as watch:
        watch.guard(ours.fileno())
        assert ours.recv(1) == b""  # would wait for ever
    assert watch.passed
    assert time.monotonic() - began < 2


def test_work_that_is_done_in_time_keeps_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    with Watch(SOON_S) as watch:
        watch.guard(ours.fileno())
    time.sleep(3 * SOON_S)
    watch.expire()
    theirs.send(b"x")
    assert (ours.recv(1), watch.passed) == (b"x", False)


def test_a_socket_that_is_guarded_too_late_is_shut_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    with Watch(LATER_S) as watch:
        watch.expire()
        watch.guard(ours.fileno())
        assert ours.recv(1) == b""


def test_a_number_that_the_driver_has_closed_and_somebody_else_got_is_left_alone(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    others = socket.socketpair()
    with closing(others[0]), closing(others[1]), Watch(LATER_S) as watch:
        watch.guard(ours.fileno())
        os.dup2(others[0].fileno(), ours.fileno())  # the number now is another connection's
        watch.expire()
        others[1].send(b"x")
        assert others[0].recv(1) == b"x"
        assert theirs.recv(1) == b""  # the guarded one was shut


def test_no_descriptor_is_left_behind(pair: tuple[socket.socket, socket.socket]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for passes in (False, True):
        with Watch(LATER_S) as watch:
            watch.guard(pair[0].fileno())
            if passes:
                watch.expire()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_work_is_told_to_go_no_further() -> None:
    with Watch(LATER_S) as watch:
        watch.check()
        watch.stage = "connecting to db"
        watch.expire()
        with pytest.raises(DeadlineError, match="time ran out while connecting to db"):
            watch.check()
    assert watch.left_s == 0


def test_a_watch_is_seen_by_its_own_thread_alone() -> None:
    seen: list[object] = []
    with Watch(LATER_S) as watch:
        assert current_watch() is watch
        thread = threading.Thread(target=lambda: seen.append(current_watch()))
        thread.start()
        thread.join()
    assert (current_watch(), seen) == (None, [None])


def test_the_time_that_is_left_goes_by_the_clock() -> None:
    now = [100.0]
    watch = Watch(5, clock=lambda: now[0])
    now[0] = 103.0
    assert watch.left_s == 2
    now[0] = 110.0
    assert watch.left_s == 0


def test_work_aside_gives_what_it_made_and_raises_what_it_raised() -> None:
    with Watch(LATER_S) as watch:
        assert aside(current_watch, watch=watch, late=list) is watch
        with pytest.raises(ZeroDivisionError):
            aside(lambda: 1 // 0, watch=watch, late=list)
        with pytest.raises(TimeoutError, match="of its own"):
            aside(_raise_time_out, watch=watch, late=list)


def _raise_time_out() -> None:
    raise TimeoutError("of its own")


def test_work_aside_that_hangs_is_left_behind_when_time_is_up_and_what_it_makes_is_given_back() -> None:
    goes_on, given_back = threading.Event(), threading.Event()

    def work() -> threading.Event:
        goes_on.wait(5)
        return given_back

    with Watch(SOON_S) as watch:
        watch.stage = "connecting"
        with pytest.raises(DeadlineError, match="time ran out while connecting"):
            aside(work, watch=watch, late=lambda made: made.set())
    goes_on.set()
    assert given_back.wait(5)


def test_work_aside_is_left_behind_as_soon_as_somebody_says_that_time_is_up() -> None:
    goes_on = threading.Event()
    with Watch(LATER_S) as watch:
        arm(SOON_S, watch.expire)
        with pytest.raises(DeadlineError):
            aside(lambda: goes_on.wait(5), watch=watch, late=bool)
    goes_on.set()


def test_who_asks_hears_that_time_is_up_once_and_who_has_asked_otherwise_does_not() -> None:
    heard: list[str] = []
    with Watch(LATER_S) as watch:
        watch.on_passed(lambda: heard.append("first"))
        watch.on_passed(lambda: heard.append("never"))()
        watch.expire()
        watch.expire()
        watch.on_passed(lambda: heard.append("late"))
    assert heard == ["first", "late"]
