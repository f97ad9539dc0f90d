"""Dropping databases: only what was named, only databases, and never under a run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.backends.test_migrate import Site, site
from tests.crash.conftest import runs
from tests.crash.runs import Runs

__all__ = ["runs", "site"]


def test_a_database_that_others_share_is_dropped_only_with_all_of_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = site.project.config("user")
    shared = (
        ("DATABASE_SQLITE_PATH", config.sqlite_path) if site.backend == "sqlite" else ("DATABASE_NAME", config.database)
    )
    monkeypatch.setenv(shared[0], str(shared[1]))
    site.home.table("user", "0001", "a")
    site.home.table("project", "0001", "b")
    assert site.migrate().ok
    for dry_run in (True, False):
        found = migrations.drop(site.project, ["user"], dry_run=dry_run)["user"]
        assert found.exit_code is ExitCode.USAGE
        assert found.hint == "name all of them: dbkit drop project user"
    assert {"a", "b"} <= site.tables()
    assert migrations.drop(site.project, ["user", "project"]).ok


def test_a_database_that_is_being_migrated_is_not_dropped(runs: Runs) -> None:
    marker = runs.home.root / "begun"
    runs.home.revision("user", "0001", f'import time\nopen({str(marker)!r}, "w").close()\ntime.sleep(3)')
    run = runs.start()
    while not marker.exists():
        assert run.poll() is None, runs.end(run)
        time.sleep(0.02)
    assert migrations.drop(runs.home.project(), ["user"])["user"].exit_code is ExitCode.LOCKED
    runs.end(run)
    assert run.returncode == ExitCode.OK
    assert migrations.drop(runs.home.project(), ["user"])["user"].dropped


@pytest.mark.parametrize("what", ["text", "folder"])
def test_what_is_no_database_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    from tests.projects import Home

    home, path = Home(tmp_path).write("user"), tmp_path / "precious"
    path.write_text("not a database, whatever its name says\n" * 100) if what == "text" else path.mkdir()
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(path))
    found = migrations.drop(home.project(), ["user"])["user"]
    assert found.exit_code is ExitCode.UNREACHABLE
    assert path.exists()
