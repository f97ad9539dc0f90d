"""`seed` on every backend: into databases that are there and at head, by the service's own account, and nowhere else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.migrations import ServiceResult
from dbkit.project import Project
from tests.projects import Home
from tests.servers import BACKENDS, find_server, how_to_start

MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    metadata = metadata

class Shelf(Base):
    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    above_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shelves.id"))

class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shelf_id: Mapped[int] = mapped_column(sa.ForeignKey("shelves.id"))

def rows():
    return [Book(id=3, shelf_id=1), Shelf(id=1, above_id=2), Shelf(id=2)]
"""
TABLES = """
    op.create_table("shelves", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                    sa.Column("above_id", sa.Integer, sa.ForeignKey("shelves.id")))
    op.create_table("books", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                    sa.Column("shelf_id", sa.Integer, sa.ForeignKey("shelves.id"), nullable=False))
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A project of one service with sample rows, whose database is not there yet."""

    home: Home

    @property
    def project(self) -> Project:
        return self.home.project()

    def migrate(self) -> None:
        found = migrations.migrate(self.project)
        assert found.ok, found

    def seed(self, **options: object) -> ServiceResult:
        return migrations.seed(self.project, ["user"], **options)["user"]  # type: ignore[arg-type] # options of seed

    def rows(self) -> list[tuple[object, ...]]:
        question = "SELECT id, above_id FROM shelves UNION ALL SELECT id, shelf_id FROM books ORDER BY 1"
        with connect(self.project.config("user")) as connection:
            return [tuple(row) for row in connection.execute(sa.text(question))]


ALL = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"]


@pytest.fixture(params=ALL)
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    home = Home(tmp_path).write("user").models("user", MODELS, seed="user_models:rows")
    home.revision("user", "0001", TABLES)
    if request.param == "sqlite":
        monkeypatch.setenv("DATABASE_TYPE", "sqlite")
        yield Site(home=home)
        return
    server = find_server(request.param)
    if server is None:
        pytest.skip(how_to_start(request.param))
    with server.names("user") as template:
        for name, value in server.environ(template).items():
            monkeypatch.setenv(name, value)
        yield Site(home=home)


def test_a_database_is_seeded_once_it_is_there_and_at_head_and_a_second_time_nothing_is_to_do(site: Site) -> None:
    missing = site.seed()
    assert (missing.exit_code, missing.seeded) == (ExitCode.UNREACHABLE, None)
    assert "of service 'user' does not exist" in str(missing.error)
    assert missing.hint == "dbkit migrate user makes it, with its tables"

    site.migrate()
    done = site.seed()
    assert (done.exit_code, done.seeded, done.revision) == (ExitCode.OK, 3, "0001")
    again = site.seed()
    assert (again.exit_code, again.seeded, again.error) == (ExitCode.OK, 0, None)
    assert site.rows() == [(1, 2), (2, None), (3, 1)]

    newer = site.home.table("user", "0002", "loans")
    pending = site.seed()
    assert (pending.exit_code, pending.seeded, pending.pending) == (ExitCode.DIFFERENT, None, ("0002",))
    assert pending.error == "the database of service 'user' lacks 1 revision of these files"
    assert pending.hint == "dbkit migrate user applies what is pending; then run dbkit seed again"

    site.migrate()
    newer.unlink()
    shutil.rmtree(newer.parent / "__pycache__", ignore_errors=True)
    ahead = site.seed()
    assert (ahead.exit_code, ahead.seeded) == (ExitCode.AHEAD, None)
    assert "is at revision 0002, which these files do not have" in str(ahead.error)


@pytest.mark.parametrize("site", ALL[1:], indirect=True)
def test_it_writes_with_the_services_own_account(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.migrate()
    monkeypatch.setenv("DATABASE_MIGRATION_USER", "nobody")
    monkeypatch.setenv("DATABASE_MIGRATION_PASSWORD", "not looked at")
    assert (site.seed().error, site.rows()) == (None, [(1, 2), (2, None), (3, 1)])
    monkeypatch.setenv("DATABASE_USER", "nobody_either")
    refused = site.seed()
    assert refused.exit_code is ExitCode.UNREACHABLE
    assert "refuses the log-in of 'nobody_either'" in str(refused.error)
