"""TLS against the real servers: what verifies connects, by the engine and by a bare URL; all else is refused."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from dbkit.backends import get_backend
from dbkit.backends.protocol import Connector, Endpoint, Fault, TlsPlan
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.config.dialler import Dialler
from dbkit.errors import TlsRefusedError
from tests.backends.accounts import Door, Stripped, configured
from tests.servers import WAYS, Server

pytestmark = pytest.mark.driven


pytestmark = pytest.mark.driven


def by_engine(server: Server, config: DatabaseConfig) -> sa.Engine:
    return server.product(config, poolclass=NullPool)


def by_bare_url(server: Server, config: DatabaseConfig) -> sa.Engine:
    return bare(config.url(asynchronous=is_async(server)), server)


def by_bare_text(server: Server, config: DatabaseConfig) -> sa.Engine:
    return bare(config.get_connection_url(asynchronous=is_async(server)), server)


def bare(url: sa.URL | str, server: Server) -> sa.Engine:
    if is_async(server):
        return create_async_engine(url, poolclass=NullPool).sync_engine
    return sa.create_engine(url, poolclass=NullPool)


def is_async(server: Server) -> bool:
    return server.way is not None and server.way.asynchronous


# A URL cannot have asyncpg verify, so that none is given: tests/backends/test_session_postgresql.py
BY_EACH = [
    pytest.param(way, by, id=f"{way}-{by.__name__}", marks=getattr(pytest.mark, way.backend))
    for way in WAYS
    if way.backend != "sqlite"
    for by in ((by_engine,) if way.driver == "asyncpg" else (by_engine, by_bare_url, by_bare_text))
]
by_each = pytest.mark.parametrize(("server", "way"), BY_EACH, indirect=["server"])
ByWay = Callable[[Server, DatabaseConfig], sa.Engine]


@pytest.fixture
def door(server: Server) -> Iterator[Door]:
    """Give another address of the server, that its certificate does not name."""
    try:
        made = Door(server.url.port or 0)
    except OSError:
        pytest.skip("this machine has one loopback address only")
    yield made
    made.close()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the file of a CA that has signed nothing here."""
    path = tmp_path_factory.mktemp("ca") / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(autouse=True)
def _needs_ca(server: Server) -> None:
    if server.ca is None:
        pytest.skip("DBKIT_TEST_CA is not set")


def is_encrypted(server: Server, connection: sa.Connection) -> bool:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    return get_backend(server.backend).connector(connection.dialect.driver).encrypted(driver)


def connector_of(server: Server, connection: sa.Connection) -> Connector:
    return get_backend(server.backend).connector(connection.dialect.driver)


def fault(backend: str, engine: sa.Engine) -> Fault:
    with pytest.raises(sa.exc.OperationalError) as caught:
        engine.connect()
    return get_backend(backend).errors.fault(caught.value)


@by_each
def test_the_right_ca_and_name_connect_encrypted(server: Server, way: ByWay) -> None:
    with way(server, configured(server)).connect() as connection:
        assert is_encrypted(server, connection)


@by_each
def test_an_untrusted_ca_is_refused(server: Server, way: ByWay, stranger: str) -> None:
    assert fault(server.backend, way(server, configured(server, ssl_ca=stranger))) is Fault.TLS_REFUSED


@by_each
def test_a_certificate_for_another_host_is_refused(server: Server, way: ByWay, door: Door) -> None:
    assert fault(server.backend, way(server, configured(server, host=door.host, port=door.port))) is Fault.TLS_REFUSED


