"""A planted password is in nothing that a failed connection leaves behind: exceptions with their locals, logs, reprs."""

from __future__ import annotations

import asyncio
import base64
import logging
import pickle
import secrets
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
import trustme

from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from tests.backends.accounts import Account, Stripped, configured, throw_away_account
from tests.backends.asking import KINDS, Kind, asking
from tests.servers import Server

PLANTED = f"Pl@nted/{secrets.token_hex(8)}#%: ü"


DRIVERS = {"pymysql", "asyncmy", "psycopg2", "psycopg", "sqlalchemy", "dbkit"}


def spellings(value: str) -> list[str]:
    data = value.encode()
    return [
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        base64.b64encode(data).decode().rstrip("="),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
        repr(data)[2:-1],
        data.decode("latin-1"),
        value[8:24],
    ]


@pytest.fixture(scope="module")
def account(server: Server) -> Iterator[Account]:
    with throw_away_account(server, PLANTED) as made:
        yield made


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


def by_engine(config: DatabaseConfig) -> None:
    config.create_engine(echo="debug", echo_pool="debug").connect()


def by_connect(config: DatabaseConfig) -> None:
    connect(config)


def by_pre_ping(config: DatabaseConfig) -> None:
    engine = config.create_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT broken syntax FROM FROM")


def by_async_engine(config: DatabaseConfig) -> None:
    async def connect() -> None:
        await config.create_async_engine(echo="debug", echo_pool="debug").connect()

    asyncio.run(connect())


def by_async_statement(config: DatabaseConfig) -> None:
    with asking(config, "async") as asker:
        asker.ask("SELECT broken syntax FROM FROM")


TROUBLES: dict[str, Callable[[Server, str], dict[str, Any]]] = {
    "password": lambda server, _: {"user": server.url.username},
    "port": lambda _, __: {"port": 1},
    "host": lambda _, __: {"host": "no-such-host.invalid"},
    "database": lambda _, __: {"database": "dbkt_config_missing"},
    "tls": lambda _, stranger: {"ssl_ca": stranger},
    "plain": lambda server, _: {"port": Stripped(server.backend).port},
    "kind": lambda server, _: {
        "backend": {"tidb": "mariadb", "mariadb": "tidb", "mysql": "tidb"}.get(server.backend, server.backend)
    },
    "option": lambda _, __: {"query": {"no_such_option": "1"}},
}


@pytest.mark.parametrize("way", [by_engine, by_connect, by_pre_ping, by_async_engine, by_async_statement])
@pytest.mark.parametrize("trouble", list(TROUBLES))
def test_a_failed_connection_shows_the_password_nowhere(
    server: Server,
    account: Account,
    trouble: str,
    way: Callable[[DatabaseConfig], None],
    stranger: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes = {"user": account.user, "password": PLANTED, "database": None, **TROUBLES[trouble](server, stranger)}
    config = configured(
        server,
        **{
            **changes,
            "database": changes["database"] or ("postgres" if server.backend == "postgresql" else "information_schema"),
        },
    )
    if trouble == "kind" and config.backend == server.backend and way not in {by_pre_ping, by_async_statement}:
        pytest.skip("no other backend speaks this protocol")
    with caplog.at_level(logging.DEBUG):
        try:
            way(config)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
            caught = error
        else:
            pytest.fail("it connected")
    shown = everything_of(caught) + caplog.text + repr(config) + config.redacted()
    found = [form for form in spellings(PLANTED) if form in shown]
    assert found == []


def everything_of(error: BaseException) -> str:
    """Word an error as an error tracker does: the whole chain, all frames but the test's own, their locals, the attributes."""
    parts = []
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        trace = current.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        parts += traceback.TracebackException(type(current), current, trace, capture_locals=True).format(chain=False)
        parts += [repr(current), str(current.args), repr(vars(current))]
        parts += locals_of(trace)
        todo += [
            current.__cause__,
            current.__context__,
            getattr(current, "orig", None),
            getattr(current, "original_exception", None),
        ]
    return "".join(parts)


def locals_of(trace: Any) -> list[str]:
    """Look one step deeper than a repr does: the attributes of what the frames hold."""
    parts: list[str] = []
    while trace is not None:
        ours = (
            value for value in trace.tb_frame.f_locals.values() if type(value).__module__.partition(".")[0] in DRIVERS
        )
        parts += [repr(getattr(value, "__dict__", {})) for value in ours]
        trace = trace.tb_next
    return parts


def shown_by(connection: sa.Connection) -> str:
    """Word a connection, and all that the driver's own keeps."""
    raw = connection.connection
    inner = (raw.dbapi_connection, raw.driver_connection)
    kept = [repr(getattr(driver, "__dict__", "")) for driver in inner]
    kept += [repr(getattr(driver, "_password", "")) for driver in inner]
    return f"{connection!r} {inner!r} {kept!r}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_working_engine_and_its_connection_show_no_password(
    server: Server, account: Account, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    config = configured(
        server,
        user=account.user,
        password=PLANTED,
        database="postgres" if server.backend == "postgresql" else "information_schema",
    )
    with caplog.at_level(logging.DEBUG), asking(config, kind, echo="debug", echo_pool="debug") as asker:
        held, engine = asker.hold(), asker.engine
        shown = f"{engine!r} {engine.url!r} {tuple(engine.url)} {config.connect_args()!r}" + held.run(shown_by)
        held.close()
    assert [form for form in spellings(PLANTED) if form in shown + caplog.text] == []


def test_a_driver_argument_that_is_unknown_is_a_configuration_error(server: Server) -> None:
    config = configured(server, query={"no_such_option": "1"})
    with pytest.raises((sa.exc.DBAPIError, Exception), match="no_such_option") as caught:
        connect(config)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
