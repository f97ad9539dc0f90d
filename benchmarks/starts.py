"""How soon a service answers that starts while its server is away and the fallback is on: in a fresh process each time.

The clock that the goals are for runs from the moment that the service, its modules imported, asks for its sessions, to the answer
to its first query. Making the engine, with the import of its driver, is part of that.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.processes import BIN, ROOT, run
from tests.backends.strangers import black_hole, refusing

BUDGET_S = 3.0
# One stands for the MySQL family, whose drivers are the same.
BACKENDS = ("postgresql", "tidb")
START = """
import time
began = time.perf_counter()
import dbkit
from services.user.store import UserStore
imported = time.perf_counter()
store = UserStore(dbkit.session("user"))
asked = time.perf_counter()
store.users(limit=1)
answered = time.perf_counter()
print(answered - imported, answered - asked, answered - began)
"""

Place = Callable[[], AbstractContextManager[int]]


@contextmanager
def prepared(backend: str) -> Iterator[dict[str, str]]:
    """Give the variables of a service that may fall back, but for its server's port; the file is migrated and seeded."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "DATABASE_TYPE": backend,
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_USER": "service",
            "DATABASE_PASSWORD": "none that matters",
            "DATABASE_SQLITE_PATH": f"{folder}/{{service}}.db",
            "DATABASE_FALLBACK": "dev",
            "DATABASE_FALLBACK_BUDGET": str(BUDGET_S),
        }
        with refusing() as port:
            run(
                *(str(BIN / "dbkit"), "migrate", "user", "--accept-fallback"),
                environ={**environ, "DATABASE_PORT": str(port)},
                folder=ROOT,
            )
        yield environ


def starts(environ: dict[str, str], place: Place, rounds: int) -> list[float]:
    """Start the service several times.

    Returns:
        Medians in seconds: from asking for sessions to the first answer, from the first query to it, and from the start of Python.
    """
    with place() as port:
        there = {**environ, "DATABASE_PORT": str(port)}
        times = [map(float, run(sys.executable, "-c", START, environ=there).split()) for _ in range(rounds)]
    return [statistics.median(found) for found in zip(*times, strict=True)]


def measuring() -> None:
    """Print how long a service takes to answer whose server drops every packet, and one whose server's port refuses."""
    for backend in BACKENDS:
        with prepared(backend) as environ:
            for title, place, goal_s, rounds in (
                ("black-holed", black_hole, BUDGET_S + 0.5, 3),
                ("refused", refusing, 0.5, 7),
            ):
                first, query, whole = starts(environ, place, rounds)
                print(
                    f"first answer of a start, {backend} {title}: {first:.2f} s   goal: at most {goal_s:g} s\n"
                    f"    {query:.2f} s of it from the query on; {whole:.2f} s with the imports before"
                )


if __name__ == "__main__":
    for variable in list(os.environ):
        if "DATABASE_" in variable:
            del os.environ[variable]
    measuring()
