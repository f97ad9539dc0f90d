"""What a session with SQL Server is set to, as a stub of it hears it from Microsoft's driver."""

from __future__ import annotations

from typing import Any

import pytest

from dbkit.testing.authorities import Issued
from tests.backends.mssql_there import Server, ca, certificate, config, loads, server, trusted

__all__ = ["ca", "certificate", "server", "trusted"]

SESSION = [
    "SET ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL, ARITHABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON",
    "SET NUMERIC_ROUNDABORT OFF",
    "SET XACT_ABORT ON",
    "SET LANGUAGE us_english",
    "SET DATEFORMAT ymd",
]


@loads
def test_an_engine_logs_in_over_tls_and_sets_the_session_in_one_round_trip(server: Server) -> None:
    engine = config(server.port, deadline_s=1.5).create_engine()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == "1"
        driver: Any = connection.connection.dbapi_connection
        assert driver.timeout == 2  # whole seconds, and no less than was asked for
    engine.dispose()
    seen = server.finish()
    assert (seen.connections, int(seen.in_clear)) == (1, 0)
    assert [text for text in server.statements if text.startswith("SET")] == [
        "; ".join([*SESSION, "SET LOCK_TIMEOUT 1500"])
    ]
    assert server.logins[0]["app"] == "dbkit:user"


@loads
def test_without_a_deadline_statements_and_locks_have_none(server: Server) -> None:
    engine = config(server.port).create_engine()
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        assert driver.timeout == 0
    engine.dispose()
    assert [text for text in server.statements if text.startswith("SET")] == ["; ".join(SESSION)]


@loads
def test_what_a_server_refuses_of_the_session_is_left_and_said(
    certificate: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Server):
        refuses = ("SET LANGUAGE",)

    with Stubborn(certificate=certificate) as server:
        engine = config(server.port).create_engine()
        engine.connect().close()
        engine.dispose()
        server.finish()
    assert [text for text in server.statements if text.startswith("SET")] == ["; ".join(SESSION), *SESSION]
    assert caplog.messages == ["localhost refuses SET LANGUAGE us_english; the session keeps its own"]


@loads
def test_closed_connections_are_not_kept_by_the_driver_manager(server: Server) -> None:
    import pyodbc

    engine = config(server.port).create_engine()
    assert pyodbc.pooling is False
    engine.connect().close()
    engine.dispose()
    assert server.finish().ends == ("the client hung up",)
