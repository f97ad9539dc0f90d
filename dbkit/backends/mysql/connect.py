"""How the MySQL family is reached with PyMySQL, and what a session is set to."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from dbkit.backends.mysql.drivers import check_pymysql
from dbkit.backends.mysql.session import (
    ask_version,
    leave_autocommit,
    named_flavour,
    session_settings,
    set_session,
    socket_bound,
)
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection


@dataclass(frozen=True, kw_only=True)
class MysqlConnector:
    """Speaks to one member of the family; the others differ in scheme, collation and the name of the deadline."""

    name: str = "mysql"
    collation: str = "utf8mb4_0900_bin"
    """Compares case, accents and trailing blanks exactly."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL whose TLS options the driver reads as meant: never `ssl_verify_*`, which make PyMySQL drop the CA."""
        query = {"charset": "utf8mb4", **endpoint.query, **self.tls_query(endpoint)}
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
        """Build the same URL: what it says of TLS is overridden by the SSLContext beside it."""
        return self.url(endpoint)

    def tls_query(self, endpoint: Endpoint) -> dict[str, str]:
        """Word the TLS options of a URL."""
        if endpoint.tls.mode == "off":
            # without it PyMySQL 1.2 tries TLS without any check, which only looks safe
            return {"ssl_disabled": "true"}
        return tls_options(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Pass an SSLContext; bound the handshake, which PyMySQL reads without a limit, until `set_up` lifts the bound."""
        check_pymysql()
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
        """Encode it as UTF-8; the drivers would encode text as latin-1."""
        return password.encode("utf-8")

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set collation, UTC, strictness and the deadline, still within the bounds of the handshake; then lift these."""
        self.forget_password(connection)
        set_session(connection, endpoint, session_settings(endpoint, self.collation, self.deadline(endpoint)))
        self.bound(connection, endpoint)

    def forget_password(self, connection: DBAPIConnection) -> None:
        """Take the password off the connection, where PyMySQL keeps it for a reconnect that is never made."""
        cast("Connection[Any]", connection).password = b""

    def bound(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Replace the bounds of the handshake by those of statements."""
        for name in ("read_timeout", "write_timeout"):
            setattr(connection, f"_{name}", socket_bound(endpoint, name))

    def deadline(self, endpoint: Endpoint) -> str:
        """Word the server's limit of a statement; on MySQL and TiDB it counts for SELECT only."""
        return f"max_execution_time = {max(1, round(1000 * (endpoint.deadline_s or 0)))}"

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Look at the socket; PyMySQL's own word is also true of a Unix socket."""
        sock = getattr(connection, "_sock", None)
        return isinstance(sock, ssl.SSLSocket) and sock.cipher() is not None

    def greeting(self, connection: DBAPIConnection) -> str:
        """Give the version in the server's greeting: `8.0.11-TiDB-v8.5.3`, `10.11.19-MariaDB-log`."""
        return str(cast("Connection[Any]", connection).get_server_info())

    def flavour(self, connection: DBAPIConnection) -> str:
        """Read the greeting; where it names neither TiDB nor MariaDB, ask, for a proxy may hide it."""
        return named_flavour(self.greeting(connection)) or named_flavour(ask_version(connection)) or "mysql"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read flavour and version from the greeting."""
        text = self.greeting(connection)
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
        """Have autocommit switched off along with the rest of the session; the driver would take a round trip for it."""
        del migrating
        sa.event.listen(engine, "do_connect", leave_autocommit)


def tls_options(endpoint: Endpoint) -> dict[str, str]:
    """Word the options that SQLAlchemy gathers into the driver's `ssl`; the name is always said, so that it is never empty."""
    tls = endpoint.tls
    query = {"ssl_check_hostname": "true" if tls.mode == "verify" else "false"}
    files = {"ssl_ca": tls.ca_file, "ssl_cert": tls.cert_file, "ssl_key": tls.key_file}
    return query | {name: path for name, path in files.items() if path is not None}


def _whole_seconds(endpoint: Endpoint) -> int:
    return max(1, round(endpoint.connect_timeout_s))


CONNECTOR: Connector = MysqlConnector()
