"""How SQL Server is reached with pyodbc, and what a session is set to."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dbkit.backends.bundles import system_bundle
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts, TlsPlan
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

DRIVER: Final = "ODBC Driver 18 for SQL Server"
# https://learn.microsoft.com/sql/t-sql/statements/set-ansi-defaults-transact-sql; indexed views and filtered indexes need these
_SET: Final = (
    "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON",
    "SET XACT_ABORT ON",
    "SET DATEFORMAT ymd",
)


class MssqlConnector:
    """Says everything in the ODBC connection string."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL that encrypts and verifies, with the CAs of the system: ODBC has no word for another CA."""
        return sa.URL.create(
            f"mssql+{endpoint.driver}",
            username=endpoint.user,
            password=endpoint.password,
            host=endpoint.host,
            port=endpoint.port,
            # without a name SQLAlchemy takes the host for a DSN
            database=endpoint.database or "master",
            query={
                "driver": DRIVER,
                **endpoint.query,
                "APP": endpoint.application_name,
                **_tls_words(endpoint.tls, endpoint.host),
            },
        )

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the same URL."""
        return self.url(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Bound the log-in, in whole seconds."""
        return {"timeout": max(1, round(endpoint.connect_timeout_s))}

    def password(self, password: str) -> str | bytes:
        """Brace it: pyodbc puts it into the connection string as it is."""
        return "{" + password.replace("}", "}}") + "}"

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set the ANSI behaviour; what the server refuses is left as it is."""
        del endpoint
        import pyodbc

        cursor = connection.cursor()
        for statement in _SET:
            try:
                cursor.execute(statement)
            except pyodbc.ProgrammingError:
                continue
        cursor.close()
        connection.commit()

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
        """Name it; nothing else speaks the protocol."""
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
        """Hang nothing on the engine."""


def _tls_words(tls: TlsPlan, host: str | None) -> dict[str, str]:
    if tls.mode == "off":
        return {"Encrypt": "optional"}
    if tls.mode == "encrypt":
        return {"Encrypt": "yes", "TrustServerCertificate": "yes"}
    if tls.mode == "ca":
        raise ConfigurationError(
            "SQL Server's driver cannot check a certificate without its name",
            hint="leave DATABASE_SSL_VERIFY_IDENTITY out",
        )
    if tls.ca_file != system_bundle():
        raise ConfigurationError(
            f"SQL Server's driver takes no CA file: {tls.ca_file!r} cannot be passed in a URL, nor by create_engine()",
            hint="add the CA to the system's store, or name its file in SSL_CERT_FILE, and leave DATABASE_SSL_CA out",
        )
    return {"Encrypt": "yes", "TrustServerCertificate": "no", **_address_name(host)}


def _address_name(host: str | None) -> dict[str, str]:
    """Have an address looked for in the certificate."""
    try:
        return {"HostnameInCertificate": str(ipaddress.ip_address(host or ""))}
    except ValueError:
        return {}


CONNECTOR: Connector = MssqlConnector()
