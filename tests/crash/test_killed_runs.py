"""Runs that are killed, interrupted or cut off in the middle of a revision; and the run after them."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.backends import get_backend
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from tests.crash.runs import Runs

SLOW = """
    import time
    op.create_table("a", sa.Column("id", sa.Integer, primary_key=True))
    time.sleep(1.5)
    op.create_table("b", sa.Column("id", sa.Integer, primary_key=True))
"""


def begun(runs: Runs, run: subprocess.Popen[str]) -> None:
    """Wait until the slow revision is under way, as the lock and the first table's creation show."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (runs.home.root / "begun").exists():
            return
        assert run.poll() is None, runs.end(run)
        time.sleep(0.02)
    pytest.fail("the revision did not begin")


def slow(runs: Runs) -> None:
    """Write a slow revision and a quick one behind it."""
    body = SLOW.replace("time.sleep(1.5)", f'open({str(runs.home.root / "begun")!r}, "w").close()\n    time.sleep(1.5)')
    runs.home.revision("user", "0001", body)
    runs.home.table("user", "0002", "c")


def test_after_the_death_of_a_run_its_worker_ends_the_revision_and_the_next_run_the_rest(runs: Runs) -> None:
    slow(runs)
    run = runs.start()
    begun(runs, run)
    run.kill()
    run.wait()
    (runs.home.root / "begun").unlink()
    result = migrations.migrate(runs.home.project(), lock_wait_s=60)
    assert (result["user"].error, result["user"].revision) == (None, "0002")
    assert {"a", "b", "c"} <= runs.tables()


def test_after_the_death_of_the_worker_too_nothing_is_hidden(runs: Runs) -> None:
    slow(runs)
    run = runs.start()
    begun(runs, run)
    runs.kill_workers(run)
    said = runs.end(run)
    assert run.returncode == ExitCode.FAILED, said
    again = migrations.migrate(runs.home.project(), lock_wait_s=60)["user"]
    if get_backend(runs.backend).traits.transactional_ddl:
        assert (again.error, again.revision) == (None, "0002")
    else:
        # the table of the killed run stays, and the next run names what is in its way
        assert (again.exit_code, again.revision) == (ExitCode.FAILED, None)
        assert again.failure is not None
        assert "CREATE TABLE a" in str(again.failure.sql)
        assert again.failure.committed == ()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130)])
def test_an_interrupted_run_stops_where_nothing_is_half_done(runs: Runs, number: int, code: int) -> None:
    slow(runs)
    run = runs.start()
    begun(runs, run)
    run.send_signal(number)
    said = runs.end(run)
    assert run.returncode == code, said
    found = migrations.status(runs.home.project())["user"]
    if get_backend(runs.backend).traits.transactional_ddl:
        assert found.revision is None
        assert "a" not in runs.tables()
    else:
        assert found.revision == "0001"
        assert {"a", "b"} <= runs.tables()
    assert migrations.migrate(runs.home.project())["user"].revision == "0002"


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(3)", "DO SLEEP(3)"])
def test_the_next_run_waits_for_what_the_server_still_does_for_a_dead_one(runs: Runs, statement: str) -> None:
    if statement != {"postgresql": "SELECT pg_sleep(3)", "mariadb": "DO SLEEP(3)"}.get(runs.backend):
        pytest.skip("each of the two servers has its own word for it; TiDB and SQLite do nothing for a dead client")
    marker = str(runs.home.root / "begun")
    runs.home.revision("user", "0001", f'open({marker!r}, "w").close()\nop.execute({statement!r})')
    run = runs.start()
    begun(runs, run)
    time.sleep(0.5)
    runs.kill_workers(run)
    runs.end(run)
    with connect(runs.home.project().config("user")) as connection:
        connection.execute(sa.text("SELECT 1"))
    began = time.monotonic()
    waited: list[str] = []
    runs.home.revision("user", "0001", "")
    found = migrations.migrate(runs.home.project(), on_event=lambda event: waited.append(event.event))["user"]
    assert found.error is None
    assert "waiting" in waited
    assert 1 < time.monotonic() - began < 30


def test_a_worker_that_dies_is_an_error_of_its_service(runs: Runs) -> None:
    runs.home.revision("user", "0001", "import os\nos._exit(9)")
    found = migrations.migrate(runs.home.project())["user"]
    assert found.exit_code is ExitCode.FAILED
    assert "the worker process of service 'user' ended without an answer" in str(found.error)
