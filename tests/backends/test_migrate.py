"""Migrations for real, on every backend: what is done, what is refused, and what is left when something fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.backends import get_backend
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.migrations import Event, Result
from dbkit.project import Project
from tests.projects import Home
from tests.servers import BACKENDS, find_server, how_to_start

SERVICES = ("user", "project")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A project whose services are configured for databases that are not there yet."""

    home: Home
    backend: str

    @property
    def project(self) -> Project:
        return self.home.project()

    def migrate(self, *services: str, **options: object) -> Result:
        return migrations.migrate(self.project, services, **options)  # type: ignore[arg-type] # options of migrate

    def tables(self, service: str = "user") -> set[str]:
        with connect(self.project.config(service)) as connection:
            return {name for name in sa.inspect(connection).get_table_names() if not name.startswith("dbkit_")}

    def rows(self, statement: str, service: str = "user") -> list[tuple[object, ...]]:
        with connect(self.project.config(service)) as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    @property
    def transactional(self) -> bool:
        return get_backend(self.backend).traits.transactional_ddl


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a project on each backend in turn; its databases are dropped at the end."""
    home = Home(tmp_path).write(*SERVICES)
    made = Site(home=home, backend=request.param)
    if request.param == "sqlite":
        monkeypatch.setenv("DATABASE_TYPE", "sqlite")
        yield made
        return
    server = find_server(request.param)
    if server is None:
        pytest.skip(how_to_start(request.param))
    with server.names(*SERVICES) as template:
        for key, value in server.environ(template).items():
            monkeypatch.setenv(key, value)
        yield made


def test_a_second_run_finds_nothing_to_do(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.migrate("user")
    found = site.migrate("user")["user"]
    assert (found.exit_code, found.applied, found.created, found.revision) == (ExitCode.OK, (), False, "0001")


def test_a_service_without_revisions_gets_its_database_and_nothing_else(site: Site) -> None:
    found = site.migrate("user")["user"]
    assert (found.exit_code, found.created, found.revision) == (ExitCode.OK, True, None)


def test_a_target_stops_the_run_there(site: Site) -> None:
    for number in ("0001", "0002", "0003"):
        site.home.table("user", number, f"t{number}")
    assert site.migrate("user", to="0002")["user"].revision == "0002"
    assert site.migrate("user", to="+1")["user"].revision == "0003"


def test_an_unknown_target_is_refused_and_nothing_is_made(site: Site) -> None:
    site.home.table("user", "0001", "a")
    found = site.migrate("user", to="0009")["user"]
    assert found.exit_code is ExitCode.USAGE
    assert found.error == "revision '0009' of service 'user' does not exist"
    assert migrations.status(site.project, ["user"])["user"].revision is None


def test_a_dry_run_tells_what_it_would_do_and_writes_nothing(site: Site) -> None:
    site.home.table("user", "0001", "a")
    found = site.migrate("user", dry_run=True)["user"]
    assert (found.created, found.pending, found.applied) == (True, ("0001",), ())
    again = site.migrate("user", dry_run=True)["user"]
    assert again.created


def test_a_missing_database_is_an_error_where_it_may_not_be_made(site: Site) -> None:
    site.home.table("user", "0001", "a")
    found = site.migrate("user", create=False)["user"]
    assert found.exit_code is ExitCode.UNREACHABLE
    assert "does not exist" in str(found.error)


def test_a_failing_service_does_not_stop_the_others(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.revision("project", "0001", 'op.execute("NO SUCH STATEMENT")')
    result = site.migrate()
    assert result.exit_code is ExitCode.FAILED
    assert result["user"].exit_code is ExitCode.OK
    assert result["project"].exit_code is ExitCode.FAILED
    assert result["project"].revision is None


def test_a_failing_revision_is_named_with_its_file_line_and_sql(site: Site) -> None:
    site.home.table("user", "0001", "a")
    file = site.home.revision("user", "0002", 'op.create_table("b", sa.Column("id", sa.Integer))\nop.execute("BROKEN")')
    found = site.migrate("user")["user"]
    assert found.failure is not None
    assert found.failure.revision == "0002"
    assert found.failure.file == str(file)
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "BROKEN" in text)
    assert found.failure.line == line
    assert found.failure.sql == "BROKEN"
    assert [one.revision for one in found.applied] == ["0001"]


def test_a_revision_that_cannot_be_imported_is_named_with_its_line(site: Site) -> None:
    file = site.home.table("user", "0001", "a")
    file.write_text(file.read_text() + "\nno_such_name\n")
    found = site.migrate("user")["user"]
    assert found.exit_code is ExitCode.USAGE
    assert f"{file}:{len(file.read_text().splitlines())} cannot be imported: NameError" in str(found.error)


def test_models_that_cannot_be_imported_are_the_services_own_fault(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.table("project", "0001", "p")
    (site.home.root / "project_models.py").write_text("import no_such_module\n")
    result = site.migrate()
    assert result["user"].exit_code is ExitCode.OK
    assert result["project"].exit_code is ExitCode.USAGE
    assert "no_such_module" in str(result["project"].error)


def test_a_database_that_is_ahead_of_the_files_is_left_alone(site: Site) -> None:
    site.home.table("user", "0001", "a")
    newer = site.home.table("user", "0002", "b")
    site.migrate("user")
    newer.unlink()
    found = site.migrate("user")["user"]
    assert found.exit_code is ExitCode.AHEAD
    assert "0002" in str(found.error)


def test_a_dry_rollback_tells_what_it_would_undo(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.table("user", "0002", "b")
    site.migrate("user")
    found = migrations.rollback(site.project, "user", to="base", dry_run=True)["user"]
    assert (found.revision, found.pending) == ("0002", ("0002", "0001"))


def test_stamp_writes_the_revision_and_runs_nothing(site: Site) -> None:
    site.home.table("user", "0001", "a")
    migrations.create(site.project, ["user"])
    found = migrations.stamp(site.project, "user", "0001")["user"]
    assert (found.error, found.revision) == (None, "0001")
    assert site.tables() == {"alembic_version_user"}


def test_status_tells_what_is_pending(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.migrate("user")
    site.home.table("user", "0002", "b")
    found = migrations.status(site.project, ["user"])["user"]
    assert (found.revision, found.head, found.pending, found.exit_code) == ("0001", "0002", ("0002",), ExitCode.OK)
    assert migrations.status(site.project, ["user"], check=True).exit_code is ExitCode.DIFFERENT


def test_status_makes_nothing(site: Site) -> None:
    site.home.table("user", "0001", "a")
    migrations.status(site.project)
    assert site.migrate("user", dry_run=True)["user"].created


def test_services_can_share_a_database(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    name = site.project.config("user")
    if site.backend == "sqlite":
        monkeypatch.setenv("DATABASE_SQLITE_PATH", str(name.sqlite_path))
    else:
        monkeypatch.setenv("DATABASE_NAME", str(name.database))
    for service, table in (("user", "a"), ("project", "p")):
        site.home.table(service, "0001", table)
        columns = 'sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer)'
        site.home.models(service, f'sa.Table("{table}", metadata, {columns})')
    assert site.migrate(jobs=2).exit_code is ExitCode.OK
    assert site.tables() == {"a", "p", "alembic_version_user", "alembic_version_project"}
    result = migrations.check(site.project)
    assert [one.differences for one in result.services] == [(), ()]


def test_check_finds_what_the_models_have_and_the_database_has_not(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.models(
        "user",
        """
        sa.Table("a", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer),
                 sa.Column("more", dbt.String(20)))
        """,
    )
    site.migrate("user")
    found = migrations.check(site.project, ["user"])["user"]
    assert found.exit_code is ExitCode.DIFFERENT
    assert [(one.operation, one.table, one.name) for one in found.differences] == [("add_column", "a", "more")]


def test_check_finds_a_table_that_the_history_made_and_the_models_have_not(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.migrate("user")
    found = migrations.check(site.project, ["user"])["user"]
    assert [(one.operation, one.table) for one in found.differences] == [("remove_table", "a")]


def test_check_leaves_tables_alone_that_are_nobodys(site: Site) -> None:
    site.home.models("user", "")
    site.migrate("user")
    with connect(site.project.config("user")) as connection:
        connection.execute(sa.text("CREATE TABLE legacy_x (id INTEGER NOT NULL PRIMARY KEY)"))
        connection.commit()
    assert migrations.check(site.project, ["user"])["user"].differences == ()


def test_check_wants_the_database_at_head(site: Site) -> None:
    site.home.table("user", "0001", "a")
    migrations.create(site.project, ["user"])
    found = migrations.check(site.project, ["user"])["user"]
    assert found.exit_code is ExitCode.DIFFERENT
    assert "1 pending (0001)" in str(found.error)


def test_events_tell_what_happens_in_order(site: Site) -> None:
    site.home.table("user", "0001", "a")
    events: list[Event] = []
    site.migrate("user", on_event=events.append)
    kinds = [event.event for event in events]
    assert kinds == ["start", "creating", "revision", "statement", "applied", "done"]
    assert events[-1].result is not None


def test_what_revisions_print_stays_off_stdout(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    site.home.revision("user", "0001", 'print("noise from a revision")')
    site.migrate("user")
    out, err = capfd.readouterr()
    assert out == ""
    assert "noise from a revision" in err
