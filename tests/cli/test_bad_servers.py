"""Servers that refuse: the wrong password, certificate, kind and right, each told in one line with its exit code."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.backends.accounts import Door, throw_away_account
from tests.cli.runs import Shell
from tests.cli.test_bad_input import refused
from tests.projects import Home
from tests.servers import Server


@pytest.fixture
def on_server(home: Home, server: Server) -> Iterator[Shell]:
    """Give a shell whose services live on a real server."""
    with server.names("user", "project") as template:
        yield Shell(folder=home.root, environ=server.environ(template))


def test_a_certificate_for_another_host(on_server: Shell, server: Server) -> None:
    door = Door(server.url.port or 0)
    done = on_server.run("migrate", "user", DATABASE_HOST=door.host, DATABASE_PORT=str(door.port))
    door.close()
    refused(done, 3, "TLS", f"{door.host}:{door.port}")


def test_a_ca_that_has_not_signed_the_certificate(on_server: Shell, server: Server) -> None:
    done = on_server.run("migrate", "user", DATABASE_SSL_CA="system")
    refused(done, 3, "TLS", f"{server.url.host}:{server.url.port}")


def test_a_closed_port(on_server: Shell) -> None:
    refused(on_server.run("migrate", "user", DATABASE_PORT="1"), 3, ":1")


def test_a_server_of_another_kind(on_server: Shell, server: Server) -> None:
    if server.backend == "postgresql":
        pytest.skip("no other product speaks its protocol on this machine")
    other = "mysql" if server.backend != "mysql" else "tidb"
    done = on_server.run("migrate", "user", DATABASE_TYPE=other)
    refused(done, 2, repr(other), repr(server.backend))


def test_a_server_of_another_family(on_server: Shell, server: Server) -> None:
    other = "mysql" if server.backend == "postgresql" else "postgresql"
    done = on_server.run("migrate", "user", DATABASE_TYPE=other, DATABASE_CONNECT_TIMEOUT="2")
    refused(done, 3, f"{server.url.host}:{server.url.port}")
    assert "hint: check DATABASE_HOST, DATABASE_PORT and DATABASE_TYPE, and that it runs" in done.err


def test_an_account_that_may_not_create_a_database(on_server: Shell, server: Server) -> None:
    password = secrets.token_urlsafe(12)
    with throw_away_account(server, password) as account:
        done = on_server.run("migrate", "user", DATABASE_USER=account.user, DATABASE_PASSWORD=password)
    if server.backend == "postgresql":
        refused(done, 1, account.user, "may not create")
    else:
        # The MySQL family tells an account without rights on a database only that it may not use it.
        refused(done, 3, account.user, "may not use database")
    assert "CREATE DATABASE" in done.err
    assert password not in done.out + done.err
