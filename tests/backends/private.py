"""Servers of a test's own, with TLS, that it may stop (SIGSTOP) and let go on: the shared ones belong to everybody."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
import trustme

from tests.servers import Server

PATIENCE_S = 90.0


@dataclass(kw_only=True)
class PrivateServer:
    """A server that this process started."""

    server: Server
    process: subprocess.Popen[bytes]
    stopped: list[int] = field(default_factory=list)

    def stop(self) -> None:
        """Stop all its processes where they are; connections stay open, and their kernel goes on acknowledging."""
        self.stopped = [self.process.pid, *children_of(self.process.pid)]
        for pid in self.stopped:
            _signal(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let them go on."""
        for pid in self.stopped:
            _signal(pid, signal.SIGCONT)
        self.stopped = []


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a connection's process that was about to end has ended
        os.kill(pid, number)


def children_of(parent: int) -> list[int]:
    """List a process's children; PostgreSQL has one per connection, each in a session of its own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def find_binary(name: str) -> str | None:
    """Find a server's binary, also where Debian keeps it off the PATH."""
    places = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), Path("/usr/sbin") / name]
    return shutil.which(name) or next((str(place) for place in sorted(places, reverse=True) if place.exists()), None)


BINARIES = {"postgresql": "initdb", "mariadb": "mariadbd", "tidb": "tidb-server"}


def why_not(backend: str) -> str | None:
    """Say why no server of this kind can be started here; None where one can."""
    name = BINARIES[backend]
    if not Path("/proc").is_dir():
        return "processes are stopped by what /proc says of them, and there is none"
    if find_binary(name) is None:
        return f"no {name} on the PATH: install the server's package to have its test of SIGSTOP run"
    return None


@contextmanager
def private_server(backend: str) -> Iterator[PrivateServer]:
    """Start a server, and end it by SIGKILL: what it holds is thrown away."""
    with tempfile.TemporaryDirectory(prefix="dbkit-private-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        process, server = _STARTS[backend](folder)
        made = PrivateServer(server=server, process=process)
        try:
            _await(server, process, folder)
            yield made
        finally:
            for pid in [*children_of(process.pid), process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def _await(server: Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            server.version()
        except sa.exc.DBAPIError:
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError((folder / "log").read_text()[-2000:]) from None
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _account(name: str) -> str | None:
    """Name the account that a server runs as; servers refuse to be run by root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        return "nobody"


def _hand_over(folder: Path, account: str | None) -> None:
    if account is not None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, account)


def _certificates(folder: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.crt")
    made = ca.issue_cert("localhost", "127.0.0.1")
    made.cert_chain_pems[0].write_to_path(folder / "server.crt")
    made.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.key").chmod(0o600)


def _run(*command: str, account: str | None, folder: Path) -> None:
    subprocess.run(command, user=account, cwd=folder, check=True, capture_output=True)


def _spawn(*command: str, account: str | None, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, user=account, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _server(backend: str, folder: Path, *, scheme: str, port: int, password: str, database: str) -> Server:
    url = sa.URL.create(scheme, "dbkit", password, "localhost", port, database)
    return Server(backend=backend, url=url, ca=str(folder / "ca.crt"))


def _postgresql(folder: Path) -> tuple[subprocess.Popen[bytes], Server]:
    account, port, password = _account("postgres"), _free_port(), secrets.token_hex(8)
    _certificates(folder)
    (folder / "password").write_text(password)
    _hand_over(folder, account)
    initdb = str(find_binary("initdb"))
    options = ("-U", "dbkit", "--pwfile=password", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")
    _run(initdb, "-D", "data", *options, account=account, folder=folder)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": str(folder / "server.crt"),
        "ssl_key_file": str(folder / "server.key"),
        "fsync": "off",
    }
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    postgres = str(Path(initdb).with_name("postgres"))
    process = _spawn(postgres, "-D", "data", *words, account=account, folder=folder)
    url = {"scheme": "postgresql+psycopg2", "port": port, "password": password, "database": "postgres"}
    return process, _server("postgresql", folder, **url)


def _mariadb(folder: Path) -> tuple[subprocess.Popen[bytes], Server]:
    account, port, password = _account("mysql"), _free_port(), secrets.token_hex(8)
    _certificates(folder)
    (folder / "init.sql").write_text(
        f"CREATE USER 'dbkit'@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO 'dbkit'@'%' WITH GRANT OPTION;\n"
    )
    (folder / "data").mkdir()
    _hand_over(folder, account)
    small = ("--no-defaults", f"--datadir={folder / 'data'}", "--innodb-buffer-pool-size=16M")
    install = str(find_binary("mariadb-install-db"))
    _run(install, *small, "--skip-test-db", "--auth-root-authentication-method=normal", account=account, folder=folder)
    process = _spawn(
        str(find_binary("mariadbd")),
        *small,
        "--bind-address=127.0.0.1",
        f"--port={port}",
        f"--socket={folder / 'socket'}",
        f"--init-file={folder / 'init.sql'}",
        *(f"--ssl-{word}={folder / file}" for word, file in (("cert", "server.crt"), ("key", "server.key"))),
        "--skip-name-resolve",
        account=account,
        folder=folder,
    )
    url = {"scheme": "mariadb+pymysql", "port": port, "password": password, "database": "mysql"}
    return process, _server("mariadb", folder, **url)


def _tidb(folder: Path) -> tuple[subprocess.Popen[bytes], Server]:
    port, password = _free_port(), secrets.token_hex(8)
    _certificates(folder)
    (folder / "init.sql").write_text(
        f"CREATE USER 'dbkit'@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO 'dbkit'@'%' WITH GRANT OPTION;\n"
    )
    (folder / "config.toml").write_text(f"""
host = "127.0.0.1"
port = {port}
store = "unistore"
path = "{folder}/data"
temp-dir = "{folder}/tmp"
tmp-storage-path = "{folder}/tmp"
socket = "{folder}/socket"
initialize-sql-file = "{folder}/init.sql"
[log]
level = "error"
slow-query-file = "{folder}/slow.log"
[status]
report-status = false
[security]
ssl-cert = "{folder}/server.crt"
ssl-key = "{folder}/server.key"
""")
    process = _spawn(str(find_binary("tidb-server")), "-config", "config.toml", account=None, folder=folder)
    url = {"scheme": "tidb+pymysql", "port": port, "password": password, "database": "mysql"}
    return process, _server("tidb", folder, **url)


_STARTS: dict[str, Callable[[Path], tuple[subprocess.Popen[bytes], Server]]] = {
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "tidb": _tidb,
}
