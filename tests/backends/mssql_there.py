"""Microsoft's driver, where it loads, and the stub that it connects to over TLS: for tests of SQL Server without one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from dbkit.backends.mssql.odbc import need_driver
from dbkit.config import DatabaseConfig
from dbkit.config.secrets import Secret
from dbkit.errors import MissingDriverError
from dbkit.testing.authorities import Authority, Issued
from tests.backends.mssql_stub import ServerStub


def why_not() -> str | None:
    """Say why Microsoft's driver does not load here; None where it does."""
    try:
        import pyodbc

        pyodbc.connect(f"DRIVER={{{need_driver().name}}};Server=127.0.0.1,1;Encrypt=nonsense", timeout=1)
    except (ImportError, MissingDriverError) as error:
        return str(error)
    except pyodbc.Error as error:
        return str(error) if "Can't open lib" in str(error) else None
    return "it connected to nothing"


REASON = why_not()
loads = pytest.mark.skipif(REASON is not None, reason=f"the driver of SQL Server does not load: {REASON}")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def certificate(ca: Authority) -> Issued:
    return ca.issue("localhost", "127.0.0.1")


@pytest.fixture(autouse=True)
def trusted(ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the CA the system's store: there is no other way to name one to this driver."""
    monkeypatch.setenv("SSL_CERT_FILE", ca.ca_file)


def config(port: int, **changes: Any) -> DatabaseConfig:
    password = Secret(secrets.token_hex(8))
    made = DatabaseConfig(
        backend="mssql", service="user", host="localhost", port=port, user="app", database="shop", password=password
    )
    return replace(made, connect_timeout_s=2.0, **changes)


class Server(ServerStub):
    answers: ClassVar[Mapping[str, str]] = {
        "encrypt_option": "TRUE",
        "ProductVersion": "16.0.4135.4",
        "schema_name()": "dbo",
        "sys.system_views": "dm_exec_sessions",
        "transaction_isolation_level": "READ COMMITTED",
        "test max support": "test max support",
        "SELECT 1": "1",
    }


@pytest.fixture
def server(certificate: Issued) -> Iterator[Server]:
    with Server(certificate=certificate) as made:
        yield made
