"""An env.py that does what dbkit cannot lend it anything for, or that fails: an error with its line, and never a second connection."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import DbkitError, EnvFileError, ExitCode
from dbkit.migrations.env import Environment
from tests.backends.own_folders import ENV, OwnSite, own_site
from tests.servers import BACKENDS

HEAD = "import sys\n\nimport sqlalchemy as sa\nfrom alembic import context\n\n"
RUN = "with context.begin_transaction():\n    context.run_migrations()\n"
LENT = 'connection = sa.create_engine("sqlite://").connect()\n'
CONFIGURED = f"{LENT}context.configure(connection=connection)\n"

# What an env.py does, the line at which it is found out (6 is the first behind the imports), and what is said of it.
REFUSED: dict[str, tuple[str, int | None, str]] = {
    "raises": ('raise ValueError("no\\nsettings")', 6, "fails: ValueError: no settings"),
    "does not import": ("import nothing_there", 6, "fails: ModuleNotFoundError: No module named 'nothing_there'"),
    "does not parse": ("def broken(:\n", 6, "fails: SyntaxError: "),
    "exits": ('sys.exit("no")', 6, "ends the process: SystemExit: no"),
    "does nothing": ("", None, "runs no migrations"),
    "only configures": (CONFIGURED, None, "runs no migrations"),
    "only runs": ("context.run_migrations()", 6, "runs migrations that it has not configured"),
    "is offline": (f'context.configure(url="sqlite://", literal_binds=True)\n{RUN}', 6, "writes SQL where it should"),
    "asks for SQL": (
        f"{LENT}context.configure(connection=connection, as_sql=True)\n{RUN}",
        7,
        "writes SQL where it should",
    ),
    "has another table": (
        f'{LENT}context.configure(connection=connection, version_table="oth" + "er")\n{RUN}',
        7,
        "keeps the version in the table 'other', and dbkit looks for it in 'alembic_version'",
    ),
    "has another schema": (
        f'{LENT}context.configure(connection=connection, version_table_schema="oth" + "er")\n{RUN}',
        7,
        "keeps the version in the schema 'other', and dbkit looks for it in None",
    ),
    "runs twice": (f"{CONFIGURED}{RUN}{RUN}", 11, "runs the migrations a second time"),
    "has two databases": (
        "".join(f'{name} = sa.create_engine("postgresql://u:secret@h/{name}").connect()\n' for name in ("one", "two")),
        7,
        "connects to two databases at once",
    ),
    "makes a pool": (
        'sa.create_pool_from_url("postgresql://u:secret@h:5/one").connect()\n',
        6,
        "makes a pool of its own to postgresql at h:5, database 'one'",
    ),
    "keeps what is real": (
        'sa.create_engine.__wrapped__("sqlite:///{folder}/real.db").connect()\n',
        6,
        "opens a connection of its own to sqlite, database 'real.db'",
    ),
    "swallows the refusal": (
        "try:\n"
        '    sa.create_engine.__wrapped__("sqlite:///{folder}/real.db").connect()\n'
        "except Exception:\n    pass\n"
        f"{CONFIGURED}try:\n    {RUN}except Exception:\n    pass\n".replace(
            "    with context.begin_transaction():\n    context", "    context"
        ),
        7,
        "opens a connection of its own to sqlite, database 'real.db'",
    ),
    "asks dbkit": (
        'from dbkit.project import Project\n\nProject.find().engine("app").connect()\n',
        8,
        "opens a connection of its own to ",
    ),
    "asks a pool": ('sa.create_engine("sqlite://").pool.connect()', 6, "asks a lent engine's pool for a connection"),
    "detaches": (f"{LENT}connection.detach()", 7, "detaches the connection that holds the lock"),
    "invalidates": (f"{LENT}connection.invalidate()", 7, "invalidates the connection that holds the lock"),
    "fails in SQL": (f'{LENT}connection.execute(sa.text("SELECT * FROM nowhere"))', 7, "fails: "),
}


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnSite]:
    """Give a project with one service whose env.py is to be written, and whose database is there."""
    monkeypatch.chdir(tmp_path)
    with own_site(request.param, tmp_path, ("app", "fine"), monkeypatch.setenv) as found:
        found.write(app="")
        found.table("0001", "a")
        yield found


def test_what_an_env_file_must_not_do_is_told_with_its_line_and_nothing_is_done(site: OwnSite) -> None:
    assert migrations.create(site.project).ok
    site.env(ENV)  # the layout needs one
    told = {what: _run(site, what, text) for what, (text, _line, _said) in REFUSED.items()}
    where = {
        what: f"service 'app': its env.py ({site.root / 'app' / 'env.py'}{f':{line}' if line else ''}) {said}"
        for what, (_text, line, said) in REFUSED.items()
    }
    assert {what: text[: len(where[what])] for what, text in told.items()} == where
    assert not any("secret" in text for text in told.values())
    assert not (site.root / "real.db").exists()
    assert site.tables() <= {"alembic_version"}


def _run(site: OwnSite, what: str, text: str) -> str:
    """Run an env.py here, with no steps to do, and give what is said of it."""
    site.env(HEAD + text.replace("{folder}", str(site.root)))
    environment = Environment.of(site.project, "app")
    with connect(site.project.config("app"), migrating=True) as connection:
        with pytest.raises(EnvFileError) as caught:
            environment.run(connection, lambda *_given: [])
        assert caught.value.exit_code is ExitCode.USAGE, what
        assert caught.value.hint, what
        assert not connection.in_transaction(), what
        assert connection.scalar(sa.text("SELECT 1")) == 1, what
    assert sa.create_engine.__name__ == "create_engine"
    assert not hasattr(sa.create_engine("sqlite://"), "lender"), what
    return caught.value.message


def test_nothing_is_applied_after_a_refusal_that_an_env_file_swallows(site: OwnSite) -> None:
    swallowed = "try:\n    connection.detach()\nexcept Exception:\n    pass\n"
    site.env(f"{HEAD}{CONFIGURED}{swallowed}{RUN}")
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.applied, found.revision) == (ExitCode.USAGE, (), None)
    assert "detaches the connection that holds the lock" in str(found.error)
    assert "a" not in site.tables()


def test_models_that_are_none_are_refused_where_they_are_compared_and_nowhere_else(site: OwnSite) -> None:
    site.env(HEAD + f'{LENT}context.configure(connection=connection, target_metadata=[type, "models"])\n{RUN}')
    assert migrations.migrate(site.project, ["app"])["app"].error is None
    found = migrations.check(site.project, ["app"])["app"]
    assert found.exit_code is ExitCode.USAGE
    assert "gives target_metadata as type, not sqlalchemy.MetaData" in str(found.error)


def test_a_process_that_an_env_file_ends_is_told_with_its_suspect(site: OwnSite) -> None:
    site.env("import os\n\nos._exit(7)\n")
    found = migrations.migrate(site.project)["app"]
    assert found.exit_code is ExitCode.FAILED
    assert found.error == (
        "the worker process of service 'app' ended without an answer; its env.py, which is run as it is, may have called os._exit"
    )


def test_an_error_in_one_env_file_leaves_the_other_services_alone(site: OwnSite) -> None:
    site.write(fine="")
    site.env('raise RuntimeError("not here")\n')
    site.env(ENV, "fine")
    site.table("0001", "b", service="fine")
    result = migrations.migrate(site.project)
    assert [(one.service, one.exit_code, one.revision) for one in result.services] == [
        ("app", ExitCode.USAGE, None),
        ("fine", ExitCode.OK, "0001"),
    ]
    assert site.tables() == set()


def test_a_failed_revision_that_an_env_file_swallows_is_a_failure_all_the_same(site: OwnSite) -> None:
    site.revision("0002", 'op.execute("SELECT * FROM nowhere")')
    site.env(f"{HEAD}{CONFIGURED}try:\n    context.run_migrations()\nexcept BaseException:\n    pass\n")
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.revision) == (ExitCode.FAILED, "0001")
    assert [one.revision for one in found.applied] == ["0001"]
    assert found.failure is not None
    assert found.failure.revision == "0002"


def test_a_folder_without_an_env_file_cannot_have_it_run(site: OwnSite) -> None:
    found = migrations.migrate(site.project)["app"]
    assert found.exit_code is ExitCode.USAGE
    assert found.error == f"{str(site.root / 'app' / 'env.py')!r} is missing, and env is \"own\" for service 'app'"


def test_sql_for_no_database_is_refused_to_an_env_file_that_connects(site: OwnSite) -> None:
    site.env(HEAD + CONFIGURED + RUN)
    found = migrations.sql(site.project, backend=site.backend, write=io.StringIO().write)["app"]
    assert found.exit_code is ExitCode.USAGE
    assert "connects while SQL is written without a database" in str(found.error)


def test_sample_rows_need_models_that_the_project_names(site: OwnSite) -> None:
    site.env(ENV)
    assert migrations.migrate(site.project).ok
    found = migrations.seed(site.project, ["app"])["app"]
    assert found.exit_code is ExitCode.USAGE
    assert found.error == "service 'app' names neither itself nor its metadata: only its env.py knows its models"


def test_models_that_an_env_file_does_not_name_cannot_be_compared(site: OwnSite) -> None:
    site.env(HEAD + CONFIGURED + RUN)
    assert migrations.migrate(site.project).ok
    found = migrations.check(site.project)["app"]
    assert found.exit_code is ExitCode.USAGE
    assert "names no target_metadata to compare with" in str(found.error)
    (site.root / "app" / "script.py.mako").write_text("")
    with pytest.raises(DbkitError, match="names no target_metadata to compare with"):
        migrations.revision(site.project, "app", "x", autogenerate=True)


def test_an_interruption_that_code_raises_by_itself_is_its_failure(site: OwnSite) -> None:
    file = site.env("x = 1\nraise KeyboardInterrupt\n")
    found = migrations.migrate(site.project)["app"]
    assert (found.exit_code, found.error) == (
        ExitCode.USAGE,
        f"service 'app': its env.py ({file}:2) fails: KeyboardInterrupt",
    )
    site.env(ENV)
    for kind in ("KeyboardInterrupt", "SystemExit"):
        site.revision("0002", f'raise {kind}("enough")')
        found = migrations.migrate(site.project)["app"]
        assert (found.exit_code, found.revision) == (ExitCode.FAILED, "0001")
        assert str(found.error).startswith(f"revision '0002' failed: {kind}: enough"), kind
