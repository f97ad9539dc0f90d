"""What else is run while an env.py runs: hooks, which connect as they like, Alembic within Alembic, and callbacks that raise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.backends.own_folders import ENV, OwnSite, own_site
from tests.servers import BACKENDS

# An Alembic folder of somebody else's, run from the inside on a database in memory.
WITHIN = """
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import settings

ROOT = {root!r}


def migrate_another():
    config = Config()
    config.set_main_option("script_location", ROOT + "/within")
    with create_engine("sqlite://").connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def hook(call):
    found = migrate_another()
    with settings.engine_of("elsewhere").connect() as connection:
        connection.execute(text("CREATE TABLE called (hook TEXT, within TEXT)"))
        connection.execute(text("INSERT INTO called VALUES (:hook, :within)"), {{"hook": call.hook, "within": found}})
        connection.commit()
"""
WITHIN_ENV = """
from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""
WITHIN_REVISION = 'revision = "w1"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
# What an application has imported before dbkit's hook asks for it: `create_engine` as it was lent.
FACTORY = """
from sqlalchemy import create_engine as lent


def engine_of(name):
    return lent(f"sqlite:///{root}/{{name}}.db")
"""


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnSite]:
    """Give a project with one service, its env.py, two tables, and a folder of somebody else's."""
    with own_site(request.param, tmp_path, ("app",), monkeypatch.setenv) as found:
        found.write(app="")
        found.env(ENV)
        found.table("0001", "a")
        found.table("0002", "b")
        settings = found.root / "settings.py"
        settings.write_text(settings.read_text() + FACTORY.format(root=found.root))
        (found.root / "within/versions").mkdir(parents=True)
        (found.root / "within/env.py").write_text(WITHIN_ENV)
        (found.root / "within/versions/w1.py").write_text(WITHIN_REVISION)
        (found.root / "within_module.py").write_text(WITHIN.format(root=str(found.root)))
        yield found


@pytest.mark.parametrize("hook", ["before_migrate", "after_revision", "after_migrate"])
def test_a_hook_connects_where_it_likes_and_may_run_alembic_itself(site: OwnSite, hook: str) -> None:
    (site.root / "app/versions/0002_step.py").unlink()
    site.write(app=f'[tool.dbkit.services.app.hooks]\n{hook} = "within_module:hook"')
    found = migrations.migrate(site.project)["app"]
    assert (found.error, found.revision) == (None, "0001")
    assert _called(site) == [(hook, "w1")]
    assert site.tables() == {"a", "alembic_version"}


def _called(site: OwnSite) -> list[tuple[str, str]]:
    import sqlite3

    with sqlite3.connect(site.root / "elsewhere.db") as connection:
        return list(connection.execute("SELECT hook, within FROM called"))


def test_a_hook_may_run_alembic_where_no_env_file_is_run_too(site: OwnSite) -> None:
    site.write(app='[tool.dbkit.services.app.hooks]\nafter_revision = "within_module:migrate_another_time"')
    module = site.root / "within_module.py"
    module.write_text(module.read_text() + "\n\ndef migrate_another_time(call):\n    migrate_another()\n")
    file = site.root / "dbkit.toml"
    file.write_text(file.read_text().replace('env = "own"', 'metadata = "settings:metadata"'))
    found = migrations.migrate(site.project)["app"]
    assert (found.error, found.revision) == (None, "0002")
    assert site.tables() == {"a", "b", "alembic_version"}


def test_a_revision_that_opens_a_database_of_its_own_has_failed_and_is_no_bug(site: OwnSite) -> None:
    site.revision("0002", "import within_module\nwithin_module.hook(None)")
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.revision) == (ExitCode.FAILED, "0001")
    assert found.failure is not None
    assert found.failure.revision == "0002"


RUN_ALEMBIC = """
from alembic import command, context
from alembic.config import Config
import sqlalchemy as sa

config = Config()
config.set_main_option("script_location", {folder!r})
connection = sa.create_engine("sqlite://").connect()
config.attributes["connection"] = connection
"""


def test_alembic_that_an_env_file_runs_itself_takes_its_context_away_and_is_no_bug(site: OwnSite) -> None:
    text = RUN_ALEMBIC.format(folder=str(site.root / "within"))
    site.env(text + "command.history(config)\ncommand.current(config)\ncontext.configure(connection=connection)\n")
    found = migrations.migrate(site.project)["app"]
    assert found.exit_code is ExitCode.USAGE
    assert f"its env.py ({site.root / 'app/env.py'}:11) fails: " in str(found.error)


RAISING = {
    "an error": ('raise ValueError("told\\nby it")', "fails: ValueError: told by it"),
    "an exit": ("raise SystemExit(3)", "ends the process: SystemExit: 3"),
    "a cancellation": ("import asyncio; raise asyncio.CancelledError", "fails: CancelledError"),
    "an error of SQLAlchemy's": (
        'import sqlalchemy; raise sqlalchemy.exc.InvalidRequestError("closed")',
        "fails: InvalidRequestError: closed",
    ),
}


@pytest.mark.parametrize("what", RAISING)
def test_a_callback_of_an_env_file_that_raises_is_told_as_its_env_files_failure(site: OwnSite, what: str) -> None:
    raised, said = RAISING[what]
    callback = f"def applied(**_facts):\n    {raised}\n\n\n"
    given = "target_metadata=settings.metadata,\n            on_version_apply=applied"
    text = ENV.replace("config = context.config\n", f"config = context.config\n{callback}", 1)
    site.env(text.replace("target_metadata=settings.metadata", given, 1))
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.revision, found.applied) == (ExitCode.USAGE, None, ())
    assert f"its env.py ({site.root / 'app/env.py'}:" in str(found.error)
    assert said in str(found.error)


def test_a_revision_that_is_cancelled_has_failed(site: OwnSite) -> None:
    site.revision("0002", "import asyncio\nraise asyncio.CancelledError")
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.revision) == (ExitCode.FAILED, "0001")
    assert "revision '0002' failed: CancelledError" in str(found.error)
