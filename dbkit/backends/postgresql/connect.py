"""How PostgreSQL is reached with psycopg2, and what a session is set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from dbkit.backends.protocol import Connector, Endpoint, ServerFacts

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class
    from sqlalchemy.engine.interfaces import DBAPIConnection

# libpq's names for the modes: https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
_SSLMODES: Final = {"verify": "verify-full", "ca": "verify-ca", "encrypt": "require", "off": "disable"}


class PostgresqlConnector:
    """Says everything in the URL: libpq reads all of it from there."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL with `verify-full` and a concrete root; libpq's own default verifies nothing."""
        query = {
            **endpoint.query,
            "connect_timeout": str(max(2, round(endpoint.connect_timeout_s))),  # libpq knows no less than two seconds
            "application_name": endpoint.query.get("application_name", endpoint.application_name),
            "sslmode": _SSLMODES[endpoint.tls.mode],
            # an environment with Kerberos would otherwise be asked first, and decide on encryption
            "gssencmode": "disable",
        }
        if endpoint.tls.ca_file is not None:
            query["sslrootcert"] = endpoint.tls.ca_file
        if endpoint.socket is not None:
            query["host"] = endpoint.socket
        return sa.URL.create(
            f"postgresql+{endpoint.driver}",
            username=endpoint.user,
            password=endpoint.password,
            host=endpoint.host,
            port=endpoint.port,
            database=endpoint.database,
            query=query,
        )

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Add the character set; the rest stands in the URL."""
        del endpoint
        return {"client_encoding": "utf8"}

    def password(self, password: str) -> str | bytes:
        """Give it as text; libpq sends UTF-8."""
        return password

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set UTC, outside of a transaction, or a rollback would take it back."""
        del endpoint
        driver = cast("Connection", connection)
        driver.autocommit = True
        try:
            with driver.cursor() as cursor:
                cursor.execute("SET TimeZone = 'UTC'")
        finally:
            driver.autocommit = False

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Ask libpq."""
        return bool(cast("Connection", connection).info.ssl_in_use)

    def flavour(self, connection: DBAPIConnection) -> str:
        """Tell CockroachDB, which speaks the protocol and says so in a parameter, from PostgreSQL."""
        found = cast("Connection", connection).info.parameter_status("crdb_version")
        return "cockroachdb" if found else "postgresql"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read the version that the server announced: 150020 is 15.20."""
        driver = cast("Connection", connection)
        text = driver.info.parameter_status("server_version") or ""
        major, minor = divmod(driver.server_version, 10000)
        return ServerFacts(flavour=self.flavour(connection), version=(major, minor), text=text)

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Ask libpq; a connection that is closed has none."""
        driver = cast("Connection", connection)
        return None if driver.closed else int(driver.fileno())

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Hang nothing on the engine."""


CONNECTOR: Connector = PostgresqlConnector()
