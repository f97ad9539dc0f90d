"""How the MySQL family is reached with PyMySQL, and what a session is set to."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from dbkit.backends.mysql.session import ask_version, named_flavour, set_session
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts
from dbkit.errors import MissingDriverError

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection

# Before 1.2 PyMySQL sends the log-in in clear to a server that does not offer TLS, whatever was asked for.
OLDEST: Final = (1, 2)


@dataclass(frozen=True, kw_only=True)
class MysqlConnector:
    """Speaks to one member of the family; the others differ in scheme and collation."""

    name: str = "mysql"
    collation: str = "utf8mb4_0900_bin"
    """Compares case, accents and trailing blanks exactly."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL whose TLS options PyMySQL reads as meant: never `ssl_verify_*`, which make it drop the CA."""
        query = {"charset": "utf8mb4", **endpoint.query, **_tls_query(endpoint)}
        query["connect_timeout"] = str(_whole_seconds(endpoint))
        if endpoint.socket is not None:
            query["unix_socket"] = endpoint.socket
        return sa.URL.create(
            f"{self.name}+{endpoint.driver}",
            username=endpoint.user,
            password=endpoint.password,
            host=endpoint.host,
            port=endpoint.port if endpoint.socket is None else None,
            database=endpoint.database,
            query=query,
        )

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the same URL."""
        return self.url(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Pass an SSLContext; bound the handshake, which PyMySQL reads without a limit, until `set_up` lifts the bound."""
        _check_driver()
        bound = _whole_seconds(endpoint)
        args: dict[str, Any] = {
            "program_name": endpoint.application_name,
            "read_timeout": bound,
            "write_timeout": bound,
        }
        if endpoint.tls.mode != "off":
            args["ssl"] = endpoint.tls.context()
        return args

    def password(self, password: str) -> str | bytes:
        """Encode it as UTF-8; PyMySQL would encode text as latin-1."""
        return password.encode("utf-8")

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set UTC, strictness and collation."""
        set_session(cast("Connection[Any]", connection), endpoint, self.collation)

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Look at the socket; PyMySQL's own word is also true of a Unix socket."""
        sock = getattr(connection, "_sock", None)
        return isinstance(sock, ssl.SSLSocket) and sock.cipher() is not None

    def flavour(self, connection: DBAPIConnection) -> str:
        """Read the greeting (`8.0.11-TiDB-v8.5.3`, `10.11.19-MariaDB-log`); where it names neither, ask, for a proxy may hide it."""
        driver = cast("Connection[Any]", connection)
        return named_flavour(driver.get_server_info()) or named_flavour(ask_version(driver)) or "mysql"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read flavour and version from the greeting."""
        text = cast("Connection[Any]", connection).get_server_info()
        return ServerFacts(flavour=self.flavour(connection), version=self.version(text), text=text)

    def version(self, greeting: str) -> tuple[int, ...]:
        """Read the product's own version; MariaDB may put `5.5.5-` before it, for the sake of old clients."""
        found = re.search(r"\d+(?:\.\d+)+", greeting.removeprefix("5.5.5-"))
        return tuple(int(part) for part in found[0].split(".")) if found else ()

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Look at the socket; a connection that is closed has none."""
        sock = getattr(connection, "_sock", None)
        return None if sock is None else int(sock.fileno())

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Hang nothing on the engine."""


def _tls_query(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.tls.mode == "off":
        # without it PyMySQL 1.2 tries TLS without any check, which only looks safe
        return {"ssl_disabled": "true"}
    query = {"ssl_check_hostname": "true" if endpoint.tls.mode == "verify" else "false"}
    if endpoint.tls.ca_file is not None:
        query["ssl_ca"] = endpoint.tls.ca_file
    return query


def _whole_seconds(endpoint: Endpoint) -> int:
    return max(1, round(endpoint.connect_timeout_s))


def _check_driver() -> None:
    import pymysql

    if tuple(pymysql.VERSION[:2]) < OLDEST:
        raise MissingDriverError(
            f"PyMySQL {pymysql.VERSION_STRING} may send the log-in in clear", hint="pip install 'PyMySQL>=1.2'"
        )


CONNECTOR: Connector = MysqlConnector()
