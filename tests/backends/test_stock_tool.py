"""The stock `alembic` command on a dbkit project, and the two tools on one database."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import CommandLine, Config

from dbkit import migrations
from dbkit.project import Project
from tests.servers import BACKENDS, find_server, how_to_start

ROOT = Path(__file__).parents[2]
SERVICES = ("knowledge", "project", "user")


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Give this repository's project, on databases that were just made."""
    if request.param == "sqlite":
        monkeypatch.setenv("DATABASE_SQLITE_PATH", str(tmp_path / "{service}.db"))
        monkeypatch.setenv("DATABASE_TYPE", "sqlite")
        for service in SERVICES:
            monkeypatch.setenv(f"{service.upper()}_DATABASE_SQLITE_PATH", str(tmp_path / f"{service}.db"))
        yield Project.find(ROOT)
        return
    server = find_server(request.param)
    if server is None:
        pytest.skip(how_to_start(request.param))
    with server.names(*SERVICES) as template:
        for key, value in server.environ(template).items():
            monkeypatch.setenv(key, value)
        found = Project.find(ROOT)
        assert migrations.create(found).ok
        yield found


def alembic(service: str, *arguments: str) -> str:
    """Run the stock tool in a service's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT / "alembic_envs" / service,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_stock_tool_migrates_and_dbkit_finds_nothing_to_do(project: Project) -> None:
    for service in SERVICES:
        alembic(service, "upgrade", "head")
    result = migrations.migrate(project)
    assert [(one.error, one.applied) for one in result.services] == [(None, ())] * 3
    assert [one.differences for one in migrations.check(project).services] == [()] * 3


def test_dbkit_migrates_and_the_stock_tool_agrees(project: Project) -> None:
    assert migrations.migrate(project, ["user"]).ok
    head = str(migrations.status(project, ["user"])["user"].head)
    assert f"{head} (head)" in alembic("user", "current")
    assert "No new upgrade operations detected" in alembic("user", "check")


def test_the_stock_tool_goes_down_and_dbkit_up_again(project: Project) -> None:
    assert migrations.migrate(project, ["project"]).ok
    alembic("project", "downgrade", "base")
    assert migrations.status(project, ["project"])["project"].revision is None
    assert migrations.migrate(project, ["project"]).ok


@pytest.mark.usefixtures("project")
def test_the_stock_tool_writes_sql_without_a_server() -> None:
    assert "CREATE TABLE users" in alembic("user", "upgrade", "head", "--sql")


EVERYDAY = [
    ("ensure_version", ""),
    ("upgrade head", ""),
    ("current", "(head)"),
    ("current --check-heads", "(head)"),
    ("history --verbose", "Revision ID: "),
    ("heads", "(head)"),
    ("branches", ""),
    ("show head", "Revision ID: "),
    ("check", "No new upgrade operations detected."),
    ("downgrade -1", ""),
    ("upgrade +1", ""),
    ("downgrade base", ""),
    ("stamp head", ""),
    ("stamp base", ""),
    ("-x tenant=a upgrade head", ""),
]


@pytest.mark.usefixtures("project")
def test_every_command_runs_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line, file = CommandLine(), ROOT / "alembic_envs/project/alembic.ini"
    for words, said in EVERYDAY:
        options, out = line.parser.parse_args(words.split()), io.StringIO()
        line.run_cmd(Config(file, stdout=out, cmd_opts=options), options)
        assert said in out.getvalue(), words
