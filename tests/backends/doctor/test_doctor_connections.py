"""How the doctor reaches a server: each way in which it cannot is told in time, and looking leaves everything as it was."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.checks.doctor import doctor
from dbkit.errors import ExitCode
from tests.backends.doctor.examined import FAMILY, OK, OTHER_PASSWORD, PROBLEM, Look, of, on_servers, only
from tests.backends.relay import Relay, relayed
from tests.projects import Home
from tests.servers import Server, throw_away_name


@on_servers
def test_a_healthy_server_has_no_problem(server: Server, name: str, look: Look) -> None:
    found = look()
    assert [one for one in found.findings if one.verdict is PROBLEM] == []
    assert (found.exit_code, found.error) == (ExitCode.OK, None)
    assert (found.database, found.user) == (name, server.url.username)
    assert str(found.version) in server.version()
    everywhere = {"server.version", "server.writable", "server.clock", "database.collation", "session.isolation"}
    everywhere |= {"limits.server", "connection.latency", "rights.service", "rights.migration", "settings.unknown"}
    assert everywhere - {one.check for one in found.findings} == set()


@on_servers
def test_a_wrong_password_is_3_and_not_shown(look: Look) -> None:
    found = look(DATABASE_PASSWORD=OTHER_PASSWORD)
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "connection.reachable").verdict is PROBLEM
    assert "refuses the log-in of" in str(found.error)
    assert OTHER_PASSWORD not in json.dumps(found.to_json())


@on_servers
def test_a_closed_port_is_3(look: Look) -> None:
    found = look(DATABASE_PORT="1", DATABASE_CONNECT_TIMEOUT="2")
    assert (found.exit_code, found.version) == (ExitCode.UNREACHABLE, None)
    assert "cannot reach" in of(found, "connection.reachable").message


@on_servers
def test_a_missing_database_is_3_and_is_not_made(server: Server, look: Look) -> None:
    absent = throw_away_name()
    found = look(DATABASE_NAME=absent)
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "database.exists").hint == "dbkit create makes it"
    assert not server.has_database(absent)


@only("mariadb", "tidb")
def test_another_product_than_configured_is_2(server: Server, look: Look) -> None:
    found = look(DATABASE_TYPE="mysql")
    assert found.exit_code is ExitCode.USAGE
    assert of(found, "server.type").hint == f"set DATABASE_TYPE={server.backend}"


@on_servers
def test_settings_that_are_refused_are_2(server: Server, look: Look) -> None:
    found = look(DATABASE_PORT="99999")
    assert (found.exit_code, found.backend, found.refused) == (ExitCode.USAGE, server.backend, True)
    assert "expected a port" in of(found, "settings.usable").message


class Choking(Relay):
    """A relay that falls silent once the server has said so much."""

    said_bytes = 0
    enough_bytes = 9000

    def _pump(self, source: Any, target: Any) -> None:
        class Counting:
            def sendall(_, data: bytes) -> None:  # noqa: N805 - `self` is the relay
                self.said_bytes += len(data)
                if self.said_bytes > self.enough_bytes:
                    self.fall_silent()
                self._talks.wait()
                target.sendall(data)

            def shutdown(_, how: int) -> None:  # noqa: N805
                target.shutdown(how)

        super()._pump(source, Counting())  # type: ignore[arg-type]  # what a pump needs of a socket


@only("postgresql", *FAMILY)
def test_a_server_that_falls_silent_half_way_is_3_in_time(server: Server, look: Look) -> None:
    relay = Choking(server.url.port or 0)
    began = time.monotonic()
    try:
        found = look(DATABASE_PORT=str(relay.port), deadline_s=1.0)
        took_s = time.monotonic() - began
    finally:
        relay.close()
    assert found.exit_code is ExitCode.UNREACHABLE
    assert "did not answer all questions within 1 s" in str(found.error)
    assert took_s < 3
    # what was found until then is told
    assert of(found, "settings.unknown").verdict is OK


@only("postgresql", *FAMILY)
def test_a_service_that_cannot_be_reached_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, name: str
) -> None:
    for key, value in server.environ(name).items():
        monkeypatch.setenv(key, value)
    project = Home(tmp_path).write("user", "project").project()
    with relayed(server.url.port) as relay:
        relay.fall_silent()
        monkeypatch.setenv("PROJECT_DATABASE_PORT", str(relay.port))
        monkeypatch.setenv("PROJECT_DATABASE_CONNECT_TIMEOUT", "1")
        began = time.monotonic()
        silent, well = doctor(project).services
        took_s = time.monotonic() - began
    assert (silent.exit_code, well.exit_code) == (ExitCode.UNREACHABLE, ExitCode.OK)
    assert took_s < 5


@on_servers
def test_looking_writes_nothing(server: Server, name: str, look: Look) -> None:
    def tables() -> list[str]:
        with server.engine(name, poolclass=NullPool).connect() as connection:
            inspector = sa.inspect(connection)
            return sorted([*inspector.get_table_names(), *inspector.get_view_names()])

    before = tables()
    look()
    assert tables() == before == ["things"]
