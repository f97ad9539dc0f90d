"""Alembic folders as other people have them, adopted with `env = "own"`, on each backend; and the stock tool on the same folder."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from dbkit.config.connect import connect
from dbkit.project import Project
from tests.projects import REVISION, block
from tests.servers import Server, find_server, how_to_start

ENV = """
from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine, pool

import settings

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name)
config.set_main_option("sqlalchemy.url", settings.URL.replace("%", "%%"))


def run_migrations_online():
    connectable = create_engine(config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
    with connectable.connect() as connection:
        context.configure(connection=connection, target_metadata=settings.metadata)
        with context.begin_transaction():
            context.run_migrations()


def run_migrations_offline():
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=settings.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
"""
# What an application's own settings look like: an engine is made while they are imported.
SETTINGS = """
import os

import sqlalchemy as sa

URL = os.environ.get("APP_URL", "sqlite:////nowhere/app.db")
metadata = sa.MetaData(naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s", "ix": "ix_%(column_0_label)s"})
engine = sa.create_engine(URL)
"""
INI = """[alembic]
script_location = {folder}
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = WARNING
handlers =
"""
_STOCK = {"mariadb": "mysql+pymysql", "mysql": "mysql+pymysql", "tidb": "mysql+pymysql"}


@dataclass(kw_only=True)
class OwnSite:
    """A project of adopted folders, each service's under its own name, on databases that are not there yet."""

    root: Path
    backend: str
    stack: ExitStack
    environ: dict[str, str] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)

    def write(self, **tables: str) -> OwnSite:
        """Write the project's file: for each service what else its table says."""
        self.services |= tables
        text = "".join(
            f'[tool.dbkit.services.{name}]\nmigrations = "{name}"\nenv = "own"\n{rest}\n'
            for name, rest in self.services.items()
        )
        (self.root / "dbkit.toml").write_text(f'[tool.dbkit]\ndatabase = "{{service}}"\n{text}')
        if not (self.root / "settings.py").exists():
            (self.root / "settings.py").write_text(SETTINGS)
        for name in tables:
            (self.root / name / "versions").mkdir(parents=True, exist_ok=True)
        return self

    def env(self, text: str, service: str = "app") -> Path:
        """Write a service's env.py."""
        file = self.root / service / "env.py"
        file.write_text(dedent(text).lstrip())
        return file

    def template(self, service: str, template: str) -> None:
        """Have Alembic write a folder, with an alembic.ini in it, from one of its own templates."""
        folder = self.root / service
        (folder / "versions").rmdir()
        folder.rmdir()
        ini = self.root / f"{service}.ini"
        config = Config(ini, toml_file=self.root / "pyproject.toml", stdout=io.StringIO())
        config.cmd_opts = Namespace(quiet=True)
        command.init(config, str(folder), template)
        ini.rename(folder / "alembic.ini")

    def revision(self, number: str, upgrade: str, downgrade: str = "", *, service: str = "app", head: str = "") -> Path:
        """Write a revision file, built on the number before its own."""
        down = f"{int(number) - 1:04}" if int(number) > 1 else None
        file = self.root / service / "versions" / f"{number}_step.py"
        text = REVISION.format(
            description=f"Step {number}",
            revision=number,
            down=down,
            upgrade=block(upgrade),
            downgrade=block(downgrade),
        )
        text = text.replace("import dbkit.types as dbt\n", head + "\n")
        file.write_text(text.replace("def upgrade() ->", "def upgrade(engine_name=None) ->"))
        return file

    def table(self, number: str, name: str, *, service: str = "app") -> Path:
        """Write a revision that creates a table of this name."""
        return self.revision(
            number,
            f'op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True))',
            f'op.drop_table("{name}")',
            service=service,
        )

    @property
    def project(self) -> Project:
        return Project.find(self.root)

    def tables(self, service: str = "app") -> set[str]:
        with connect(self.project.config(service)) as connection:
            return {name for name in sa.inspect(connection).get_table_names() if not name.startswith("dbkit_")}

    def rows(self, statement: str, service: str = "app") -> list[tuple[Any, ...]]:
        with connect(self.project.config(service)) as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def contents(self, service: str = "app") -> dict[str, Any]:
        """Read all that is in a service's database."""
        with connect(self.project.config(service)) as connection:
            return contents(connection)

    @contextmanager
    def stock(self, *arguments: str, service: str = "app") -> Iterator[dict[str, Any]]:
        """Run the stock tool on a service's folder and a database of its own, and give what is in that."""
        with self._elsewhere() as url:
            self.alembic(url, *arguments, service=service)
            engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
            with engine.connect() as connection:
                yield contents(connection)

    def alembic(self, url: sa.URL, *arguments: str, service: str = "app") -> None:
        """Run the stock tool on a database."""
        ini = self.root / service / "alembic.ini"
        if not ini.exists():
            ini.write_text(INI.format(folder=self.root / service))
        done = subprocess.run(
            [sys.executable, "-m", "alembic", "-c", str(ini), *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "APP_URL": url.render_as_string(hide_password=False)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def plain(self, url: sa.URL) -> sa.URL:
        """Give the URL of a service's database as the stock tool takes it, with the administrator's log-in."""
        if self.backend == "sqlite":
            return url.set(drivername="sqlite")
        server = need(self.backend).url
        return server.set(database=url.database, drivername=_STOCK.get(self.backend, server.drivername))

    @contextmanager
    def _elsewhere(self) -> Iterator[sa.URL]:
        if self.backend == "sqlite":
            file = self.root / "stock.db"
            file.unlink(missing_ok=True)
            yield sa.URL.create("sqlite", database=str(file))
            return
        server = need(self.backend)
        with server.database() as name:
            yield server.url.set(database=name, drivername=_STOCK.get(self.backend, server.url.drivername))


def need(backend: str) -> Server:
    """Give a server, or skip."""
    server = find_server(backend)
    if server is None:
        pytest.skip(how_to_start(backend))
    return server


@contextmanager
def own_site(backend: str, root: Path, services: tuple[str, ...], setenv: Any) -> Iterator[OwnSite]:
    """Give a site on a backend; its databases are dropped at the end."""
    with ExitStack() as stack:
        environ: Mapping[str, str] = {"DATABASE_TYPE": "sqlite"}
        if backend != "sqlite":
            server = need(backend)
            environ = server.environ(stack.enter_context(server.names(*services)))
        for key, value in environ.items():
            setenv(key, value)
        yield OwnSite(root=root, backend=backend, stack=stack, environ=dict(environ))


def contents(connection: sa.Connection) -> dict[str, Any]:
    """Read tables, columns, keys, indexes and rows; not what dbkit keeps for itself."""
    inspector, found = sa.inspect(connection), {}
    for table in sorted(inspector.get_table_names()):
        if table.startswith("dbkit_"):
            continue
        columns = [
            (column["name"], str(column["type"]), column["nullable"], column["default"])
            for column in inspector.get_columns(table)
        ]
        rows = connection.execute(sa.text(f"SELECT * FROM {table}"))
        found[table] = {
            "columns": columns,
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(
                (one["name"], one["column_names"], one["unique"]) for one in inspector.get_indexes(table)
            ),
            "unique": sorted((one["name"], one["column_names"]) for one in inspector.get_unique_constraints(table)),
            "foreign": sorted(
                (one["constrained_columns"], one["referred_table"]) for one in inspector.get_foreign_keys(table)
            ),
            "rows": sorted(map(repr, map(tuple, rows))),
        }
    return found
