"""A routed engine between two SQLite files, whose primary can be taken away, and whose inquiries are counted and answered by the test."""

from __future__ import annotations

import copy
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.config import DatabaseConfig
from dbkit.errors import DbkitError, UnreachableError
from dbkit.failover.engines import RoutedEngine, Sides
from dbkit.failover.patience import LOOPS, THREADS
from dbkit.failover.plan import Attempt, Outcome, Route, Step
from dbkit.failover.router import Parts, Router
from dbkit.failover.switching import Switch

BUDGET_S = 0.25
"""For tests that wait for it; the others have so much that nothing is suspicious, however busy the machine is."""
ENOUGH_S = 10.0
REASON = "Primary at localhost:1 cannot be reached: Connection refused (3 attempts in 0.3 s)"


class AwayError(sqlite3.OperationalError):
    """Nobody is there."""


@dataclass(kw_only=True)
class Found:
    """What an inquiry finds."""

    step: Step
    error: DbkitError | None = None
    reason: str = REASON


GONE = Found(step=Step.FALL_BACK, error=UnreachableError("cannot reach Primary at localhost:1"))
THERE = Found(step=Step.USE_PRIMARY, reason="Primary at localhost:1 answers")


@dataclass(kw_only=True, eq=False)
class Town:
    """Both sides, and what the router asks about them."""

    folder: Path
    key: tuple[str, str] = ("/somewhere", "user")
    asynchronous: bool = False
    budget_s: float = ENOUGH_S
    primary_pool: dict[str, Any] = field(default_factory=lambda: {"poolclass": NullPool})
    answer: Found = field(default_factory=lambda: THERE)
    unusable: Exception | None = None
    unmakable: Exception | None = None
    """What an attempt to go back fails with before it begins."""
    now_s: float = 1000.0
    attempt: Attempt = field(default_factory=lambda: Attempt(outcome=Outcome.ABSENT, seconds=0.0))
    inquiries: list[float] = field(default_factory=list)
    attempts: int = 0
    written: list[Switch] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None
    error: BaseException | None = None
    """What connecting to the primary fails with."""
    _rounds: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _looked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __post_init__(self) -> None:
        places = {Route.PRIMARY: "Primary at localhost:1, database 'user'", Route.FALLBACK: "user.fallback.db"}
        self.router = Router(
            self.key, places=places, budget_s=self.budget_s, write=self.written.append, clock=lambda: self.now_s
        )
        self.sides = Sides({Route.PRIMARY: self._make_primary, Route.FALLBACK: lambda: self._make("fallback")})
        self.parts = Parts(
            ways=LOOPS if self.asynchronous else THREADS,
            inquire=self._inquire,
            attempt=self._attempt,
            prove=self._prove,
            is_absence=lambda error: isinstance(getattr(error, "orig", error), AwayError),
            sleep=self._next_round,
        )
        self.engine = RoutedEngine(self.router, self.sides, self.parts)

    def leave(self) -> None:
        """Have nobody reach the primary."""
        self.error, self.answer = AwayError("Connection refused"), GONE

    def come_back(self) -> None:
        """Have it answer."""
        self.error, self.answer = None, THERE

    def look_back(self, times: int, *, now_s: float) -> None:
        """Have the monitor make attempts, at one moment."""
        self.now_s = now_s
        for _ in range(times):
            self._rounds.release()
            assert self._looked.acquire(timeout=5)

    def rows(self, side: str, query: str = "SELECT n FROM t ORDER BY n") -> list[int]:
        """Read a side's file, beside everything."""
        with sqlite3.connect(self.folder / f"{side}.db") as connection:
            found = [row[0] for row in connection.execute(query)]
        connection.close()
        return found

    def tables(self) -> None:
        """Make a table on both sides."""
        for side in ("primary", "fallback"):
            with sqlite3.connect(self.folder / f"{side}.db") as connection:
                connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
            connection.close()

    def on(self, connection: sa.Connection) -> str:
        """Tell by the file which side a connection is on."""
        return Path(str(connection.exec_driver_sql("PRAGMA database_list").all()[0][2])).stem

    def _make(self, side: str, **options: Any) -> sa.Engine:
        path = str(self.folder / f"{side}.db")
        config = DatabaseConfig(backend="sqlite", service="user", sqlite_path=path, database=path)
        if self.asynchronous:
            return config.create_async_engine(**options).sync_engine
        return config.create_engine(**options)

    def _make_primary(self) -> sa.Engine:
        engine = self._make("primary", **self.primary_pool)
        connect = engine.dialect.connect

        def refuse_or_connect(*args: Any, **options: Any) -> Any:
            if self.error is not None:
                raise copy.copy(self.error)
            return connect(*args, **options)

        engine.dialect.connect = refuse_or_connect  # type: ignore[method-assign]
        return engine

    def _inquire(self, budget_s: float) -> Found:
        self.inquiries.append(budget_s)
        self.before_answer()
        return self.answer

    def _attempt(self, bound_s: float) -> Attempt:
        assert bound_s == self.budget_s
        self.attempts += 1
        if self.unmakable is not None:
            raise self.unmakable
        return self.attempt

    def _prove(self) -> None:
        if self.unusable is not None:
            raise self.unusable

    def _next_round(self, gone: threading.Event, seconds: float) -> None:
        del gone, seconds
        if self.attempts:
            self._looked.release()
        self._rounds.acquire()
