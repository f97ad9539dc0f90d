"""The thread that looks after the primary while a service is on its fallback."""

from __future__ import annotations

import random
import threading
import weakref
from typing import TYPE_CHECKING

from dbkit.failover.plan import pause_s

if TYPE_CHECKING:
    from dbkit.failover.router import Parts, Router

__all__ = ["watch_primary"]


def watch_primary(router: Router, parts: Parts, *, bound_s: float) -> None:
    """Make attempts to reach the primary until the router has gone back, or is there no more.

    Args:
        router: whose.
        parts: what makes the attempts.
        bound_s: how long one may take.
    """
    gone = threading.Event()
    reference = weakref.ref(router, lambda _: gone.set())

    def watch() -> None:
        while not gone.is_set():
            parts.sleep(gone, pause_s(random.random()))  # noqa: S311 - it spreads the attempts
            attempt = parts.attempt(bound_s)
            found = reference()
            if found is None or not found.seen(attempt, parts):
                return
            del found  # it may go while nobody looks

    threading.Thread(target=watch, name=f"dbkit-failover-back-{router.key[1]}", daemon=True).start()
