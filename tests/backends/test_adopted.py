"""Alembic folders that were made for the stock tool: adopted by what the project's file says, without changing one of their files."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import DatabaseMissingError, ExitCode
from tests.backends.test_migrate import Site, site

__all__ = ["site"]

PROJECT = """
[tool.dbkit]
database = "{service}"

[tool.dbkit.services.user]
metadata = "old_models:metadata"
migrations = "old/scripts"

[tool.dbkit.services.user.alembic]
x = ["colour=red"]
include_object = "old_models:include_object"
"""
TWIN = """
[tool.dbkit.services.project]
metadata = "old_models:metadata"
migrations = "old/scripts"
"""
MODELS = """
import sqlalchemy as sa

metadata = sa.MetaData()
for name in ("a", "b", "c"):
    sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
sa.Table("notes", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(80)))
sa.Table("unwanted", metadata, sa.Column("id", sa.Integer, primary_key=True))


def include_object(object, name, type_, reflected, compare_to):
    return name != "unwanted"
"""
INI = """
[alembic]
script_location = %(here)s/old/scripts
version_path_separator = os
version_locations = %(here)s/old/one:%(here)s/old/two
file_template = %%(year)d-%%(rev)s_%%(slug)s
word = 100%%
"""
ENV = """
import os

from alembic import context
from sqlalchemy import create_engine, orm, pool

if "OLD_URL" not in os.environ:
    raise RuntimeError("this env.py was run")
import old_models

with create_engine(os.environ["OLD_URL"], poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=old_models.metadata, version_table="old_version")
    with context.begin_transaction():
        context.run_migrations()
