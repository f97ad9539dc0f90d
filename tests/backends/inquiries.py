"""Inquiries for a server that are timed on a machine that is busy, and the threads that they leave behind."""

from __future__ import annotations

import gc
import threading
import time
import warnings
from collections.abc import Callable

from dbkit.failover.probe import Inquiry


def in_time(ask: Callable[[], Inquiry], at_most_s: float) -> Inquiry:
    """Ask until the answer came in time, three times at most: this machine may be busy with something else."""
    found = [ask()]
    while found[-1].seconds >= at_most_s and len(found) < 3:
        found.append(ask())
    assert found[-1].seconds < at_most_s, [one.seconds for one in found]
    return found[-1]


def primary_threads() -> list[str]:
    """Name the threads of attempts that are going on."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dbkit-primary")]


def until(reached: Callable[[], object], patience_s: float = 6.0) -> None:
    """Wait for something that comes."""
    end = time.monotonic() + patience_s
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def sweep_up() -> None:
    """Collect the sockets of handshakes that were cancelled or refused, which asyncpg leaves to the collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
