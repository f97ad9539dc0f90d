"""Two runs on one database at once: one does the work, the other waits and finds it done."""

from __future__ import annotations

import os

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.crash.runs import Runs

ROUNDS = int(os.environ.get("DBKIT_TEST_ROUNDS", "3"))


def test_two_runs_that_start_at_once_do_the_work_once(runs: Runs) -> None:
    for number in ("0001", "0002", "0003"):
        runs.home.table("user", number, f"t{number}")
    runs.home.revision("user", "0004", 'op.execute("INSERT INTO t0001 VALUES (1, 1)")')
    for _ in range(ROUNDS):
        both = [runs.start(), runs.start()]
        said = [runs.end(run) for run in both][-1]
        assert [run.returncode for run in both] == [ExitCode.OK, ExitCode.OK], said
        assert runs.rows("SELECT id, n FROM t0001") == [(1, 1)]
        assert migrations.drop(runs.home.project(), ["user"]).ok


def test_a_run_without_patience_is_told_that_another_one_is_at_work(runs: Runs) -> None:
    marker = str(runs.home.root / "begun")
    runs.home.revision("user", "0001", f'import time\nopen({marker!r}, "w").close()\ntime.sleep(3)')
    first = runs.start()
    while not os.path.exists(marker):  # noqa: PTH110 - the first run ends by itself if it fails
        assert first.poll() is None, runs.end(first)
    second = runs.start(lock_wait_s=0)
    runs.end(second)
    assert second.returncode == ExitCode.LOCKED
    runs.end(first)
    assert first.returncode == ExitCode.OK
