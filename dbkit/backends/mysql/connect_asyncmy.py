"""How the MySQL family is reached with asyncmy, for asynchronous engines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dbkit.backends.mysql.connect import MysqlConnector, tls_options
from dbkit.backends.mysql.session import socket_bound
from dbkit.backends.protocol import Connector, Endpoint

if TYPE_CHECKING:
    import asyncio

    import sqlalchemy as sa
    from sqlalchemy.engine.interfaces import DBAPIConnection


@dataclass(frozen=True, kw_only=True)
class AsyncmyConnector(MysqlConnector):
    """Differs from PyMySQL in how a connection is opened, bounded and looked into.

    What it is given is SQLAlchemy's adapter, which has the driver's connection as `driver_connection`.
    """

    def tls_query(self, endpoint: Endpoint) -> dict[str, str]:
        """Word the TLS options of a URL; without any, asyncmy speaks in clear."""
        return {} if endpoint.tls.mode == "off" else tls_options(endpoint)

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Pass an SSLContext; bound opening as a whole, for asyncmy bounds neither the handshake of TLS nor the log-in."""
        from dbkit.backends.mysql.asyncmy_connection import open_connection

        args: dict[str, Any] = {
            "program_name": endpoint.application_name,
            "read_timeout": endpoint.connect_timeout_s,
            "async_creator_fn": partial(open_connection, endpoint.connect_timeout_s),
        }
        if endpoint.tls.mode != "off":
            args["ssl"] = endpoint.tls.context()
        return args

    def forget_password(self, connection: DBAPIConnection) -> None:
        """Take the password off the connection, where asyncmy keeps it for a reconnect that is never made."""
        connection.driver_connection._password = b""  # noqa: SLF001 - there is no other way

    def bound(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Replace the bound of the handshake by that of statements; asyncmy bounds reading only."""
        connection.driver_connection._read_timeout = socket_bound(endpoint, "read_timeout")  # noqa: SLF001 - likewise

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Look at the transport; asyncmy's own word is also true of a Unix socket."""
        transport = _transport(connection)
        found = None if transport is None else transport.get_extra_info("ssl_object")
        return found is not None and found.cipher() is not None

    def greeting(self, connection: DBAPIConnection) -> str:
        """Give the version in the server's greeting."""
        return str(connection.driver_connection.get_server_info())

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Look at the transport; a connection that is closed has none."""
        transport = _transport(connection)
        sock = None if transport is None else transport.get_extra_info("socket")
        return None if sock is None else int(sock.fileno())

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Say how a connection is pinged: SQLAlchemy 2.0.40 learns it from PyMySQL, and its own adapter then lacks an argument.

        Autocommit stays the driver's to switch off: it does not take in that a statement of ours did.
        """
        del migrating
        engine.dialect.do_ping = _ping  # type: ignore[method-assign] # of this engine's dialect alone


def _transport(connection: DBAPIConnection) -> asyncio.Transport | None:
    found: asyncio.Transport | None = connection.driver_connection._transport  # noqa: SLF001 - asyncmy has no name for it
    return found


def _ping(dbapi_connection: DBAPIConnection) -> bool:
    dbapi_connection.ping(False)  # noqa: FBT003 - the name differs between the versions
    return True


CONNECTOR: Connector = AsyncmyConnector()
