"""A copy of a database is the database: tables, rules, counters, views and rows; on every backend that copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.backends.optional import Copying
from dbkit.config import DatabaseConfig
from dbkit.migrations import shapes
from dbkit.migrations.databases import create_missing
from tests.servers import BACKENDS, find_server, how_to_start, throw_away_name

METADATA = sa.MetaData()
# named so that what refers comes before what is referred to
ALMS = sa.Table(
    "alms",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("giver", sa.Integer, sa.ForeignKey("people.id", name="fk_giver", ondelete="CASCADE"), nullable=False),
    sa.Column("amount", sa.Numeric(10, 2), server_default="1.50"),
    sa.Column("twice", sa.Numeric(10, 2), sa.Computed("amount * 2", persisted=True)),
    sa.Column("word", sa.String(20), nullable=False, server_default="100% 'yes'"),
    sa.UniqueConstraint("giver", "word", name="uq_word"),
    sa.CheckConstraint("amount > 0", name="ck_amount"),
    sa.Index("ix_word", "word"),
)
PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("chief", sa.Integer, sa.ForeignKey("people.id", name="fk_chief")),
)
# the first reads the second
VIEWS = (
    "CREATE VIEW zealous AS SELECT id, name FROM people WHERE id < 100",
    "CREATE VIEW eager AS SELECT name FROM zealous",
)
NAMES = ["Ada", "Åsa 100%", "it's 🦊"]


class Site:
    """Two databases on one server, or two files: one is there, and the other is to be made."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.backend, self.server = backend, find_server(backend)
        names = [throw_away_name() for _ in range(2)]
        self.source, self.target = names if self.server else [str(folder / f"{name}.db") for name in names]
        self.ddl: Any = get_backend(backend).ddl

    def config(self, name: str) -> DatabaseConfig:
        own = (
            self.server.environ(name) if self.server else {"DATABASE_TYPE": self.backend, "DATABASE_SQLITE_PATH": name}
        )
        return DatabaseConfig.from_env(environ=own)

    @contextmanager
    def connected(self, name: str) -> Iterator[sa.Connection]:
        with self.config(name).create_engine(poolclass=NullPool).connect() as connection:
            yield connection

    @contextmanager
    def made(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name in (self.source, self.target) if self.server else ():
                stack.callback(self.server.drop_database, name)  # type: ignore[union-attr]
            create_missing(self.config(self.source))
            with self.connected(self.source) as connection:
                METADATA.create_all(connection)
                for view in VIEWS:
                    connection.execute(sa.text(view))
                rows = [{"id": number, "name": name, "chief": 1} for number, name in enumerate(NAMES, 1)]
                connection.execute(PEOPLE.insert(), rows)
                connection.execute(ALMS.insert().values(giver=3))
                connection.commit()
            yield

    def copy(self) -> bool:
        if self.server is None:
            return bool(self.ddl.copy_database(None, self.source, self.target))
        engine = self.server.engine(poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            settings = self._settings(connection)
            done = bool(self.ddl.copy_database(connection, self.source, self.target))
            assert self._settings(connection) == settings
        return done

    def _settings(self, connection: sa.Connection) -> Any:
        if not hasattr(self.ddl, "settings"):
            return None
        names = ", ".join(f"@@SESSION.{name}" for name in self.ddl.settings)
        return connection.exec_driver_sql(f"SELECT {names}").one()


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    backend = request.param
    if backend != "sqlite" and find_server(backend) is None:
        pytest.skip(how_to_start(backend))
    if not isinstance(get_backend(backend).ddl, Copying):
        pytest.skip(f"{backend} copies no database: tests migrate one each")
    found = Site(backend, tmp_path)
    with found.made():
        yield found


def seen(site: Site, name: str, look: Callable[[sa.Connection], Any]) -> Any:
    with site.connected(name) as connection:
        return look(connection)


def test_a_copy_has_what_the_source_has(site: Site) -> None:
    def everything(connection: sa.Connection) -> Any:
        rows = [connection.execute(sa.select(table).order_by(table.c.id)).all() for table in (PEOPLE, ALMS)]
        views = [
            connection.execute(sa.text(f"SELECT * FROM {view} ORDER BY name")).all() for view in ("zealous", "eager")
        ]
        return shapes.look(connection, but=()), rows, views

    assert site.copy() is True
    source, copy = (seen(site, name, everything) for name in (site.source, site.target))
    assert list(shapes.changes(source[0], copy[0])) == []
    assert source == copy
    assert [row.name for row in copy[1][0]] == NAMES
    assert {kind for kind, _ in copy[0]} >= {"table", "column", "primary key", "foreign key", "index", "view"}


def test_a_copy_stands_for_itself(site: Site) -> None:
    assert site.copy() is True
    with site.connected(site.target) as connection:
        connection.execute(ALMS.insert().values(giver=2, word="more"))
        number = connection.scalar(sa.select(sa.func.max(ALMS.c.id)))
        connection.execute(PEOPLE.delete().where(PEOPLE.c.id == 3))
        connection.commit()
        names = connection.scalars(sa.text("SELECT name FROM eager ORDER BY name")).all()
    counted = sa.select(sa.func.count()).select_from(ALMS)
    assert number is not None
    assert number > 1
    assert sorted(names) == sorted(NAMES[:2])
    assert [seen(site, name, lambda one: one.scalar(counted)) for name in (site.source, site.target)] == [1, 1]
    with site.connected(site.target) as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(ALMS.insert().values(giver=99))


@pytest.mark.mariadb
def test_what_cannot_be_copied_is_not_begun(tmp_path: Path) -> None:
    if find_server("mariadb") is None:
        pytest.skip(how_to_start("mariadb"))
    site = Site("mariadb", tmp_path)
    with site.made():
        with site.connected(site.source) as connection:
            connection.execute(sa.text("CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW SET NEW.name = 'x'"))
        assert site.copy() is False
        assert site.server is not None
        assert site.server.has_database(site.target) is False


@pytest.mark.sqlite
def test_a_file_that_is_written_to_is_copied_whole(tmp_path: Path) -> None:
    site = Site("sqlite", tmp_path)
    with site.made(), site.connected(site.source) as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.execute(PEOPLE.insert().values(id=9, name="late"))
        connection.commit()
        assert site.copy() is True
        assert (
            seen(site, site.target, lambda one: one.scalar(sa.select(PEOPLE.c.name).where(PEOPLE.c.id == 9))) == "late"
        )
