"""Work that nobody can interrupt, such as a driver's handshake: done on a thread beside, so that who waits can give up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dbkit.deadlines.watch import Watch

T = TypeVar("T")


def aside(work: Callable[[], T], *, watch: Watch, late: Callable[[T], object]) -> T:
    """Do work on a thread of its own, and wait for it no longer than the watch has time.

    Args:
        work: what is done; what it raises is raised here.
        watch: of the work that waits.
        late: takes what the work gives when nobody waits for it any more.

    Raises:
        DeadlineError: time is up.
    """
    # nobody says that it runs, so that who waits can cancel it until there is something to give
    found: Future[T] = Future()
    context = copy_context()
    thread = threading.Thread(
        target=lambda: context.run(_do, work, found, late=late), name="dbkit-connecting", daemon=True
    )
    thread.start()
    forget = watch.on_passed(found.cancel)
    try:
        return found.result(watch.left_s if watch.left_s < threading.TIMEOUT_MAX else None)
    except CancelledError:
        watch.check()
        raise
    except Late:  # ours, or what the work raised
        if not found.cancel():
            return found.result()
        watch.expire()
        watch.check()
        raise
    finally:
        forget()
        found.cancel()


def _do(work: Callable[[], T], found: Future[T], *, late: Callable[[T], object]) -> None:
    try:
        given = work()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is for who waits
        if found.set_running_or_notify_cancel():
            found.set_exception(error)
        return
    if found.set_running_or_notify_cancel():
        found.set_result(given)
        return
    with suppress(Exception):  # nobody is there to hear of it
        late(given)
