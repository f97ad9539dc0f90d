"""`dbkit migrate` and `dbkit failover status` before real servers that can be reached, cannot, or say no."""

from __future__ import annotations

import secrets
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit.checks.failover import failover_status
from dbkit.migrations import Result, migrate
from dbkit.project import Project
from tests.backends.relay import relayed
from tests.projects import Home
from tests.servers import Server


@pytest.fixture
def port() -> Iterator[str]:
    """Give a port that refuses for as long as the test runs: it is bound, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield str(bound.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Give a project of two services on a server, which may fall back; their databases are not there yet."""
    made = Home(tmp_path).write("user", "project")
    made.table("user", "0001", "people")
    made.table("project", "0001", "projects")
    with server.names("user", "project") as template:
        for key, value in {**server.environ(template), "DATABASE_FALLBACK": "dev"}.items():
            monkeypatch.setenv(key, value)
        yield made


def run(home: Home, *services: str) -> Result:
    return migrate(Project.find(home.root), services)


def people(home: Home) -> int:
    connection = sqlite3.connect(home.root / ".dbkit/user.fallback.db")
    try:
        return int(connection.execute("SELECT count(*) FROM people").fetchone()[0])
    finally:
        connection.close()


def test_away_it_is_the_file_and_back_it_is_the_server(
    home: Home, server: Server, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_PORT", port)
        away = run(home, "user")["user"]
        assert failover_status(Project.find(home.root), ["user"]).exit_code == 8
    assert (away.exit_code, away.backend, away.revision) == (8, "sqlite", "0001")
    assert "cannot be reached: Connection refused (3 attempts in 0." in str(away.fallback_reason)
    with sqlite3.connect(home.root / ".dbkit/user.fallback.db") as connection:
        connection.execute("INSERT INTO people (n) VALUES (1)")
    connection.close()
    back = run(home, "user")["user"]
    assert (back.exit_code, back.backend, back.created, back.fallback) == (0, server.backend, True, False)
    assert people(home) == 1
    (found,) = failover_status(Project.find(home.root), ["user"]).services
    assert (found.exit_code, found.primary, found.file_state) == (0, "answers", "at head")


@pytest.mark.parametrize(
    "wrong",
    [{"DATABASE_PASSWORD": secrets.token_hex(8)}, {"DATABASE_TLS": "verify", "DATABASE_SSL_CA": "system"}],
    ids=["password", "certificate"],
)
def test_a_server_that_says_no_is_no_reason(home: Home, wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    found = run(home, "user")["user"]
    assert (found.exit_code, found.fallback) == (3, False)
    assert not (home.root / ".dbkit").exists()
    (standing,) = failover_status(Project.find(home.root), ["user"]).services
    assert (standing.exit_code, standing.primary, standing.file_state) == (3, "refuses", "missing")
    assert standing.error == found.error


def test_a_database_that_is_missing_is_made_on_the_server(home: Home) -> None:
    (before,) = failover_status(Project.find(home.root), ["user"]).services
    assert (before.exit_code, before.primary) == (3, "refuses")
    found = run(home, "user")["user"]
    assert (found.exit_code, found.created, found.fallback) == (0, True, False)
    assert not (home.root / ".dbkit").exists()


def test_a_server_that_is_silent_is_given_up_within_the_budget(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_FALLBACK_BUDGET", "1")
    with relayed(server.url.port) as relay:
        relay.fall_silent()
        monkeypatch.setenv("DATABASE_PORT", str(relay.port))
        began = time.monotonic()
        result = failover_status(Project.find(home.root))
        assert time.monotonic() - began < 2.5
        assert [(one.exit_code, one.primary, one.file_state) for one in result.services] == [(3, "away", "missing")] * 2
        found = run(home)
    assert [(one.exit_code, one.fallback) for one in found.services] == [(8, True)] * 2


def test_one_service_is_on_the_file_and_the_other_on_the_server(
    home: Home, server: Server, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_DATABASE_PORT", port)
    result = run(home)
    assert result.exit_code == 8
    assert (result["project"].backend, result["project"].exit_code) == (server.backend, 0)
    assert (result["user"].backend, result["user"].exit_code) == ("sqlite", 8)
