"""Two who do something at one moment: the one has begun and not ended when the other comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from services.store import Store

T = TypeVar("T")
PATIENCE_S = 30


def meanwhile(engine: sa.Engine, store: Store, first: Callable[[], object], second: Callable[[], T]) -> Future[T]:
    """Do the first in a transaction that stays open until the second waits for it, and give the second's outcome."""
    begun = threading.Event()
    caller = threading.get_ident()

    def sent(*_arguments: object) -> None:
        if threading.get_ident() != caller:
            begun.set()

    sa.event.listen(engine, "before_cursor_execute", sent)
    try:
        with ThreadPoolExecutor(1) as other:
            with store.transaction():
                first()
                outcome = other.submit(second)
                assert begun.wait(PATIENCE_S)
                threading.Event().wait(0.2)  # it has been sent, or is about to be: time to meet what is held
                assert not outcome.done(), outcome
            outcome.exception(PATIENCE_S)
    finally:
        sa.event.remove(engine, "before_cursor_execute", sent)
    return outcome
