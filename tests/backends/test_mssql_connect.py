"""Connecting to SQL Server as far as it goes without one: Microsoft's real driver against a stub of the protocol."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
import trustme

from dbkit.backends import get_backend
from dbkit.backends.mssql.odbc import bundled, need_driver
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.config.secrets import Secret
from dbkit.errors import DatabaseMissingError, MissingDriverError, TlsRefusedError, UnreachableError
from dbkit.testing.authorities import Authority, Issued
from dbkit.testing.proof import arena, candidates
from dbkit.testing.verdicts import Outcome, Proof, Store, Way
from tests.backends.accounts import Stripped
from tests.backends.mssql_stub import LoginStub, ServerStub


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
def _trusted(ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_server_that_says_that_it_does_not_encrypt_is_left(certificate: Issued) -> None:
    class Liar(Server):
        answers: ClassVar[Mapping[str, str]] = {**Server.answers, "encrypt_option": "FALSE"}

    with Liar(certificate=certificate) as server:
        with pytest.raises(TlsRefusedError, match="is not encrypted"):
            config(server.port).create_engine().connect()
        server.finish()


@loads
def test_an_account_that_may_not_ask_whether_it_is_encrypted_trusts_the_driver(certificate: Issued) -> None:
    class Closed(Server):
        refuses = ("encrypt_option",)

    with Closed(certificate=certificate) as server:
        engine = config(server.port).create_engine()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == "1"
        engine.dispose()
        server.finish()


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
def test_every_attack_on_the_tls_of_engine_and_url_is_refused() -> None:
    with arena() as found:
        for encrypt in ("yes", "strict"):
            there = replace(config(1433), mssql_encrypt=encrypt)
            proof = Proof(service="user", trials=found.attack_all(candidates(there), [Store.SYSTEM]))
            assert list(proof.findings()) == []
            assert {trial.way for trial in proof.trials} == set(Way)
            assert {trial.outcome for trial in proof.trials} == {Outcome.ARRIVED, Outcome.REFUSED, Outcome.GIVEN}
            declined = found.attack_all(candidates(there), [Store.FILE])
            assert {trial.outcome for trial in declined} == {Outcome.DECLINED}
            assert {trial.seen.connections for trial in declined} == {0}


@loads
@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_an_address_is_looked_for_among_the_names_of_a_certificate_and_not_among_its_addresses(
    certificate: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypt: Any
) -> None:
    with LoginStub(certificate=certificate) as stub:  # which has the address as a name too
        with pytest.raises(UnreachableError, match="refuses the log-in"):
            connect(replace(config(stub.port), host="127.0.0.1", mssql_encrypt=encrypt))
        stub.finish()
    assert len(stub.logins) == 1
    with LoginStub(certificate=with_the_address_alone(tmp_path, monkeypatch)) as stub:
        with pytest.raises(TlsRefusedError, match="subject name does not match host name") as caught:
            connect(replace(config(stub.port), host="127.0.0.1", mssql_encrypt=encrypt))
        stub.finish()
    assert stub.logins == []
    assert "SSL_CERT_FILE" in str(caught.value.hint)
    assert str(caught.value.hint).endswith("and name the host as the certificate does")


def with_the_address_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    """Issue a certificate as public CAs do: an address stands in it as an address."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(str(folder / "leaf.key"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "leaf.pem"))
    return Issued(cert_file=str(folder / "leaf.pem"), key_file=str(folder / "leaf.key"))


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


@loads
@pytest.mark.parametrize(("encrypt", "arrives"), [("verify", False), ("insecure-loopback", True)])
def test_a_server_without_tls_gets_a_log_in_only_where_that_was_asked_for(encrypt: Any, arrives: bool) -> None:
    stripped = Stripped("mssql")
    with pytest.raises(UnreachableError) as caught:
        connect(config(stripped.port, tls=encrypt))
    assert isinstance(caught.value, TlsRefusedError) is not arrives
    assert stripped.done.wait(10)
    assert stripped.log_in is arrives


@loads
def test_closed_connections_are_not_kept_by_the_driver_manager(server: Server) -> None:
    import pyodbc

    engine = config(server.port).create_engine()
    assert pyodbc.pooling is False
    engine.connect().close()
    engine.dispose()
    assert server.finish().ends == ("the client hung up",)


# What follows needs Linux and its linker: a copy of a library that needs another one which is nowhere.


def unlinked(source: Path, target: Path, needed: bytes) -> None:
    data = source.read_bytes()
    assert needed + b"\0" in data
    target.write_bytes(data.replace(needed + b"\0", needed[:-1] + b"0\0"))


def run_dbkit(home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Connect in a process of its own, in which nothing is loaded yet."""
    code = (
        "from dbkit.config import DatabaseConfig; from dbkit.config.connect import connect; from dbkit.errors import DbkitError\n"
        "try:\n    connect(DatabaseConfig.from_env())\n"
        "except DbkitError as error:\n    print(type(error).__name__, error, error.hint, sep='\\n')"
    )
    clean = {"DATABASE_TYPE": "mssql", "DATABASE_HOST": "localhost", "DATABASE_PORT": "1", "DATABASE_USER": "u"}
    path = os.pathsep.join([str(home), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env={**os.environ, **clean, "DATABASE_NAME": "d", "PYTHONPATH": path, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def find_module(name: str) -> Path | None:
    for folder in filter(None, sys.path):
        for found in Path(folder).glob(f"{name}*.so"):
            return found
    return None


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="made of the libraries of Linux")


@LINUX
def test_where_unixodbc_is_not_there_the_error_names_the_packages(tmp_path: Path) -> None:
    module = find_module("pyodbc")
    if module is None:
        pytest.skip("pyodbc is not installed: pip install 'dbkit[mssql]'")
    unlinked(module, tmp_path / module.name, b"libodbc.so.2")
    kind, message, hint = run_dbkit(tmp_path).stdout.splitlines()
    assert kind == "MissingDriverError"
    assert message.startswith(
        "the driver pyodbc of SQL Server cannot be loaded: libodbc.so.0: cannot open shared object"
    )
    assert hint.startswith("apt-get install libodbc2 libltdl7 (Debian, Ubuntu)")


@LINUX
@loads
def test_where_a_library_of_microsofts_driver_is_not_there_the_error_names_the_packages(tmp_path: Path) -> None:
    library = next(bundled(), None)
    if library is None:
        pytest.skip("the wheel mssql-python-odbc is not installed, or has no build for this machine")
    for folder in ("lib", "share/resources/en_US"):
        shutil.copytree(library.parent.parent / folder, tmp_path / folder)
    unlinked(library, tmp_path / "lib" / library.name, b"libgssapi_krb5.so.2")
    url = f"mssql://u@localhost:1/d?driver={tmp_path}/lib/{library.name}"
    done = run_dbkit(
        tmp_path,
        DATABASE_TYPE="",
        DATABASE_HOST="",
        DATABASE_PORT="",
        DATABASE_USER="",
        DATABASE_NAME="",
        DATABASE_URL=url,
    )
    kind, message, hint = done.stdout.splitlines()
    assert kind == "MissingDriverError"
    assert message == (
        f"the ODBC driver '{tmp_path}/lib/{library.name}' cannot be loaded: it is not there, or a library that it needs is not"
    )
    assert hint.startswith("apt-get install libodbc2 libltdl7 (Debian, Ubuntu)")
    assert hint.endswith("`ldd` shows which one is missing")
