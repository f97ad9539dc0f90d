"""The ways in which env.py files come to their connection, all of which are lent ours; and what goes through an env.py beside migrating."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import DbkitError, ExitCode
from dbkit.migrations import Result
from dbkit.migrations.env import Environment
from dbkit.migrations.own.guests import Resident
from dbkit.revisions.standing import read_heads
from tests.backends.own_folders import ENV, OwnSite, own_site
from tests.servers import BACKENDS

HEAD = "import sqlalchemy as sa\nfrom alembic import context\n\nconfig = context.config\n"
RUN = "with context.begin_transaction():\n    context.run_migrations()\n"
ASYNC = """
import asyncio

from sqlalchemy import pool
from sqlalchemy.ext.asyncio import {name}


def work(connection):
    connection.execute(sa.text("INSERT INTO seen VALUES (1)"))
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = {made}
    async with engine.connect() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM seen"))).scalar_one() == 0
        await connection.run_sync(work)
    await engine.dispose()


"""
CONFIG = 'async_engine_from_config(config.get_section("alembic", {}), prefix="sqlalchemy.", poolclass=pool.NullPool)'
# Each writes a row before it migrates, and leaves it to others to commit that.
WAYS = {
    "the cookbook's shared connection": """
        connection = config.attributes.get("connection", None)
        connection.execute(sa.text("INSERT INTO seen VALUES (1)"))
        context.configure(connection=connection)
    """,
    "the cookbook's older one": """
        with config.attributes["connection"].connect() as connection:
            connection.execute(sa.text("INSERT INTO seen VALUES (1)"))
            context.configure(connection=connection)
    """,
    "a transaction around everything": """
        with sa.create_engine("driver://user:pass@localhost/dbname").begin() as connection:
            connection.execute(sa.text("INSERT INTO seen VALUES (1)"))
            context.configure(connection=connection, transaction_per_migration=False, transactional_ddl=True)
            with context.begin_transaction():
                context.run_migrations()
    """,
    "a transaction in two phases": """
        connection = sa.engine_from_config({"sqlalchemy.url": "mysql://u:p@h/d"}).connect()
        transaction = connection.begin_twophase()
        try:
            connection.execute(sa.text("INSERT INTO seen VALUES (1)"))
            context.configure(connection=connection)
            context.run_migrations()
            transaction.prepare()
            transaction.commit()
        except:
            transaction.rollback()
            raise
        finally:
            connection.close()
    """,
    "autocommit": """
        from sqlalchemy.engine import create_engine

        engine = create_engine("postgresql://u:p@h/d", isolation_level="AUTOCOMMIT", pool_size=3, echo=False)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("INSERT INTO seen VALUES (1)"))
            context.configure(connection=connection)
    """,
    "the driver's connection": """
        engine = sa.create_engine("postgresql://u:p@h/d")
        raw = engine.raw_connection()
        raw.cursor().execute("INSERT INTO seen VALUES (1)")
        raw.commit()
        raw.close()
        context.configure(connection=engine.connect())
    """,
    "an asynchronous engine": ASYNC.format(name="async_engine_from_config", made=CONFIG) + "asyncio.run(main())\n",
    "a loop in another thread": ASYNC.format(name="create_async_engine", made='create_async_engine("a+b://u@h/d")')
    + "from concurrent.futures import ThreadPoolExecutor\n\n"
    + "with ThreadPoolExecutor() as threads:\n    threads.submit(asyncio.run, main()).result()\n",
    "a session": """
        from sqlalchemy.orm import Session, sessionmaker

        engine = sa.create_engine("postgresql://u:p@h/d")
        with sessionmaker(engine)() as session:
            session.execute(sa.text("INSERT INTO seen VALUES (1)"))
            session.commit()
        with engine.connect() as connection:
            context.configure(connection=connection)
            with context.begin_transaction():
                context.run_migrations()
    """,
}


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnSite]:
    """Give a project with one service whose env.py is to be written."""
    with own_site(request.param, tmp_path, ("app",), monkeypatch.setenv) as found:
        yield found.write(app="")


def test_all_ways_to_a_connection_lead_to_ours_and_alembic_finds_no_transaction_open(site: OwnSite) -> None:
    assert migrations.create(site.project).ok
    for way, text in WAYS.items():
        body = text if text.startswith("\nimport") else "\n".join(line[8:] for line in text.split("\n"))
        site.env(HEAD + body + ("" if "run_migrations" in text else RUN))
        environment = Environment.of(site.project, "app")
        with connect(site.project.config("app"), migrating=True) as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS seen"))
            connection.execute(sa.text("CREATE TABLE seen (id INTEGER)"))
            connection.commit()
            seen: list[Any] = []
            environment.run(connection, lambda _revision, context, seen=seen: seen.append(context) or [])  # type: ignore[misc]
            assert len(seen) == 1, way
            assert isinstance(seen[0].connection, Resident), way
            assert seen[0].connection.connection is connection.connection, way
            assert not seen[0]._in_external_transaction, way
            assert seen[0]._transaction_per_migration, way
            assert not connection.in_transaction(), way
            assert connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT", way
        assert site.rows("SELECT id FROM seen") == [(1,)], way


def test_models_of_an_env_file_are_compared_and_make_a_revision_of_what_differs(site: OwnSite) -> None:
    site.env(ENV)
    site.table("0001", "a")
    settings = site.root / "settings.py"
    text = settings.read_text()
    settings.write_text(text + 'sa.Table("a", metadata, sa.Column("id", sa.Integer, primary_key=True))\n')
    assert migrations.migrate(site.project).ok
    with connect(site.project.config("app")) as connection:
        connection.execute(sa.text("CREATE TABLE somebody_elses (id INTEGER)"))
        connection.commit()
    found = migrations.check(site.project)["app"]
    assert (found.error, found.exit_code, found.differences) == (None, ExitCode.OK, ())
    (site.root / "app" / "script.py.mako").write_text(MAKO)
    assert migrations.revision(site.project, "app", "nothing", autogenerate=True).empty
    settings.write_text(settings.read_text() + 'sa.Table("b", metadata, sa.Column("id", sa.Integer, unique=True))\n')
    found = migrations.check(site.project)["app"]
    assert [one.detail for one in found.differences] == ["add_table b"]
    written = Path(migrations.revision(site.project, "app", "more", autogenerate=True).file).read_text()
    assert "uq_b_id" in written
    assert "somebody_elses" not in written
    assert migrations.migrate(site.project)["app"].revision == "0002"
    assert migrations.check(site.project)["app"].differences == ()


def test_rollback_stamp_status_and_sql_go_by_way_of_the_env_file(site: OwnSite) -> None:
    site.env(ENV)
    site.table("0001", "a")
    site.table("0002", "b")
    project, written = site.project, []
    assert migrations.migrate(project, to="0001")["app"].revision == "0001"
    status = migrations.status(project)["app"]
    assert (status.revision, status.pending) == ("0001", ("0002",))
    assert migrations.stamp(project, "app", "0002")["app"].revision == "0002"
    assert site.tables() == {"a", "alembic_version"}
    assert migrations.stamp(project, "app", "0001")["app"].revision == "0001"
    assert migrations.rollback(project, "app", to="base")["app"].error is None
    assert site.tables() == {"alembic_version"}
    found = migrations.sql(project, backend=site.backend, write=written.append)["app"]
    assert found.error is None
    assert "CREATE TABLE a" in written[0].replace("`", "").replace("[", "")
    assert "INSERT INTO alembic_version" in written[0]


def test_a_failure_in_the_middle_is_told_and_leaves_the_same_with_and_without_the_env_file(site: OwnSite) -> None:
    site.env(ENV)
    site.table("0001", "a")
    site.table("0002", "b")
    site.revision(
        "0003",
        """
        op.execute("INSERT INTO a VALUES (1)")
        op.create_table("c", sa.Column("id", sa.Integer))
        op.execute("INSERT INTO a VALUES (2)")
        op.execute("INSERT INTO nowhere VALUES (1)")
        """,
    )
    own = _facts(migrations.migrate(site.project)), site.contents()
    assert migrations.drop(site.project, ["app"]).ok
    file = site.root / "dbkit.toml"
    file.write_text(file.read_text().replace('env = "own"', 'metadata = "settings:metadata"'))
    assert _facts(migrations.migrate(site.project)) == own[0]
    assert site.contents() == own[1]
    assert own[0][:3] == (ExitCode.FAILED, "0002", ["0001", "0002"])


def _facts(result: Result) -> tuple[Any, ...]:
    found = result["app"]
    assert found.failure is not None
    failed = found.failure
    return (
        *(found.exit_code, found.revision, [one.revision for one in found.applied], found.error, found.hint),
        *(failed.revision, failed.line, failed.sql, failed.committed),
    )


def test_a_database_that_the_stock_tool_has_brought_half_way_goes_on_from_there(site: OwnSite) -> None:
    site.env(ENV)
    for number, name in (("0001", "a"), ("0002", "b"), ("0003", "c")):
        site.table(number, name)
    assert migrations.create(site.project).ok
    config = site.project.config("app")
    with connect(config) as connection:
        url = connection.engine.url
    site.alembic(site.plain(url), "upgrade", "0002")
    found = migrations.migrate(site.project)["app"]
    assert ([one.revision for one in found.applied], found.revision) == (["0003"], "0003")
    site.alembic(site.plain(url), "downgrade", "base")
    assert migrations.status(site.project)["app"].pending == ("0001", "0002", "0003")


@pytest.mark.parametrize("env", ["own", "dbkit", "none"])
def test_the_stock_commands_run_on_our_connection_whatever_the_folder_has(site: OwnSite, env: str) -> None:
    site.env(ENV if env == "own" else 'raise RuntimeError("not run")')
    site.table("0001", "a")
    site.table("0002", "b")
    if env != "own":
        file = site.root / "dbkit.toml"
        table = 'metadata = "settings:metadata"\nversion_table = "alembic_version"'
        file.write_text(file.read_text().replace('env = "own"', table))
    if env == "none":
        (site.root / "app" / "env.py").unlink()
    assert migrations.create(site.project).ok
    assert migrations.alembic(site.project, "app", ["upgrade", "0001"]) == 0
    assert site.tables() == {"a", "alembic_version"}
    assert migrations.alembic(site.project, "app", ["upgrade", "head"]) == 0
    assert migrations.alembic(site.project, "app", ["downgrade", "-1"]) == 0
    with connect(site.project.config("app")) as connection:
        assert read_heads(connection, site.project.layout("app")) == ("0001",)
    site.revision("0002", "raise ValueError('stop')")
    with pytest.raises(DbkitError, match="revision '0002' failed: ValueError: stop"):
        migrations.alembic(site.project, "app", ["upgrade", "head"])
    assert migrations.status(site.project)["app"].revision == "0001"


# As `flask db init` writes it, without its comments: the parts that matter here.
FLASK_ENV = """
import logging
from logging.config import fileConfig

