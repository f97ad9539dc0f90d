"""The databases that tests run on: which there are, how they are reached, and throw-away databases in them."""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.config import DatabaseConfig
from dbkit.migrations.databases import create_missing
from dbkit.testing.conformance.profile import server_environ, server_variable
from dbkit.testing.driving import Way, ways_of

SERVERS = ("postgresql", "mariadb", "mysql", "tidb", "mssql")
BACKENDS = ("sqlite", *SERVERS)

PREFIX = os.environ.get("DBKIT_TEST_PREFIX", "dbkt")
"""What the names of throw-away databases begin with, so that runs beside each other can be told apart."""

_DRIVERS = {
    "postgresql": "postgresql+psycopg2",
    "mariadb": "mariadb+pymysql",
    "mysql": "mysql+pymysql",
    # The server speaks MySQL's protocol, so its URL may say mysql; the dialect must be TiDB's own.
    "tidb": "tidb+pymysql",
    "mssql": "mssql+pyodbc",
}
_CREATE = {
    "postgresql": "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
    "mariadb": "CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
    "mysql": "CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
    "tidb": "CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
    "mssql": "CREATE DATABASE [{name}] COLLATE Latin1_General_100_BIN2",
}
_DROP = {
    "postgresql": 'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
    "mariadb": "DROP DATABASE IF EXISTS `{name}`",
    "mysql": "DROP DATABASE IF EXISTS `{name}`",
    "tidb": "DROP DATABASE IF EXISTS `{name}`",
    "mssql": "IF DB_ID('{name}') IS NOT NULL BEGIN "
    "ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE [{name}] END",
}
_VERSION = {
    "mssql": "SELECT CAST(SERVERPROPERTY('ProductVersion') AS varchar(64))",
    "postgresql": "SHOW server_version",
}


WAYS = tuple(way for backend in BACKENDS for way in ways_of(backend))
"""Every driver of every backend, in both kinds where it has both."""


def how_to_start(backend: str) -> str:
    """Say what has to be done for this backend's tests to run."""
    return (
        f"no {backend} server: start one with `docker compose -f tests/compose.yaml up --wait {backend}` "
        f"and set {server_variable(backend)} to the URL of its administrator (and DBKIT_TEST_CA to its CA's file)"
    )


def throw_away_name() -> str:
    """Make a database name that no other run has."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return f"{PREFIX}_{worker}_{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A real database server, and an account on it that may do anything."""

    backend: str
    url: sa.URL
    """Of the administrator; the password is in it and TLS is not."""
    ca: str | None
    """The file of the CA that signed the server's certificate; None where the server has none for us."""
    way: Way | None = None
    """How the product is to reach it; None for the driver that is used when nobody asks for another."""

    def environ(self, name: str | None = None) -> dict[str, str]:
        """Give the variables by which the product reaches a database here (`{service}` may stand in the name)."""
        found = server_environ(self.backend, self.url, ca=self.ca)
        if name is not None:
            found["DATABASE_NAME"] = name
        return found if self.way is None else found | self.way.environ()

    def product(self, config: DatabaseConfig, **options: Any) -> sa.Engine:
        """Make the product's engine, by the driver that is to be used here."""
        return (self.way or Way(backend=self.backend)).engine(config, **options)

    def connect_args(self) -> dict[str, Any]:
        """Give the driver's arguments for a connection whose TLS is verified."""
        if self.backend == "mssql" or self.ca is None:
            return {}
        if self.backend == "postgresql":
            return {"sslmode": "verify-full", "sslrootcert": self.ca}
        return {"ssl": ssl.create_default_context(cafile=self.ca)}

    def engine(self, name: str | None = None, **options: Any) -> sa.Engine:
        """Make a plain SQLAlchemy engine on a database (or the administrator's own), without the product's help."""
        url = self.url if name is None else self.url.set(database=name)
        return sa.create_engine(url, connect_args=self.connect_args(), **options)

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator, each committed by itself."""
        engine = self.engine(poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def create_database(self, name: str) -> None:
        """Create a database whose text compares exactly."""
        self.execute(_CREATE[self.backend].format(name=name))

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, whoever is connected to it."""
        self.execute(_DROP[self.backend].format(name=name))

    def has_database(self, name: str) -> bool:
        """Tell whether a database of this name is there."""
        queries = {
            "postgresql": "SELECT 1 FROM pg_database WHERE datname = :name",
            "mssql": "SELECT 1 FROM sys.databases WHERE name = :name",
        }
        mysql = "SELECT 1 FROM information_schema.schemata WHERE schema_name = :name"
        engine = self.engine(poolclass=NullPool)
        with engine.connect() as connection:
            return connection.scalar(sa.text(queries.get(self.backend, mysql)), {"name": name}) is not None

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create a throw-away database, give its name, and drop it."""
        name = throw_away_name()
        self.create_database(name)
        try:
            yield name
        finally:
            self.drop_database(name)

    @contextmanager
    def names(self, *services: str) -> Iterator[str]:
        """Give a template of database names with `{service}` in it, and drop what was created under it."""
        template = throw_away_name() + "_{service}"
        try:
            yield template
        finally:
            for service in services:
                self.drop_database(template.format(service=service))

    def version(self) -> str:
        """Ask the server for its version."""
        engine = self.engine(poolclass=NullPool)
        with engine.connect() as connection:
            return str(connection.exec_driver_sql(_VERSION.get(self.backend, "SELECT VERSION()")).scalar())


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A throw-away database, on a server or in a file."""

    backend: str
    engine: sa.Engine
    environ: Mapping[str, str]
    """The variables by which the product reaches it."""
    server: Server | None = None
    """None for SQLite."""
    asynchronous: bool = False
    """Whether the engine is the inside of an asynchronous one."""

    def by(self, way: Way) -> Database:
        """Give the same database as another driver reaches it."""
        environ = {**self.environ, **way.environ()}
        engine = way.engine(DatabaseConfig.from_env(environ=environ))
        return replace(self, engine=engine, environ=environ, asynchronous=way.asynchronous)

    def clean(self) -> None:
        """Drop every table that is left."""
        metadata = sa.MetaData()
        with self.engine.begin() as connection:
            metadata.reflect(connection)
            metadata.drop_all(connection)


def find_server(backend: str) -> Server | None:
    """Give the test server of a backend, or None where the environment names none."""
    text = os.environ.get(server_variable(backend))
    if not text:
        return None
    url = sa.make_url(text).set(drivername=_DRIVERS[backend])
    return Server(backend=backend, url=url, ca=os.environ.get("DBKIT_TEST_CA") or None)


def need_server(backend: str) -> Server:
    """Give the test server of a backend. Raises LookupError, saying how to start one."""
    server = find_server(backend)
    if server is None:
        raise LookupError(how_to_start(backend))
    return server


@contextmanager
def throw_away_database(backend: str, folder: Path) -> Iterator[Database]:
    """Create a database as the product does, give it with the product's engine, and drop it; SQLite's file lies in the folder."""
    server = None if backend == "sqlite" else need_server(backend)
    name = throw_away_name()
    sqlite = {"DATABASE_TYPE": backend, "DATABASE_SQLITE_PATH": str(folder / f"{name}.db")}
    environ = sqlite if server is None else server.environ(name)
    config = DatabaseConfig.from_env(environ=environ)
    create_missing(config)
    engine = config.create_engine()
    try:
        yield Database(backend=backend, engine=engine, environ=environ, server=server)
    finally:
        engine.dispose()
        if server is not None:
            server.drop_database(name)
