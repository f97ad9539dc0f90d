"""A schema of its own: made where it is missing, and all that dbkit does happens in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.project import Project
from tests.backends.accounts import throw_away_account
from tests.cli.runs import Shell
from tests.projects import Home
from tests.servers import Server, Way

pytestmark = pytest.mark.parametrize(
    "server", [pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)], indirect=True
)

TABLE = 'sa.Table("people", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))'
PASSWORD = secrets.token_hex(12)


@pytest.fixture
def home(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Give a project of one service whose tables are to be in the schema `app` of a database that is not there yet."""
    made = Home(tmp_path).write("user").models("user", TABLE)
    made.table("user", "0001", "people")
    with server.names("user") as template:
        for variable, value in (server.environ(template) | {"DATABASE_SCHEMA": "app"}).items():
            monkeypatch.setenv(variable, value)
        yield made


def shell_of(home: Home) -> Shell:
    """Give the command line of the project, with the settings of the test."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("DATABASE_")}
    return Shell(folder=home.root, environ=variables)


def in_database(project: Project, statement: str) -> list[tuple[object, ...]]:
    with connect(project.config("user")) as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def tables(project: Project) -> list[tuple[object, ...]]:
    return in_database(
        project,
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
    )


@pytest.mark.parametrize("driver", ["", "psycopg"])
def test_the_schema_is_made_and_holds_everything(home: Home, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_DRIVER", driver)
    project = home.project()
    result = migrations.migrate(project)
    assert (result.ok, result.services[0].created, result.services[0].revision) == (True, True, "0001")
    assert tables(project) == [("app", "alembic_version_user"), ("app", "people")]
    assert migrations.check(project).ok
    assert migrations.migrate(project).services[0].applied == ()
    assert migrations.rollback(project, "user", to="base").ok
    assert tables(project) == [("app", "alembic_version_user")]


def test_a_schema_that_is_missing_in_a_database_that_is_there_counts_as_missing(home: Home, server: Server) -> None:
    project = home.project()
    database = str(project.config("user").database)
    server.create_database(database)
    refused = migrations.migrate(project, create=False).services[0]
    assert (refused.exit_code, str(refused.error)) == (
        ExitCode.UNREACHABLE,
        f"the database '{database}' or its schema 'app' of service 'user' does not exist",
    )
    assert migrations.check(project).services[0].exit_code is ExitCode.UNREACHABLE
    assert migrations.create(project).services[0].created
    assert migrations.create(project).services[0].created is not True
    assert in_database(project, "SELECT current_schema()") == [("app",)]
    assert migrations.migrate(project, create=False).ok


def test_tables_of_the_same_name_elsewhere_are_not_mistaken_for_its_own(home: Home, server: Server) -> None:
    project = home.project()
    database = str(project.config("user").database)
    server.create_database(database)
    engine = server.engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.people (other text)")
        connection.exec_driver_sql("CREATE TABLE public.alembic_version_user (version_num varchar(32))")
        connection.exec_driver_sql("INSERT INTO public.alembic_version_user VALUES ('0001')")
    engine.dispose()
    assert [step.revision for step in migrations.migrate(project).services[0].applied] == ["0001"]
    assert ("app", "people") in tables(project)
    assert migrations.check(project).ok


def test_an_account_that_may_not_make_the_schema_is_told_what_an_administrator_is_to_run(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = str(home.project().config("user").database)
    server.create_database(database)
    with throw_away_account(server, PASSWORD) as account:
        monkeypatch.setenv("DATABASE_MIGRATION_USER", account.user)
        monkeypatch.setenv("DATABASE_MIGRATION_PASSWORD", PASSWORD)
        failed = migrations.migrate(home.project()).services[0]
        assert f"user '{account.user}' may not create or drop schema 'app' in database '{database}'" in str(
            failed.error
        )
        assert 'CREATE SCHEMA "app"' in str(failed.hint)
        # one that is there needs no right to make it
        engine = server.engine(database)
        with engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE SCHEMA app AUTHORIZATION "{account.user}"')
        engine.dispose()
        assert migrations.migrate(home.project()).ok
        server.drop_database(database)


@pytest.mark.driven
@pytest.mark.parametrize(
    "way",
    [
        Way(backend="postgresql", driver=name, asynchronous=kind)
        for name, kind in (("psycopg", True), ("asyncpg", True))
    ],
    ids=str,
)
def test_asynchronous_engines_see_the_schema_as_their_own(
    home: Home, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.migrate(home.project())
    monkeypatch.setenv("DATABASE_DRIVER", way.driver)
    engine = way.engine(home.project().config("user"))
    with engine.connect() as connection:
        assert sa.inspect(connection).default_schema_name == "app"
        assert sa.inspect(connection).get_table_names() == ["alembic_version_user", "people"]
    engine.dispose()


def test_the_command_line_says_what_is_pending_where_the_schema_is_missing(home: Home, server: Server) -> None:
    server.create_database(str(home.project().config("user").database))
    done = shell_of(home).run("status", "--format", "json")
    assert (done.code, done.document["services"][0]["pending"]) == (ExitCode.OK, ["0001"])


def test_dropping_takes_the_schema_and_leaves_what_is_somebody_elses(home: Home, server: Server) -> None:
    project = home.project()
    assert migrations.migrate(project).ok
    database = str(project.config("user").database)
    engine = server.engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA other_team")
        connection.exec_driver_sql("CREATE TABLE other_team.precious (id integer)")
    engine.dispose()
    shell = shell_of(home)
    assert (shell.run("drop", "user", "--dry-run").code, len(tables(project))) == (0, 3)
    dropped = shell.run("drop", "user", "--yes", "--format", "json")
    entry = dropped.document["services"][0]
    assert (dropped.code, entry["dropped"], entry["database"], entry["schema"]) == (0, True, database, "app")
    assert tables(project) == [("other_team", "precious")]
    assert migrations.drop(project, ["user"]).services[0].dropped is False
    assert migrations.migrate(project).services[0].created


def test_a_database_is_named_with_the_schema_that_is_meant(home: Home) -> None:
    asked = shell_of(home).run("drop", "user")
    database = home.project().config("user").database
    assert (asked.code, f"to drop the database of user ({database}, schema app) on PostgreSQL" in asked.err) == (
        2,
        True,
    )
