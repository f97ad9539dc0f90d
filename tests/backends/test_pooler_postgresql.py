"""What PgBouncer makes of dbkit's engines and of the migration lock, where a `pgbouncer` is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from dbkit.backends.postgresql.locks import LOCKER
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.connect import connect
from dbkit.errors import ConfigurationError
from dbkit.testing.authorities import Authority, Issued
from tests.backends.asking import Kind, asking
from tests.servers import Server, find_server, how_to_start

PATIENCE_S = 10.0
BINARY = shutil.which("pgbouncer")
pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(BINARY is None, reason="no pgbouncer is on PATH (apt-get install pgbouncer)"),
]
Mode = Literal["session", "transaction"]
LOCKS = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
)
CONFIG = """[databases]
* = host=localhost port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = {mode}
client_tls_sslmode = require
client_tls_cert_file = {issued.cert_file}
client_tls_key_file = {issued.key_file}
server_tls_sslmode = verify-full
server_tls_ca_file = {folder}/server.pem
"""


@dataclass(frozen=True, kw_only=True)
class Pooler:
    """A PgBouncer of each mode in front of a database."""

    server: Server
    name: str
    ports: dict[Mode, int]
    ca_file: str

    def config(self, mode: Mode | None, driver: str = "psycopg2", **said: str) -> DatabaseConfig:
        """Configure the product for a mode, or to go past the poolers."""
        asked = {f"DATABASE_{key.upper()}": value for key, value in said.items()}
        place = {} if mode is None else {"DATABASE_PORT": str(self.ports[mode]), "DATABASE_SSL_CA": self.ca_file}
        environ = self.server.environ(self.name) | {"DATABASE_DRIVER": driver} | place | asked
        return resolve(Settings(), "user", environ=environ | {"DATABASE_HOST": "localhost"})


@pytest.fixture(scope="module")
def pooler() -> Iterator[Pooler]:
    """Start both; skips where there is no server."""
    server = find_server("postgresql")
    if server is None or server.ca is None:
        pytest.skip(how_to_start("postgresql"))
    with server.database() as name, tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        folder = Path(path)
        authority = Authority.make(folder / "tls")
        ports: dict[Mode, int] = {"session": free_port(), "transaction": free_port()}
        write(folder, server, ports, authority.issue("localhost"))
        for mode, port in ports.items():
            stack.enter_context(running(folder / f"{mode}.ini", port))
        Path(authority.ca_file).chmod(0o644)
        yield Pooler(server=server, name=name, ports=ports, ca_file=authority.ca_file)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def write(folder: Path, server: Server, ports: dict[Mode, int], issued: Issued) -> None:
    shutil.copy(str(server.ca), folder / "server.pem")
    (folder / "users.txt").write_text(f'"{server.url.username}" "{server.url.password}"\n')
    for mode, port in ports.items():
        text = CONFIG.format(port=server.url.port, listen=port, folder=folder, mode=mode, issued=issued)
        (folder / f"{mode}.ini").write_text(text)
    if os.geteuid() == 0:  # it refuses to run as root
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody")


@contextmanager
def running(config: Path, port: int) -> Iterator[None]:
    other: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen([str(BINARY), "-q", str(config)], stderr=subprocess.DEVNULL, **other)
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


by_driver = pytest.mark.parametrize(
    ("driver", "kind"), [("psycopg2", "sync"), ("psycopg", "sync"), ("psycopg", "async"), ("asyncpg", "async")]
)


@by_driver
def test_clients_that_take_turns_with_sessions_get_their_own_rows_in_utc(
    pooler: Pooler, driver: str, kind: Kind
) -> None:
    config = pooler.config("transaction", driver)
    if driver == "asyncpg":  # as the docs advise; psycopg needs nothing said
        config = replace(config, query={"statement_cache_size": "0", "prepared_statement_cache_size": "0"})
    sessions: dict[int, set[int]] = {0: set(), 1: set()}

    def turn(connection: sa.Connection, number: int) -> None:
        for extra in (0, 1):
            statement = sa.text(f"SELECT CAST(:x AS int) + {extra}, current_setting('TimeZone'), pg_backend_pid()")
            value, zone, session = connection.execute(statement, {"x": number}).one()
            assert (value, zone) == (number + extra, "UTC")
        sessions[number % 2].add(session)

    with asking(config, kind, pool_size=2) as pool:
        held = [pool.hold(), pool.hold()]
        for number in range(24):
            # both in a transaction at once, the other one first every third time
            first = held if number % 3 else held[::-1]
            for one in first:
                one.run(partial(turn, number=number))
            for one in first:
                one.run(lambda connection: connection.commit())
        for one in held:
            one.close()
    assert len(sessions[0] | sessions[1]) == 2


@pytest.mark.parametrize(("mode", "threshold"), [(None, 5), ("session", None), ("transaction", None)])
def test_psycopg_prepares_nothing_behind_a_pooler_unless_it_is_told_to(
    pooler: Pooler, mode: Mode | None, threshold: int | None
) -> None:
    for said, expected in ((None, threshold), ("7", 7)):
        config = pooler.config(mode, "psycopg")
        config = config if said is None else replace(config, query={"prepare_threshold": said})
        with connect(config) as connection:
            driver: Any = connection.connection.dbapi_connection
            assert driver.prepare_threshold == expected


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_no_migration_lock_is_taken_through_a_pooler_in_transaction_mode(pooler: Pooler, driver: str) -> None:
    with connect(pooler.config("transaction", driver), migrating=True) as connection:
        refused = pytest.raises(ConfigurationError, match="the server's sessions change between transactions")
        with refused, LOCKER.lock(connection, patience_s=1, on_wait=lambda: None):
            pytest.fail("the lock was given")
    with connect(pooler.config(None)) as direct:
        assert direct.exec_driver_sql(LOCKS).scalar() == 0


def test_the_migration_lock_holds_through_a_pooler_in_session_mode(pooler: Pooler) -> None:
    with connect(pooler.config("session"), migrating=True) as connection, connect(pooler.config(None)) as direct:
        with LOCKER.lock(connection, patience_s=1, on_wait=lambda: None):
            assert direct.exec_driver_sql(LOCKS).scalar() == 1
        assert direct.exec_driver_sql(LOCKS).scalar() == 0


@by_driver
@pytest.mark.parametrize("said", [{"schema": "public"}, {"deadline": "3"}], ids=["schema", "deadline"])
def test_settings_of_the_start_are_refused(pooler: Pooler, driver: str, kind: Kind, said: dict[str, str]) -> None:
    with (
        asking(pooler.config("session", driver, **said), kind) as pool,
        pytest.raises(sa.exc.OperationalError, match="unsupported startup parameter"),
    ):
        pool.ask("SELECT 1")