from flask import current_app

from alembic import context

config = context.config
if config.config_file_name:
    fileConfig(config.config_file_name)
logger = logging.getLogger("alembic.env")


def get_engine():
    try:
        return current_app.extensions["migrate"].db.get_engine()
    except (TypeError, AttributeError):
        return current_app.extensions["migrate"].db.engine


def get_engine_url():
    try:
        return get_engine().url.render_as_string(hide_password=False).replace("%", "%%")
    except AttributeError:
        return str(get_engine().url).replace("%", "%%")


config.set_main_option("sqlalchemy.url", get_engine_url())
target_db = current_app.extensions["migrate"].db


def run_migrations_online():
    def process_revision_directives(context, revision, directives):
        if getattr(config.cmd_opts, "autogenerate", False):
            script = directives[0]
            if script.upgrade_ops.is_empty():
                directives[:] = []
                logger.info("No changes in schema detected.")

    conf_args = current_app.extensions["migrate"].configure_args
    if conf_args.get("process_revision_directives") is None:
        conf_args["process_revision_directives"] = process_revision_directives
    connectable = get_engine()
    with connectable.connect() as connection:
        context.configure(connection=connection, target_metadata=target_db.metadata, **conf_args)
        with context.begin_transaction():
            context.run_migrations()


run_migrations_online()
"""
FLASK_APP = """
from types import SimpleNamespace

import sqlalchemy as sa
from flask import Flask


def create_app():
    app = Flask(__name__)
    db = SimpleNamespace(engine=sa.create_engine("postgresql://app:app@db/app"), metadata=sa.MetaData())
    app.extensions["migrate"] = SimpleNamespace(db=db, configure_args={"compare_type": True})
    return app
"""


def test_an_env_file_of_flask_migrate_finds_its_application(site: OwnSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.env(FLASK_ENV)
    site.table("0001", "a")
    monkeypatch.chdir(site.root)
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.revision) == (ExitCode.USAGE, None)
    assert "fails: NoAppException: " in str(found.error)
    (site.root / "acme.py").write_text(FLASK_APP)
    monkeypatch.setenv("FLASK_APP", "acme")
    assert (migrations.migrate(site.project)["app"].error, site.tables()) == (None, {"a", "alembic_version"})
    (site.root / "app" / "script.py.mako").write_text(MAKO)
    assert not migrations.revision(site.project, "app", "drop", autogenerate=True).empty


MAKO = '''"""${message}"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''
