"""How SQL Server is reached with pyodbc, and what a session is set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dbkit.backends.mssql.dialling import within_time
from dbkit.backends.mssql.odbc import USUAL_NAME, need_driver
from dbkit.backends.mssql.session import set_session
from dbkit.backends.mssql.words import braced, driver_words, named_driver, refuse_unsayable, tls_words
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection


class MssqlConnector:
    """Says everything in the ODBC connection string."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL that encrypts and verifies, with the CAs of the system: ODBC has no word for another CA."""
        refuse_unsayable(endpoint)
        return sa.URL.create(
            f"mssql+{endpoint.driver}",
            username=endpoint.user,
            password=endpoint.password,
            host=endpoint.host,
            port=endpoint.port,
            # without a name SQLAlchemy takes the host for a DSN
            database=endpoint.database or "master",
            query={**driver_words(endpoint.query, endpoint.application_name), **tls_words(endpoint.tls)},
        )

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the same URL."""
        return self.url(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Bound the log-in, in whole seconds."""
        return {"timeout": max(1, round(endpoint.connect_timeout_s))}

    def password(self, password: str) -> str | bytes:
        """Brace it: pyodbc puts it into the connection string as it is."""
        return braced(password, "the password")

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set the session and the deadline."""
        set_session(connection, endpoint)

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Ask the server; without the right to ask, trust the driver, which `Encrypt` forbids to go on in clear."""
        import pyodbc

        cursor = connection.cursor()
        try:
            cursor.execute("SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID")
            row = cursor.fetchone()
        except pyodbc.ProgrammingError:
            return True
        finally:
            cursor.close()
            connection.rollback()
        return row is None or str(row[0]).upper() == "TRUE"

    def flavour(self, connection: DBAPIConnection) -> str:
        """Name it; the driver talks to nothing else, and what imitates it says that it is it."""
        del connection
        return "mssql"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read the version."""
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT CAST(SERVERPROPERTY('ProductVersion') AS varchar(128))")
            row = cursor.fetchone()
        finally:
            cursor.close()
        text = str(row[0]) if row else ""
        return ServerFacts(
            flavour="mssql", version=tuple(int(part) for part in text.split(".") if part.isdecimal()), text=text
        )

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Say that there is none to be had: ODBC keeps it to itself."""
        del connection
        return None

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Prove that there is a driver, bound its log-in, and keep the driver manager from pooling what was closed.

        Raises:
            MissingDriverError: there is no driver.
        """
        import pyodbc

        del migrating
        # counts for the process, until its first connection: https://github.com/mkleehammer/pyodbc/wiki/The-pyodbc-Module#pooling
        pyodbc.pooling = False
        if engine.url.query.get("driver") == USUAL_NAME:
            need_driver()
        engine.dialect.connect = within_time(engine.dialect.connect)  # type: ignore[method-assign]  # SQLAlchemy has no event around it

    def library(self, endpoint: Endpoint) -> str:
        """Say which ODBC driver is loaded and where it was found.

        Raises:
            ConfigurationError: the one that was named is refused.
            MissingDriverError: there is none.
        """
        return str(named_driver(endpoint.query) or need_driver())


CONNECTOR: Connector = MssqlConnector()
