"""How SQLite is opened, and what a connection is set to."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

import sqlalchemy as sa

from dbkit.backends.optional import IDENTITY_TABLE, Standing
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts
from dbkit.backends.sqlite import columns  # noqa: F401 - reflection on a dbkit engine knows dbkit's column types
from dbkit.backends.sqlite.safety import prove_foreign_keys, take_back

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import PoolProxiedConnection

# Not `trusted_schema=OFF`: SQLite 3.40 then calls json_valid() in a CHECK "unsafe" and creates no table that has one.
# LIKE by case as on the other backends; ilike() folds case by itself.
_PRAGMAS: Final = ("foreign_keys=ON", "synchronous=NORMAL", "case_sensitive_like=ON")
_OPTIONS: Final = frozenset({"mode", "immutable", "nolock", "vfs"})


class SqliteConnector:
    """Opens files with dbkit's own BEGIN, because the module's leaves DDL outside of transactions."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build the URL of the file; SQLite reads options such as `mode` in a URI only."""
        database, query = endpoint.database, dict(endpoint.query)
        if database and _OPTIONS.intersection(query):
            # https://www.sqlite.org/uri.html
            database, query["uri"] = f"file:{quote(database)}", "true"
        return sa.URL.create(f"sqlite+{endpoint.driver}", database=database, query=query)

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the same URL."""
        return self.url(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Bound how long a writer waits for another one, in seconds."""
        patience_s = min(endpoint.connect_timeout_s, endpoint.deadline_s or math.inf)
        return {"timeout": patience_s}

    def password(self, password: str) -> str | bytes:
        """Give it back; SQLite has none."""
        return password

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Switch foreign keys on and write-ahead logging where the file allows it."""
        del endpoint
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # a read-only file or one that is being written keeps its mode; the file is sound in either
            pass
        finally:
            cursor.close()

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Say no: there is no connection to encrypt."""
        del connection
        return False

    def flavour(self, connection: DBAPIConnection) -> str:
        """Name it."""
        del connection
        return "sqlite"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read the library's version."""
        del connection
        return ServerFacts(flavour="sqlite", version=sqlite3.sqlite_version_info, text=sqlite3.sqlite_version)

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Say that there is none."""
        del connection
        return None

    @property
    def existing(self) -> Mapping[str, str]:
        """Have SQLite make no file: https://www.sqlite.org/uri.html."""
        return {"mode": "rw"}

    def take_back(self, path: str) -> None:
        """Have SQLite look at the journal beside the file, which only a connection that may write can take back."""
        take_back(path)

    def standing(self, connection: DBAPIConnection) -> Standing | None:
        """Read the table that dbkit has put into a file which stands in for a server."""
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (IDENTITY_TABLE,))
            if cursor.fetchone() is None:
                return None
            cursor.execute(f"SELECT service, stands_in_for FROM {IDENTITY_TABLE}")  # noqa: S608 - a name of our own
            row = cursor.fetchone()
        finally:
            cursor.close()
        return None if row is None else Standing(service=row[0], stands_in_for=row[1])

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Begin by our own word: for migrations at once with the write lock and with foreign keys off.

        Foreign keys cannot be switched inside a transaction, and a table that is rebuilt would take its children's rows with
        it: https://www.sqlite.org/lang_altertable.html#otheralter. So they are proved before COMMIT.
        """
        if not migrating:
            # not by SQLAlchemy's `begin` event: an engine that has one prepares for every event at each statement
            engine.dialect.do_begin = _begin  # type: ignore[assignment,method-assign] # the dialect is this engine's own
            return

        def on_begin(connection: sa.Connection) -> None:
            if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
                return
            driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
            driver.isolation_level = None  # the module would begin once more, by its own word
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        def on_connect(connection: DBAPIConnection, record: object) -> None:
            del record
            connection.cursor().execute("PRAGMA foreign_keys=OFF")

        sa.event.listen(engine, "begin", on_begin)
        sa.event.listen(engine, "connect", on_connect)
        prove_foreign_keys(engine)


def _begin(connection: PoolProxiedConnection) -> None:
    """Begin, unless SQLAlchemy's AUTOCOMMIT is on, for which it sets the module's own level to None."""
    driver = cast("sqlite3.Connection", connection.dbapi_connection)
    if driver.isolation_level is not None:
        cursor = driver.cursor()
        cursor.execute("BEGIN")
        cursor.close()


CONNECTOR: Connector = SqliteConnector()
