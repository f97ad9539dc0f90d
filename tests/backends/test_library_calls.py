"""`dbkit.migrate` wherever Python runs: threads, scripts without a guard, a daemonic worker, a forked server."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest

import dbkit
from tests.projects import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a project of two services on SQLite."""
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    made = Home(tmp_path).write("user", "project")
    for service in ("user", "project"):
        made.table(service, "0001", f"{service}_a")
        made.table(service, "0002", f"{service}_b")
    return made


def run(home: Home, script: str) -> str:
    """Run a script in the project's folder and give what it printed."""
    file = home.root / "script.py"
    file.write_text(dedent(script))
    done = subprocess.run(
        [sys.executable, str(file)], cwd=home.root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_works_in_the_threads_of_the_caller(home: Home) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda name: dbkit.migrate(name, project=home.root), ("user", "project")))
    assert [result.services[0].revision for result in results] == ["0002", "0002"]
    assert all(result.ok for result in results)


def test_it_works_in_a_script_without_a_main_guard(home: Home) -> None:
    said = run(
        home,
        """
        import dbkit
        print("started")
        print(dbkit.migrate("user")["user"].revision)
        """,
    )
    assert said.split() == ["started", "0002"]


def test_it_works_at_a_prompt(home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input="import dbkit\nprint(dbkit.migrate('user')['user'].revision)\n",
        cwd=home.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["0002"]


def test_it_works_in_a_daemonic_worker(home: Home) -> None:
    said = run(
        home,
        """
        import multiprocessing
        import dbkit

        def work(queue):
            queue.put(dbkit.migrate("user")["user"].revision)

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,), daemon=True)
            process.start()
            print(queue.get(timeout=30))
            process.join()
        """,
    )
    assert said.split() == ["0002"]


def test_an_engine_made_before_a_fork_works_in_parent_and_children(home: Home) -> None:
    said = run(
        home,
        """
        import os
        import dbkit
        import sqlalchemy as sa

        dbkit.migrate("user")
        engine = dbkit.engine("user")
        Session = dbkit.session("user")
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO user_a VALUES (1, 0)"))
        for _ in range(3):
            if os.fork() == 0:
                with Session.begin() as session:
                    session.execute(sa.text("UPDATE user_a SET n = n + 1"))
                os._exit(0)
        for _ in range(3):
            assert os.wait()[1] == 0
        with engine.connect() as connection:
            print(connection.scalar(sa.text("SELECT n FROM user_a")))
        """,
    )
    assert said.split() == ["3"]


def test_the_callers_logging_is_left_alone(home: Home) -> None:
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    before = (list(root.handlers), root.level, list(alembic.handlers), alembic.level, alembic.disabled)
    dbkit.migrate(project=home.root)
    assert (list(root.handlers), root.level, list(alembic.handlers), alembic.level, alembic.disabled) == before


def test_the_result_can_be_asked_by_name_and_turned_into_json(home: Home) -> None:
    result = dbkit.migrate(project=home.root)
    document = result.to_json()
    assert (document["schema_version"], document["exit_code"]) == (1, 0)
    assert [service["revision"] for service in document["services"]] == ["0002", "0002"]
    assert result["project"].head == "0002"
    with pytest.raises(KeyError):
        result["nobody"]


def test_an_unknown_service_is_refused_with_the_nearest_name(home: Home) -> None:
    with pytest.raises(dbkit.DbkitError, match="unknown service 'usr'") as caught:
        dbkit.migrate("usr", project=home.root)
    assert caught.value.hint == "did you mean 'user'?"
    assert caught.value.exit_code is dbkit.ExitCode.USAGE