"""
STEPS = {
    "one/2021-a1_first.py": """
        branch_labels = ("left",)

        def upgrade():
            op.create_table("a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
            op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(80)))
    """,
    "one/2022-a2_what_revisions_ask.py": """
        def note(number, text):
            op.get_bind().execute(sa.text("INSERT INTO notes (id, text) VALUES (:id, :text)"), {"id": number, "text": text})

        def upgrade():
            note(1, op.get_context().dialect.name)
            note(2, context.get_x_argument(as_dictionary=True).get("colour", "none"))
            note(3, context.config.get_main_option("word"))
            with op.batch_alter_table("a") as batch:
                batch.add_column(sa.Column("m", sa.Integer))
            with op.batch_alter_table("a") as batch:
                batch.drop_column("m")
    """,
    "two/2021-b1_other_branch.py": """
        branch_labels = ("right",)
        depends_on = "a1"

        def upgrade():
            op.create_table("b", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
            cursor = op.get_bind().connection.cursor()
            cursor.execute("INSERT INTO a (id, n) VALUES (1, 10)")
            cursor.close()
            session = sa.orm.Session(bind=op.get_bind())
            session.execute(sa.text("UPDATE a SET n = n + 1"))
            session.commit()
    """,
    "two/2022-b2_by_itself.py": """
        def upgrade():
            with op.get_context().autocommit_block():
                op.create_table("c", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
    """,
}
HEAD = "import sqlalchemy as sa\nfrom alembic import context, op\n\nrevision = {!r}\ndown_revision = {!r}\n"


@pytest.fixture
def old(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Give a project with a service that was migrated by the stock tool until now, all of it in files of its own."""
    root = site.home.root
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "old_models.py").write_text(MODELS)
    (root / "alembic.ini").write_text(INI)
    for folder in ("scripts", "one", "two"):
        (root / "old" / folder).mkdir(parents=True)
    (root / "old/scripts/env.py").write_text(ENV)
    for name, code in STEPS.items():
        revision = name.partition("-")[2].partition("_")[0]
        down = {"a2": "a1", "b2": "b1"}.get(revision)
        text = HEAD.format(revision, down) + dedent(code) + "\n\ndef downgrade():\n    pass\n"
        (root / "old" / name).write_text(text)
    monkeypatch.delenv("OLD_URL", raising=False)
    return site


def stock(site: Site, *arguments: str) -> None:
    """Run the stock tool in the project's folder, on the service's database."""
    config = site.project.config("user")
    environ = {"OLD_URL": config.get_connection_url(), "PYTHONPATH": str(site.home.root)}
    found = subprocess.run(
        [sys.executable, "-m", "alembic", "-x", "colour=red", *arguments],
        cwd=site.home.root,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr


def beside(site: Site) -> str:
    """Name a schema beside the service's own; on MySQL's servers it is a database, to be told apart from those of other runs."""
    database = site.project.config("user").database
    return f"{database}_audit" if site.backend in ("mariadb", "tidb") else "audit"


def run(site: Site, statement: str) -> list[tuple[object, ...]]:
    """Run one statement beside the product, and give the rows that it has."""
    with connect(site.project.config("user")) as connection:
        found = connection.execute(sa.text(statement))
        rows = [tuple(row) for row in found] if found.returns_rows else []
        connection.commit()
        return rows


def contents(site: Site) -> dict[str, list[tuple[object, ...]]]:
    """Read every table of the service."""
    with connect(site.project.config("user")) as connection:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        return {
            table.name: sorted(tuple(row) for row in connection.execute(sa.select(table)))
            for table in metadata.sorted_tables
            if not table.name.startswith("dbkit_")
        }


def test_an_adopted_folder_is_migrated_as_the_stock_tool_does(old: Site) -> None:
    result = old.migrate("user")["user"]
    assert (result.error, result.revision) == (None, "a2, b2")
    found = contents(old)
    dialect = {"tidb": "mysql", "mariadb": "mysql"}.get(old.backend, old.backend)
    assert found["notes"] == [(1, dialect), (2, "red"), (3, "100%")]
    assert found["a"] == [(1, 11)]
    assert found["old_version"] == [("a2",), ("b2",)]
    assert set(found) == {"a", "b", "c", "notes", "old_version"}
    assert old.migrate("user")["user"].applied == ()


def test_a_database_of_the_stock_tool_goes_on_from_where_it_is(old: Site) -> None:
    migrations.create(old.project, ["user"])
    stock(old, "upgrade", "b1")
    assert contents(old)["old_version"] in ([("b1",)], [("a1",), ("b1",)])
    seen = migrations.status(old.project, ["user"])["user"]
    assert set(seen.pending) == {"a2", "b2"}
    assert [one.revision for one in old.migrate("user")["user"].applied] == ["a2", "b2"]
    half = contents(old)
    stock(old, "upgrade", "heads")
    assert contents(old) == half


def test_only_what_include_object_lets_pass_is_compared(old: Site) -> None:
    assert old.migrate("user").ok
    found = migrations.check(old.project, ["user"])["user"]
    assert (found.error, found.differences) == (None, ())


def test_a_function_that_the_projects_file_names_and_that_fails_is_told_with_its_line(old: Site) -> None:
    models = old.home.root / "old_models.py"
    models.write_text(MODELS.replace('    return name != "unwanted"', "    return name[0] + 1"))
    assert old.migrate("user").ok
    found = migrations.check(old.project, ["user"])["user"]
    assert found.exit_code is ExitCode.USAGE
    assert "include_object of service 'user', 'old_models:include_object', failed: TypeError: " in str(found.error)
    assert f"({models}:12)" in str(found.error)


def test_a_version_table_in_a_schema_of_its_own_is_made_with_its_schema_and_read_by_all(old: Site) -> None:
    schema = beside(old)
    file = old.home.root / "pyproject.toml"
    file.write_text(file.read_text() + f'version_table_schema = "{schema}"\n')
    if old.backend in ("mariadb", "tidb"):  # a schema is a database there, and what another service may have
        refused = old.migrate("user")["user"]
        assert f"the schema '{schema}' for the version table of service 'user' is not there" in str(refused.error)
        assert refused.hint == "make it, or have a before_migrate hook make it"
        run(old, f"CREATE SCHEMA {schema}")
    try:
        result = old.migrate("user")["user"]
        assert (result.error, result.revision) == (None, "a2, b2")
        assert migrations.status(old.project, ["user"])["user"].pending == ()
        assert migrations.check(old.project, ["user"])["user"].differences == ()
        if old.backend == "sqlite":  # it has no schemas: all is in the one file
            assert contents(old)["old_version"] == [("a2",), ("b2",)]
        else:
            assert "old_version" not in contents(old)
            assert run(old, f"SELECT version_num FROM {schema}.old_version ORDER BY 1") == [("a2",), ("b2",)]
        assert migrations.rollback(old.project, "user", to="base")["user"].revision is None
    finally:
        if old.backend in ("mariadb", "tidb"):
            run(old, f"DROP SCHEMA {schema}")


def test_the_stock_commands_make_the_schema_of_the_version_table_too(old: Site) -> None:
    file = old.home.root / "pyproject.toml"
    file.write_text(file.read_text() + 'version_table_schema = "audit"\n')
    migrations.create(old.project, ["user"])
    assert migrations.alembic(old.project, "user", ["current"]) == 0
    with connect(old.project.config("user")) as connection:
        assert not sa.inspect(connection).has_schema("audit")
    if old.backend in ("mariadb", "tidb"):  # it is a database there, which nobody makes by the way
        with pytest.raises(DatabaseMissingError, match="the schema 'audit' for the version table"):
            migrations.alembic(old.project, "user", ["upgrade", "heads"])
        return
    assert migrations.alembic(old.project, "user", ["upgrade", "heads"]) == 0
    assert migrations.status(old.project, ["user"])["user"].revision == "a2, b2"


def test_a_branch_is_a_target_of_its_own(old: Site) -> None:
    assert [one.revision for one in old.migrate("user", to="left@head")["user"].applied] == ["a1", "a2"]
    assert [one.revision for one in old.migrate("user", to="right@head")["user"].applied] == ["b1", "b2"]


def test_two_services_with_one_version_table_in_one_database_are_refused(
    old: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = old.home.root / "pyproject.toml"
    file.write_text(file.read_text() + TWIN)
    if old.backend == "sqlite":
        monkeypatch.setenv("DATABASE_SQLITE_PATH", "both.db")
    else:
        monkeypatch.setenv("DATABASE_NAME", os.environ["DATABASE_NAME"].replace("{service}", "user"))
    for name, other in (("user", "project"), ("project", "user")):
        found = old.migrate(name)[name]
        assert found.exit_code is ExitCode.USAGE
        assert f"services {name!r} and {other!r} have the version table 'old_version' in one database" in str(
            found.error
        )
        assert f'write version_table = "alembic_version_{name}"' in str(found.hint)


def test_revisions_that_were_written_for_no_transaction_get_none(old: Site) -> None:
    code = "\ndef upgrade():\n    op.create_index('by_n', 'a', ['n'], postgresql_concurrently=True)\n"
    (old.home.root / "old/one/2023-a3_index.py").write_text(HEAD.format("a3", "a2") + code)
    refused = old.migrate("user")["user"]
    file = old.home.root / "pyproject.toml"
    file.write_text(file.read_text() + "autocommit = true\n")
    result = old.migrate("user")["user"]
    if old.backend == "postgresql":
        assert "CREATE INDEX CONCURRENTLY cannot run inside a transaction block" in str(refused.error)
        assert "a3" in [one.revision for one in result.applied]
    assert (result.error, result.revision) == (None, "a3, b2")
    with connect(old.project.config("user")) as connection:
        assert "by_n" in {one["name"] for one in sa.inspect(connection).get_indexes("a")}


def test_a_file_keeps_its_transactions_whatever_servers_are_migrated_without(old: Site) -> None:
    code = "\ndef upgrade():\n    op.create_index('by_n', 'a', ['n'])\n    raise ValueError('stop')\n"
    (old.home.root / "old/one/2023-a3_index.py").write_text(HEAD.format("a3", "a2") + code)
    file = old.home.root / "pyproject.toml"
    file.write_text(file.read_text() + "autocommit = true\n")
    assert old.migrate("user")["user"].failure is not None
    with connect(old.project.config("user")) as connection:
        left = {one["name"] for one in sa.inspect(connection).get_indexes("a")}
    assert ("by_n" in left) is (old.backend != "sqlite")
