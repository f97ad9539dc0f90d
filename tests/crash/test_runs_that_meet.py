"""Two runs on one database at once: one does the work, the other waits and finds it done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.config.connect import connect
from tests.projects import Home
from tests.servers import BACKENDS, find_server, how_to_start

ROUNDS = int(os.environ.get("DBKIT_TEST_ROUNDS", "3"))
MIGRATE = "import sys, dbkit; sys.exit(dbkit.migrate(lock_wait_s=float(sys.argv[1])).exit_code)"


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Give a project of one service with three revisions, configured for a database that is not there."""
    made = Home(tmp_path).write("user")
    for number in ("0001", "0002", "0003"):
        made.table("user", number, f"t{number}")
    made.revision("user", "0004", 'op.execute("INSERT INTO t0001 VALUES (1, 1)")')
    if request.param == "sqlite":
        monkeypatch.setenv("DATABASE_TYPE", "sqlite")
        yield made
        return
    server = find_server(request.param)
    if server is None:
        pytest.skip(how_to_start(request.param))
    with server.names("user") as template:
        for key, value in server.environ(template).items():
            monkeypatch.setenv(key, value)
        yield made


def start(home: Home, *, lock_wait_s: float = 60) -> subprocess.Popen[str]:
    """Start a run in a process of its own."""
    arguments = [sys.executable, "-c", MIGRATE, str(lock_wait_s)]
    return subprocess.Popen(arguments, cwd=home.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def rows(home: Home) -> list[tuple[object, ...]]:
    """Read what the last revision wrote."""
    with connect(home.project().config("user")) as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT id, n FROM t0001"))]


def test_two_runs_that_start_at_once_do_the_work_once(home: Home) -> None:
    for _ in range(ROUNDS):
        runs = [start(home), start(home)]
        said = [run.communicate(timeout=120)[0] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], "\n".join(said)
        assert rows(home) == [(1, 1)]
        from dbkit import migrations

        assert migrations.drop(home.project(), ["user"]).ok
