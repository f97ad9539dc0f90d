"""The thread that looks after the primary while a service is on its fallback."""

from __future__ import annotations

import random
import threading
import weakref
from typing import TYPE_CHECKING

from dbkit.failover.plan import Attempt, Outcome, pause_s

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
            attempt = _attempted(parts, bound_s)
            found = reference()
            if found is None or not found.seen(attempt, parts):
                return
            del found  # it may go while nobody looks

    threading.Thread(target=watch, name=f"dbkit-failover-back-{router.key[1]}", daemon=True).start()


def _attempted(parts: Parts, bound_s: float) -> Attempt:
    """Make one attempt; what there is nothing left for, such as a thread, says nothing of the primary, and must not end the looking."""
    try:
        return parts.attempt(bound_s)
    except Exception as error:  # noqa: BLE001 - whatever it is, without another attempt the service would never go back
        return Attempt(outcome=Outcome.SILENT, seconds=0.0, said=str(error))
