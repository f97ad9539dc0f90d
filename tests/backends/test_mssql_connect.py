"""Connecting to SQL Server as far as it goes without one: Microsoft's real driver against a stub of the protocol."""

from __future__ import annotations

import secrets
import socket
import time
import traceback
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.config.secrets import Secret
from dbkit.errors import DatabaseMissingError, MissingDriverError, UnreachableError
from dbkit.testing.authorities import Issued
from tests.backends.mssql_stub import LoginStub
from tests.backends.mssql_there import Server, ca, certificate, config, loads, trusted

__all__ = ["ca", "certificate", "trusted"]

HOSTILE = [
    *(
        "a;b",
        "a}b",
        "{a",
        "{a}",
        "a}}b",
        "=x",
        " lead",
        "trail ",
        "a{b}c;d=e'\"f",
        "%41+",
        "日本語é🎉",
        "}",
        "{;}",
        "\t",
    ),
    *("};Encrypt=no;X={", ";TrustServerCertificate=yes", "a\\b", "a\nb", "x" * 128),
]


@loads
@pytest.mark.parametrize("strict", [False, True], ids=["yes", "strict"])
def test_any_password_user_and_database_arrive_as_they_are_from_engines_and_bare_urls(
    certificate: Issued, strict: bool
) -> None:
    arrived = []
    for value in HOSTILE:
        with LoginStub(certificate=certificate) as stub:
            there = config(stub.port, user=value, database=value, password=Secret(value))
            there = replace(there, mssql_encrypt="strict" if strict else "yes")
            for engine in (there.create_engine(), sa.create_engine(there.get_connection_url())):
                with pytest.raises(sa.exc.DBAPIError):
                    engine.connect()
            stub.finish()
        arrived += [(login["user"], login["password"], login["database"]) for login in stub.logins]
    assert arrived == [(value,) * 3 for value in HOSTILE for _ in range(2)]


REFUSALS = [
    (
        18456,
        "Login failed for user 'app'.",
        UnreachableError,
        r"refuses the log-in of 'app': Login failed .* \(18456\)",
    ),
    (4060, 'Cannot open database "shop".', DatabaseMissingError, "has no database 'shop'"),
    (17809, "The maximum number of connections.", UnreachableError, r"cannot reach SQL Server .* \(17809\)"),
    (916, "The server principal may not.", UnreachableError, "'app' may not use database 'shop'"),
]


@loads
@pytest.mark.parametrize(("number", "text", "kind", "message"), REFUSALS, ids=[str(item[0]) for item in REFUSALS])
def test_a_servers_refusal_is_told_in_one_line_without_the_password(
    certificate: Issued, number: int, text: str, kind: type[Exception], message: str
) -> None:
    class Refusing(LoginStub):
        pass

    Refusing.number, Refusing.text = number, text
    with Refusing(certificate=certificate) as stub:
        there = config(stub.port)
        with pytest.raises(kind, match=message) as caught:
            connect(there)
        stub.finish()
    assert type(caught.value) is kind
    assert there.password is not None
    assert there.password.reveal() not in str(caught.value)
    assert len(stub.logins) == 1


def seconds_until_given_up(there: DatabaseConfig) -> float:
    """Connect to what does not answer, and take the time."""
    begin = time.monotonic()
    with pytest.raises(UnreachableError, match=r"cannot reach SQL Server at .*: Login timeout expired") as caught:
        connect(there)
    assert caught.value.exit_code == 3
    return time.monotonic() - begin


@loads
def test_a_refused_port_is_given_up_in_time() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    # the driver tries again until its time is up
    assert seconds_until_given_up(replace(config(port), connect_timeout_s=1.0)) < 2


@loads
@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(encrypt: Any) -> None:
    # with `strict` the driver itself waits in the handshake for ever
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = config(silent.getsockname()[1], mssql_encrypt=encrypt)
        assert seconds_until_given_up(replace(there, connect_timeout_s=1.0)) < 2


@loads
def test_a_connection_that_comes_after_it_was_given_up_is_closed(certificate: Issued) -> None:
    class Late(Server):
        def speak(self, line: Any) -> None:
            time.sleep(1.8)
            super().speak(line)

    with Late(certificate=certificate) as server:
        there = replace(config(server.port), mssql_encrypt="strict", connect_timeout_s=1.0)
        with pytest.raises(UnreachableError):
            connect(there)
        seen = server.finish()
    assert seen.ends == ("the client hung up",)
    assert server.statements == []


@loads
def test_a_lost_server_and_a_slow_statement_are_told_apart(certificate: Issued) -> None:
    class Failing(Server):
        def _reply(self, kind: int, data: bytes) -> bytes:
            if "BYE".encode("utf-16-le") in data:
                raise ConnectionError("the stub hangs up")
            if "HANG".encode("utf-16-le") in data:
                time.sleep(1.2)
            return super()._reply(kind, data)

    faults = {}
    with Failing(certificate=certificate) as server:
        engine = config(server.port, deadline_s=1.0).create_engine()
        for statement in ("HANG", "BYE"):
            with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
                connection.exec_driver_sql(statement)
            faults[statement] = get_backend("mssql").errors.fault(caught.value)
            assert caught.value.connection_invalidated
        engine.dispose()
        server.finish()
    assert faults == {"HANG": Fault.OTHER, "BYE": Fault.CONNECTION_LOST}


def told(error: BaseException) -> str:
    """Write all that an error tracker would send of an error: the chain, the frames and their variables."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@loads
@pytest.mark.parametrize("trouble", ["refused", "silent", "unloadable"])
def test_no_error_carries_the_password_out(certificate: Issued, trouble: str) -> None:
    canary = Secret(secrets.token_hex(12))  # which shows itself to nobody who prints this frame
    with LoginStub(certificate=certificate) as stub, socket.create_server(("127.0.0.1", 0)) as silent:
        there = config(stub.port, password=canary)
        if trouble == "silent":
            there = replace(there, port=silent.getsockname()[1], mssql_encrypt="strict", connect_timeout_s=1.0)
        if trouble == "unloadable":
            there = replace(there, query={"driver": "/nowhere/libmsodbcsql-18.6.so.2.1"})
        with pytest.raises((sa.exc.DBAPIError, MissingDriverError)) as caught:
            there.create_engine().connect()
        all_of_it = told(caught.value)
        assert "do_connect" in all_of_it or "_invoke_creator" in all_of_it  # the frames are there
        assert canary.reveal() not in all_of_it
        assert [login["password"] for login in stub.logins] == ([canary.reveal()] if trouble == "refused" else [])
