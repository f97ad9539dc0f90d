"""One application on one backend: its databases, its own upgrade, and dbkit in its environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests.adoption.applications import HERE, Application
from tests.adoption.catalogue import Catalogue, read_catalogue
from tests.adoption.environments import Environment, need_environment
from tests.servers import Server, need_server, throw_away_name

Done = subprocess.CompletedProcess[str]
# the stock tool is given MySQL's own dialect for every server that speaks MySQL's protocol
_STOCK_DRIVERS = {"postgresql": "postgresql+psycopg2"}
PATIENCE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database for one run of something, and the folder of the project that is about it."""

    url: sa.URL
    """As the stock tool takes it."""
    environ: dict[str, str]
    """As dbkit takes it."""
    home: Path
    engine: sa.Engine
    varying: frozenset[str]

    def catalogue(self) -> Catalogue:
        """Read all of it that has to be the same in each run."""
        return read_catalogue(self.engine, varying=self.varying)

    def has(self, table: str) -> bool:
        """Tell whether there is such a table."""
        return sa.inspect(self.engine).has_table(table)

    def values(self, column: str) -> set[object]:
        """Read all values of one column (`table.column`)."""
        table, _, name = column.partition(".")
        with self.engine.connect() as connection:
            return set(connection.scalars(sa.text(f"SELECT {name} FROM {table}")))

    def revisions(self, table: str) -> tuple[str, ...]:
        """Read which revisions it is at."""
        with self.engine.connect() as connection:
            return tuple(sorted(connection.scalars(sa.text(f"SELECT version_num FROM {table}"))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What the stock tool says of a history."""

    heads: list[str]
    revisions: int

    @property
    def text(self) -> str:
        """Word the heads as dbkit does."""
        return ", ".join(sorted(self.heads))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One application on one backend."""

    application: Application
    backend: str
    folder: Path
    made: dict[str, tuple[Catalogue, Heads]] = field(default_factory=dict)

    @cached_property
    def environment(self) -> Environment:
        """Its environment, made when it is asked for."""
        return need_environment(self.application.pins)

    @property
    def service(self) -> str:
        """What the service is named in the project's file."""
        return self.application.name.replace("-", "_")

    def toml(self, env: str = "dbkit") -> str:
        """Write the project's file."""
        said = f'migrations = "{self.application.migrations}"\nmetadata = "{self.application.metadata}"\n'
        own = 'env = "own"\n' if env == "own" else ""
        hooks = ""
        if own and self.application.ready:
            module = Path(self.application.ready).stem
            hooks = f'[tool.dbkit.services.{self.service}.hooks]\nbefore_migrate = "{module}:ready"\n'
        return f"[tool.dbkit.services.{self.service}]\n{said}{own}{self.application.further}{hooks}"

    @contextmanager
    def place(self, env: str = "dbkit") -> Iterator[Place]:
        """Make a database that holds what was there before the first revision, and drop it at the end."""
        home = self.folder / throw_away_name()
        home.mkdir()
        (home / "pyproject.toml").write_text(self.toml(env))
        if self.application.ready:
            shutil.copy(HERE / "prepare" / self.application.ready, home)
        with self._database(home) as (url, environ, engine):
            place = Place(url=url, environ=environ, home=home, engine=engine, varying=self.application.varying)
            try:
                if self.application.prepare:
                    _need(self.stock(place, action="prepare"))
                yield place
            finally:
                engine.dispose()

    @contextmanager
    def _database(self, home: Path) -> Iterator[tuple[sa.URL, dict[str, str], sa.Engine]]:
        if self.backend == "sqlite":
            file = home / "app.db"
            url = sa.URL.create("sqlite", database=str(file))
            yield (
                url,
                {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": str(file)},
                sa.create_engine(url, poolclass=NullPool),
            )
            return
        server: Server = need_server(self.backend)
        with server.database() as name:
            url = server.url.set(drivername=_STOCK_DRIVERS.get(self.backend, "mysql+pymysql"), database=name)
            engine = sa.create_engine(url, connect_args=server.connect_args(), poolclass=NullPool)
            yield url, server.environ(name), engine

    def stock(self, place: Place, *, action: str = "upgrade", target: str = "heads") -> Done:
        """Run the application's own upgrade, with the stock tool."""
        application, packages = self.application, str(self.environment.packages)
        dialect = place.engine.dialect.name
        options = {
            k: v.replace("{packages}", packages).replace("{dialect}", dialect) for k, v in application.options.items()
        }
        order = {
            "action": action,
            "url": place.url.render_as_string(hide_password=False),
            "ini": f"{packages}/{application.ini}",
            "options": options,
            "way": application.way,
            "autocommit": self.backend in application.autocommit,
            "ready": str(place.home / application.ready) if application.ready else None,
            "prepare": str(HERE / "prepare" / application.prepare) if application.prepare else None,
            "target": target,
        }
        return self._run(place, str(self.environment.python), str(HERE / "stock.py"), json.dumps(order))

    def dbkit(self, place: Place, *arguments: str) -> Done:
        """Run a command of dbkit's."""
        return self._run(place, str(self.environment.dbkit), *arguments)

    def start(self, place: Place, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of dbkit's."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = (str(self.environment.dbkit), *arguments)
        return subprocess.Popen(command, cwd=place.home, env=self._environ(place), **pipes)

    def _run(self, place: Place, *command: str) -> Done:
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": PATIENCE_S}
        return subprocess.run(command, cwd=place.home, env=self._environ(place), check=False, **options)

    def _environ(self, place: Place) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBKIT_", "DATABASE_"))}
        homes = dict.fromkeys(("HOME", "AIRFLOW_HOME", "DAGSTER_HOME", "PREFECT_HOME"), str(place.home))
        return kept | homes | place.environ | dict(self.application.environ(place.url))

    def stocked(self) -> tuple[Catalogue, Heads]:
        """Give what the application's own upgrade makes of a database, and what it knows of its history; made once."""
        if "stock" not in self.made:
            with self.place() as place:
                done = self.stock(place)
                _need(done)
                self.made["stock"] = place.catalogue(), Heads(**json.loads(done.stdout.splitlines()[-1]))
        return self.made["stock"]


def _need(done: Done) -> None:
    assert done.returncode == 0, done.stderr[-3000:]