@by_each
def test_a_trusted_certificate_for_another_host_is_refused_with_the_ca_in_the_systems_store(
    server: Server, way: ByWay, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", server.ca or "")
    config = configured(server, ssl_ca="system")
    with way(server, config).connect():
        pass
    assert fault(server.backend, way(server, replace(config, host=door.host, port=door.port))) is Fault.TLS_REFUSED


@by_each
def test_a_server_without_tls_is_refused_before_the_log_in(server: Server, way: ByWay) -> None:
    stripped = Stripped(server.backend)
    engine = way(server, configured(server, port=stripped.port))
    # asyncmy by itself asks for TLS all the same, and all that it knows is that the server hung up
    bare_asyncmy = engine.dialect.driver == "asyncmy" and way is not by_engine
    assert fault(server.backend, engine) is (Fault.UNREACHABLE if bare_asyncmy else Fault.TLS_REFUSED)
    # in a thread, for an asynchronous driver closes its socket in the loop
    assert await_only(asyncio.to_thread(stripped.done.wait, 10))
    assert not stripped.log_in


@pytest.mark.parametrize("trouble", ["ca", "name", "plain"])
def test_refused_tls_is_reported_as_that_and_not_as_an_outage(
    server: Server, trouble: str, stranger: str, door: Door
) -> None:
    changes: dict[str, Any] = {
        "ca": {"ssl_ca": stranger},
        "name": {"host": door.host, "port": door.port},
        "plain": {"port": Stripped(server.backend).port},
    }[trouble]
    config = configured(server, **changes)
    with pytest.raises(TlsRefusedError, match=f"TLS with {config.address} is refused") as caught:
        connect(config)
    assert "DATABASE_SSL_CA" in str(caught.value.hint)


@by_each
def test_a_ca_given_as_text_verifies_as_a_file_does(server: Server, way: ByWay) -> None:
    with way(server, configured(server, ssl_ca=Path(server.ca or "").read_text(encoding="ascii"))).connect():
        pass


REDUCED = [
    ({}, False),
    ({"ssl_verify_identity": False}, True),
    ({"ssl_verify_cert": False, "ssl_verify_identity": False}, True),
]


@by_each
@pytest.mark.parametrize(("said", "encrypted"), REDUCED, ids=["clear", "certificate only", "neither"])
def test_on_this_machine_verification_is_reduced_as_far_as_said(
    server: Server, way: ByWay, door: Door, said: dict[str, bool], encrypted: bool
) -> None:
    environ = {"tls": "insecure-loopback", "host": door.host, "port": door.port}
    config = replace(configured(server, **environ, **said), ssl_ca=server.ca if "ssl_verify_identity" in said else None)
    with way(server, config).connect() as connection:
        assert is_encrypted(server, connection) is encrypted


def test_the_certificate_still_counts_where_only_the_name_does_not(server: Server, stranger: str) -> None:
    config = configured(server, tls="insecure-loopback", ssl_verify_identity=False, ssl_ca=stranger)
    assert fault(server.backend, by_engine(server, config)) is Fault.TLS_REFUSED


def test_a_connection_that_turns_out_to_be_clear_is_closed_and_refused(server: Server) -> None:
    """A driver that goes on in clear against its orders: the plan says verify, the connection was made without."""
    clear = configured(server, tls="insecure-loopback")
    clear = replace(clear, ssl_ca=None)
    endpoint = clear.endpoint()
    engine = by_engine(server, clear)
    arguments = engine.dialect.create_connect_args(engine.url)
    backend = get_backend(server.backend)
    dialler = Dialler(
        backend=backend,
        connector=backend.connector(),
        endpoint=Endpoint(driver=endpoint.driver, host=endpoint.host, tls=TlsPlan(mode="encrypt")),
        config=clear,
    )
    connections: list[Any] = []

    class Remembering:
        loaded_dbapi = engine.dialect.loaded_dbapi
        is_async = False

        def connect(self, *args: Any, **kw: Any) -> Any:
            connections.append(engine.dialect.connect(*args, **kw))
            return connections[-1]

    with pytest.raises(TlsRefusedError, match="is not encrypted"):
        dialler.connect(Remembering(), None, list(arguments[0]), dict(arguments[1]))  # type: ignore[arg-type] # a dialect that remembers
    # psycopg2 says `closed`, PyMySQL says `open`
    assert getattr(connections[0], "closed", 0) or not getattr(connections[0], "open", True)


def test_a_name_is_not_replaced_by_its_address(server: Server) -> None:
    """The machine's own name leads to the server too, and is not in its certificate."""
    try:
        socket.create_connection((socket.gethostname(), server.url.port or 0), 2).close()
    except OSError:
        pytest.skip("this machine's name does not lead to the server")
    assert fault(server.backend, by_engine(server, configured(server, host=socket.gethostname()))) is Fault.TLS_REFUSED
