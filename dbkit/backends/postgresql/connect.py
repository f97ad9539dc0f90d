"""How PostgreSQL is reached with the drivers that are built on libpq, psycopg2 first, and what a session is set to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from dbkit.backends.postgresql.session import ZONE, handshake_s, milliseconds, start_settings
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class
    from sqlalchemy.engine.interfaces import DBAPIConnection

# libpq's names for the modes: https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
_SSLMODES: Final = {"verify": "verify-full", "ca": "verify-ca", "encrypt": "require", "off": "disable"}
# How often a silent server is asked whether it is there before it counts as gone.
_PROBES: Final = 3


class LibpqConnector:
    """Says everything in the URL: libpq reads all of it from there."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL with `verify-full` and a concrete root; libpq's own default verifies nothing."""
        query = {
            **endpoint.query,
            # libpq knows no less than two seconds
            "connect_timeout": str(max(2, round(handshake_s(endpoint)))),
            "application_name": endpoint.query.get("application_name", endpoint.application_name),
            # an environment with Kerberos would otherwise be asked first, and decide on encryption
            "gssencmode": "disable",
            **_tls_words(endpoint),
            **_patience(endpoint.deadline_s),
            **_options(endpoint),
        }
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

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the same URL."""
        return self.url(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Add the character set; the rest stands in the URL."""
        del endpoint
        return {"client_encoding": "utf8"}

    def password(self, password: str) -> str | bytes:
        """Give it as text; libpq sends UTF-8."""
        return password

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set UTC where the server says that it is not, outside of a transaction, or a rollback would take it back."""
        del endpoint
        driver = cast("Connection", connection)
        if driver.info.parameter_status("TimeZone") == ZONE:
            return
        ask(driver, f"SET TimeZone = '{ZONE}'")

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Ask libpq."""
        return bool(cast("Connection", connection).info.ssl_in_use)

    def flavour(self, connection: DBAPIConnection) -> str:
        """Tell CockroachDB, which speaks the protocol and says so in a parameter, from PostgreSQL."""
        found = cast("Connection", connection).info.parameter_status("crdb_version")
        return "cockroachdb" if found else "postgresql"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read the version that the server announced: 150020 is 15.20."""
        info = cast("Connection", connection).info
        text = info.parameter_status("server_version") or ""
        major, minor = divmod(info.server_version, 10000)
        return ServerFacts(flavour=self.flavour(connection), version=(major, minor), text=text)

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Ask libpq; a connection that is closed has none."""
        driver = cast("Connection", connection)
        return None if driver.closed else int(driver.fileno())

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Hang nothing on the engine."""


def ask(driver: Connection, statement: str) -> Any:  # noqa: ANN401 - a row
    """Say something outside of a transaction; give the row that a question is answered with."""
    before = driver.autocommit
    driver.autocommit = True
    try:
        cursor = driver.cursor()
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        cursor.close()
    finally:
        driver.autocommit = before
    return row


def _tls_words(endpoint: Endpoint) -> dict[str, str]:
    tls = endpoint.tls
    files = {"sslrootcert": tls.ca_file, "sslcert": tls.cert_file, "sslkey": tls.key_file or tls.cert_file}
    return {"sslmode": _SSLMODES[tls.mode], **{name: file for name, file in files.items() if file is not None}}


def _patience(deadline_s: float | None) -> dict[str, str]:
    """Have the system give a server up that answers no more, which no setting of the server's can: libpq itself waits for ever."""
    if deadline_s is None:
        return {}
    return {
        "tcp_user_timeout": str(milliseconds(deadline_s)),
        "keepalives_idle": str(math.ceil(deadline_s)),
        "keepalives_interval": str(math.ceil(deadline_s / _PROBES)),
        "keepalives_count": str(_PROBES),
    }


def _options(endpoint: Endpoint) -> dict[str, str]:
    """Word the settings of the start for libpq, behind what DATABASE_URL asked for; a later one counts."""
    given = endpoint.query.get("options")
    words = [
        f"-c {name}={value.replace(chr(92), chr(92) * 2).replace(' ', chr(92) + ' ')}"
        for name, value in start_settings(endpoint).items()
    ]
    return {"options": " ".join([*([given] if given else []), *words])} if words else {}


CONNECTOR: Connector = LibpqConnector()
