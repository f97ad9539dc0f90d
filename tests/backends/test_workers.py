"""The protocol between a caller and its workers, where one side fails."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from pathlib import Path

import pytest

from dbkit import migrations
from dbkit.config import Secret
from dbkit.errors import ExitCode, UsageError
from dbkit.migrations import Event
from tests.projects import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a project of two services on SQLite."""
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    made = Home(tmp_path).write("user", "project")
    made.table("user", "0001", "a")
    made.table("project", "0001", "b")
    return made


def test_workers_that_cannot_start_are_an_error_of_each_service(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = migrations.migrate(home.project(), jobs=1)
    assert [one.exit_code for one in result.services] == [ExitCode.FAILED, ExitCode.FAILED]
    assert "ended without an answer" in str(result["user"].error)


def test_a_listener_that_raises_does_not_leave_the_run_hanging(home: Home) -> None:
    home.revision("user", "0002", "for n in range(3000):\n    op.execute(f'INSERT INTO a VALUES ({n}, 0)')")

    def listen(event: Event) -> None:
        if event.event == "statement":
            raise LookupError

    began = time.monotonic()
    with pytest.raises(LookupError):
        migrations.migrate(home.project(), ["user"], on_event=listen)
    assert time.monotonic() - began < 20


def test_a_module_of_the_services_folder_does_not_stand_in_for_pythons_own(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.root / "types.py").write_text("raise RuntimeError\n")
    monkeypatch.chdir(home.root)
    assert migrations.migrate(home.project()).ok


def test_revisions_that_depend_on_each_other_in_a_circle_are_named(home: Home) -> None:
    first = home.table("user", "0001", "a")
    first.write_text(first.read_text() + '\ndepends_on = "0002"\n')
    home.table("user", "0002", "c")
    found = migrations.status(home.project(), ["user"])["user"]
    assert found.error == "the revisions of service 'user' go in a circle: 0001, 0002"


def test_a_branch_label_can_be_depended_on(home: Home) -> None:
    first = home.table("user", "0001", "a")
    first.write_text(first.read_text() + '\nbranch_labels = ("lab",)\n')
    second = home.table("user", "0002", "c", down=None)
    second.write_text(second.read_text() + '\ndepends_on = "lab"\n')
    assert migrations.migrate(home.project(), ["user"], to="0002")["user"].error is None


def test_a_database_that_a_newer_release_migrated_meanwhile_is_ahead(home: Home) -> None:
    newer = home.table("user", "0002", "c")
    assert migrations.migrate(home.project()).ok
    text = newer.read_text()
    newer.unlink()
    from dbkit.migrations.dispatch import carry_out, no_listener, task_for
    from dbkit.migrations.results import ServiceResult

    task = task_for("steps:upgrade", home.project(), "user", target="head", create=False, lock_wait_s=0)
    found = carry_out([task], [ServiceResult(service="user")], jobs=1, tell=no_listener)["user"]
    assert found.exit_code is ExitCode.AHEAD
    newer.write_text(text)
    assert migrations.migrate(home.project()).ok


def test_a_database_in_memory_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SQLITE_PATH", ":memory:")
    found = migrations.migrate(home.project(), ["user"])["user"]
    assert found.exit_code is ExitCode.USAGE


def test_a_path_in_a_folder_that_is_not_there_is_unreachable_for_status_too(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_SQLITE_PATH", "nope/x.db")
    assert migrations.status(home.project(), ["user"])["user"].exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize("backend", ["tidb@banana", "tidb@", "mysql@5.x"])
def test_a_version_that_is_none_is_refused(home: Home, backend: str) -> None:
    with pytest.raises(UsageError, match=f"'{backend}' names no version"):
        migrations.sql(home.project(), ["user"], backend=backend, write=lambda _text: None)


def test_what_a_worker_logs_is_logged_where_the_caller_listens(
    home: Home, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = Secret(secrets.token_hex(12))
    home.revision(
        "user",
        "0002",
        "import logging\n"
        "from dbkit.config import Secret\n"
        f"logging.getLogger('dbkit.tested').warning('the word is %s', Secret('{secret.reveal()}').reveal())\n"
        "logging.getLogger('dbkit.tested').info('not asked for')",
    )
    assert migrations.migrate(home.project(), ["user"]).ok
    assert [one for one in caplog.record_tuples if one[0] == "dbkit.tested"] == [
        ("dbkit.tested", logging.WARNING, "the word is ***")
    ]
    assert "the word" not in "".join(capfd.readouterr())
