"""Throw-away accounts and doors on the test servers, for tests of connecting."""

from __future__ import annotations

import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.testing.tds import ANSWER, LOGIN7, NOT_SUPPORTED, packet, prelogin
from tests.servers import PREFIX, Server

_CREATE = {
    "mssql": "CREATE LOGIN [{user}] WITH PASSWORD = {literal}, CHECK_POLICY = OFF",
    "postgresql": 'CREATE ROLE "{user}" LOGIN PASSWORD %s',
    "other": "CREATE USER '{user}'@'%%' IDENTIFIED BY %s",
}
_ALTER = {
    "mssql": "ALTER LOGIN [{user}] WITH PASSWORD = {literal}",
    "postgresql": 'ALTER ROLE "{user}" PASSWORD %s',
    "other": "ALTER USER '{user}'@'%%' IDENTIFIED BY %s",
}
_DROP = {
    "mssql": "DROP LOGIN [{user}]",
    "postgresql": 'DROP OWNED BY "{user}"; DROP ROLE "{user}"',
    "other": "DROP USER '{user}'@'%'",
}
_GRANT = {
    "mssql": "USE [{name}]; CREATE USER [{user}] FOR LOGIN [{user}]; ALTER ROLE db_owner ADD MEMBER [{user}]",
    "postgresql": 'GRANT ALL ON DATABASE "{name}" TO "{user}"',
    "other": "GRANT ALL ON `{name}`.* TO '{user}'@'%'",
}


def configured(server: Server, name: str | None = None, **overrides: Any) -> DatabaseConfig:
    """Configure the product for a server as its users do: by variables."""
    return resolve(Settings(), "user", environ=server.environ(name or server.url.database), overrides=overrides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account on a server, whose password can be changed."""

    server: Server
    user: str

    def set_password(self, password: str) -> None:
        """Give the account another password, passed as a parameter."""
        self.run(_ALTER, password)

    def grant(self, name: str) -> None:
        """Let the account do anything in a database."""
        self.run(_GRANT, name=name)

    def run(self, statements: dict[str, str], password: str | None = None, name: str = "") -> None:
        """Run a statement on the account as the administrator."""
        # DDL of SQL Server takes no parameters
        literal = "N'" + (password or "").replace("'", "''") + "'"
        wording = statements.get(self.server.backend, statements["other"])
        text = wording.format(user=self.user, name=name, literal=literal)
        parameters = () if password is None or "{literal}" in wording else (password,)
        engine = self.server.engine(poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)
        with engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(text, *([parameters] if parameters else []))
            cursor.close()


@contextmanager
def throw_away_account(server: Server, password: str) -> Iterator[Account]:
    """Create an account and drop it."""
    account = Account(server=server, user=f"{PREFIX}_{secrets.token_hex(4)}")
    account.run(_CREATE, password)
    try:
        yield account
    finally:
        account.run(_DROP)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand bytes on until one side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Door:
    """Another address of a server: its certificate does not name it."""

    host = "127.0.0.2"

    def __init__(self, port: int) -> None:
        self._target = port
        self._socket = socket.create_server((self.host, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        """Lead a connection to the server, and close both ends when both are done."""
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for one
        self._socket.close()


class Stripped:
    """A server that offers no TLS, as a man in the middle does, and notes whether a log-in arrives in clear."""

    def __init__(self, backend: str, greeting: bytes = b"8.0.11-TiDB-v8.5.3") -> None:
        self._greeting = greeting
        self.log_in = False
        self.done = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        speak = {"postgresql": self._postgresql, "mssql": self._mssql}.get(backend, self._mysql)
        threading.Thread(target=self._serve, args=(speak,), daemon=True).start()

    def _serve(self, speak: Any) -> None:
        client, _ = self._socket.accept()
        client.settimeout(5)
        with suppress(OSError, ssl.SSLError):
            speak(client)
        client.close()
        self._socket.close()
        self.done.set()

    def _postgresql(self, client: socket.socket) -> None:
        if client.recv(8)[4:] != struct.pack("!I", 80877103):
            self.log_in = True
            return
        client.sendall(b"N")
        self.log_in = bool(client.recv(4096))

    def _mssql(self, client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(packet(ANSWER, prelogin(NOT_SUPPORTED)))
        self.log_in = client.recv(4096)[:1] == bytes([LOGIN7])

    def _mysql(self, client: socket.socket) -> None:
        body = b"\x0a" + self._greeting + b"\0" + struct.pack("<I", 1) + b"12345678\0"
        body += struct.pack("<HBHH", 0xF7FF, 0x2D, 2, 0x000F | 0x0008) + b"\x15" + b"\0" * 10
        body += b"123456789012\0mysql_native_password\0"
        client.sendall(struct.pack("<I", len(body))[:3] + b"\0" + body)
        size = int.from_bytes(client.recv(4)[:3], "little")
        self.log_in = size > 32


def one(connection: sa.Connection, statement: str) -> Any:
    """Ask for one value."""
    return connection.exec_driver_sql(statement).scalar()
