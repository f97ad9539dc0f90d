"""Services whose databases are probed, and a door that can be frozen, for the tests of health."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.migrations import Health
from dbkit.project import Project
from tests.projects import Home
from tests.servers import Server, find_server

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, ...] = ("sync", "async")


@dataclass(kw_only=True)
class Service:
    """A service `user` with one revision, configured by the environment for a database that may be there."""

    backend: str
    home: Home
    server: Server | None = None
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        """Its project, as it is now."""
        return self.home.project()

    def migrate(self) -> None:
        """Make its database and bring it to head."""
        assert migrations.migrate(self.project, ["user"]).exit_code == 0

    def write_revision(self, revision: str) -> None:
        """Have the version table say that the database is at a revision."""
        with self.engine().begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version_user SET version_num = '{revision}'")

    def put_back(self) -> None:
        """Leave files and version table as they were after the migration."""
        for file in (self.home.root / "envs/user/versions").glob("*.py"):
            if not file.name.startswith("0001"):
                file.unlink()
        self.write_revision("0001")

    def engine(self) -> sa.Engine:
        """Give its engine."""
        return self.project.engine("user")

    def look(self, kind: Kind, deadline_s: float = 5.0) -> tuple[Health, float]:
        """Probe it once, from a loop of its own where that is asked for, and time it."""
        if kind == "sync":
            began = time.monotonic()
            return migrations.health(self.project, "user", deadline_s=deadline_s), time.monotonic() - began
        return asyncio.run(self._look(deadline_s))

    async def _look(self, deadline_s: float) -> tuple[Health, float]:
        began = time.monotonic()
        found = await migrations.async_health(self.project, "user", deadline_s=deadline_s)
        took = time.monotonic() - began
        with suppress(Exception):  # a service that is configured wrongly has no engine
            await self.project.async_engine("user").dispose()
        return found, took


@contextmanager
def service_on(backend: str, folder: Path, server: Server | None = None) -> Iterator[Service]:
    """Write a service into a folder, with the variables that configure it for a backend; what it made is dropped."""
    home = Home(folder).write("user")
    home.table("user", "0001", "people")
    found = Service(backend=backend, home=home, server=server or find_server(backend))
    if found.server is None:
        found.environ = {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": str(folder / "user.db")}
        yield found
        return
    with found.server.names("user") as template:
        found.environ = found.server.environ(template)
        yield found


@contextmanager
def configured(service: Service) -> Iterator[Service]:
    """Set the variables of a service, and close what it has opened."""
    with pytest.MonkeyPatch.context() as environ:
        for key, value in service.environ.items():
            environ.setenv(key, value)
        try:
            yield service
        finally:
            with suppress(Exception):  # a service that is configured wrongly has no engine
                service.engine().dispose()


class Freezer:
    """A way to a server on which nothing moves any more once it is frozen: neither bytes nor new connections."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._thawed = threading.Event()
        self._thawed.set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def freeze(self) -> None:
        """Hand nothing on."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Go on."""
        self._thawed.set()

    def close(self) -> None:
        """Go on, and take no more connections."""
        self.thaw()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._thawed.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        source.close()


def probe_threads() -> int:
    """Count the threads of probes that are going on."""
    return sum(thread.name.startswith("dbkit-health") for thread in threading.enumerate())


def sockets() -> int:
    """Count the sockets that this process has open."""
    found = 0
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(path.readlink()).startswith("socket:")
    return found
