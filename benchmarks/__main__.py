"""Times dbkit against the stock tool doing the same work, and prints ratios. Run as `make bench`.

Both sides run the same revision files on databases that exist, as processes of their own; the stock tool's processes run one
after another, as a CI job would. The sides are interleaved, so that a machine that slows down slows both, and the medians are
compared. Then a hundred services likewise, and how `status` grows with their number. Then engines and stores are timed against
plain SQLAlchemy, and starts of a service whose server is away against their goals. Ratios hold for this machine and this run;
they are no test.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import engines, fleet, starts, stores
from benchmarks.processes import BIN, ROOT, run
from benchmarks.timing import Side, line, medians
from dbkit import migrations
from dbkit.project import Project
from tests.servers import SERVERS, find_server

SERVICES = ("user", "project", "knowledge")
ROUNDS = 9
SLOW_ROUNDS = 5  # from empty: every round drops and creates three databases


def services(environ: dict[str, str]) -> tuple[Side, Side]:
    """Give both sides of a migration: dbkit in one process, the stock tool in one per service."""

    def ours() -> None:
        run(str(BIN / "dbkit"), "migrate", environ=environ)

    def theirs() -> None:
        for service in SERVICES:
            run(str(BIN / "alembic"), "upgrade", "head", environ=environ, folder=ROOT / "alembic_envs" / service)

    return ours, theirs


@contextmanager
def places() -> Iterator[dict[str, dict[str, str]]]:
    """Give the variables of each backend that is there, and drop afterwards what was made."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"sqlite": {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": f"{folder}/{{service}}.db"}}
        for name in SERVERS:
            server = find_server(name)
            if server is not None:
                found[name] = server.environ(f"dbkit_bench_{os.getpid()}_{{service}}")
        try:
            yield found
        finally:
            for environ in found.values():
                empty(environ)


def empty(environ: dict[str, str], *, create: bool = False) -> None:
    """Drop the services' databases, and make them anew where asked to."""
    os.environ.update(environ)
    try:
        project = Project.find(ROOT)
        dropped = migrations.drop(project, project.service_names)
        made = migrations.create(project) if create else dropped
    finally:
        for name in environ:
            del os.environ[name]
    if not (dropped.ok and made.ok):
        raise SystemExit(
            f"the databases could not be prepared: {[entry.error for entry in (*dropped.services, *made.services)]}"
        )


def migrating() -> None:
    """Compare migrations, at head and from empty, on every backend that is there."""
    with places() as found:
        for backend, environ in found.items():
            ours, theirs = services(environ)
            times = medians(
                ours, theirs, rounds=SLOW_ROUNDS, prepare=lambda environ=environ: empty(environ, create=True)
            )  # type: ignore[misc]
            line(f"three services from empty, {backend}", *times, goal="1.3 x")
            ours()
            line(f"three services at head, {backend}", *medians(ours, theirs, rounds=ROUNDS), goal="3 x")


def starting() -> None:
    """Compare what a command costs before it does anything, and what reading a configuration costs."""
    ours, theirs = (lambda tool=tool: run(str(BIN / tool), "--help") for tool in ("dbkit", "alembic"))  # type: ignore[misc]
    line("--help, against alembic --help", *medians(ours, theirs, rounds=ROUNDS), goal="at most 0.4 of it")
    config = "from dbkit.config import DatabaseConfig; DatabaseConfig.from_env('user')"
    ours, theirs = (lambda code=code: run(sys.executable, "-c", code) for code in (config, "import sqlalchemy"))  # type: ignore[misc]
    line("a config, against import sqlalchemy", *medians(ours, theirs, rounds=ROUNDS), goal="less than it")


def main() -> None:
    """Print every comparison."""
    for name in list(os.environ):
        if "DATABASE_" in name:
            del os.environ[name]
    print(f"{'':<34} {'dbkit':>10} {'stock':>10}")
    starting()
    migrating()
    fleet.comparing()
    engines.comparing()
    stores.comparing()
    starts.measuring()


if __name__ == "__main__":
    main()
