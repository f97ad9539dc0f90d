"""What is told of a failure, and what becomes of passwords, with each driver that somebody must ask for."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit.config import Settings, resolve
from dbkit.config.connect import explain
from dbkit.errors import ConfigurationError, DatabaseMissingError, TlsRefusedError, UnreachableError
from tests.backends.accounts import Account, Stripped, configured, throw_away_account
from tests.backends.by_driver import ASYNC, server_of, ways
from tests.backends.test_secrets_connections import everything_of, spellings
from tests.servers import Way

PASSWORD = f"Pl@nted/{secrets.token_hex(8)}#%: ü"

WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"port": 1}, UnreachableError, "cannot reach .* at localhost:1: "),
    ({"host": "no-such-host.invalid"}, UnreachableError, "cannot reach .* at no-such-host.invalid:"),
    ({"password": "wrong-password"}, UnreachableError, "refuses the log-in of "),
    ({"database": "dbkt_config_missing"}, DatabaseMissingError, "has no database 'dbkt_config_missing'"),
]


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
@pytest.mark.parametrize(("changes", "kind", "message"), WRONG, ids=["port", "host", "password", "database"])
def test_what_is_wrong_is_one_class_of_error_and_told_alike(
    way: Way, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    config = configured(server_of(way), "postgres" if way.backend == "postgresql" else None, **changes)
    with pytest.raises(sa.exc.OperationalError) as caught:
        way.engine(config).connect()
    told = explain(config, caught.value)
    assert type(told) is kind
    with pytest.raises(kind, match=message):
        raise told
    assert "\n" not in str(told)


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
def test_refused_tls_is_told_as_that(way: Way) -> None:
    server = server_of(way)
    if server.ca is None:
        pytest.skip("DBKIT_TEST_CA is not set")
    config = configured(server, port=Stripped(server.backend).port)
    with pytest.raises(sa.exc.OperationalError) as caught:
        way.engine(config).connect()
    assert isinstance(explain(config, caught.value), TlsRefusedError)


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
def test_a_server_that_says_nothing_is_given_up_in_time(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = configured(server_of(way), port=silent.getsockname()[1], connect_timeout_s=1)
        with pytest.raises(sa.exc.OperationalError) as caught:
            way.engine(config).connect()
    assert isinstance(explain(config, caught.value), UnreachableError)


TROUBLES: dict[str, dict[str, Any]] = {
    "password": {"user": "dbkit"},
    "port": {"port": 1},
    "host": {"host": "no-such-host.invalid"},
    "database": {"database": "dbkt_config_missing"},
    "option": {"query": {"no_such_option": "1"}},
    "statement": {},
}


@pytest.fixture(scope="module")
def accounts() -> Iterator[dict[str, Account]]:
    """Give an account with a password that is looked for, on each backend that is asked for one."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        class Made(dict[str, Account]):
            def __missing__(self, backend: str) -> Account:
                server = server_of(Way(backend=backend))
                made = self[backend] = stack.enter_context(throw_away_account(server, PASSWORD))
                return made

        yield Made()


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
@pytest.mark.parametrize("trouble", list(TROUBLES))
def test_a_failure_shows_the_password_nowhere(way: Way, accounts: dict[str, Account], trouble: str) -> None:
    account = accounts[way.backend]
    database = "postgres" if way.backend == "postgresql" else "information_schema"
    said = {"user": account.user, "password": PASSWORD, "database": database, **TROUBLES[trouble]}
    engine = way.engine(configured(server_of(way), **said))
    with pytest.raises((sa.exc.DBAPIError, ConfigurationError)) as caught, engine.connect() as connection:
        connection.exec_driver_sql("SELECT broken syntax FROM FROM")
    # what this test itself holds is no leak
    ours = caught.value.__traceback__
    shown = everything_of(caught.value.with_traceback(None if ours is None else ours.tb_next))
    engine.dispose()
    assert [form for form in spellings(PASSWORD) if form in shown] == []


@pytest.mark.driven
@pytest.mark.parametrize("way", [way for way in ASYNC if way.driver == "asyncpg"], ids=str)
@pytest.mark.postgresql
def test_a_connection_of_asyncpg_keeps_no_password(way: Way, accounts: dict[str, Account]) -> None:
    config = configured(server_of(way), "postgres", user=accounts["postgresql"].user, password=PASSWORD)
    engine = way.engine(config)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        kept = [
            repr(getattr(driver, name, None))
            for kind in type(driver).__mro__
            for name in getattr(kind, "__slots__", ())
        ]
    engine.dispose()
    assert any("ConnectionParameters" in text for text in kept)
    assert [form for form in spellings(PASSWORD) for text in kept if form in text] == []


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
def test_a_password_that_was_changed_in_its_file_is_read_for_the_next_connection(
    way: Way, accounts: dict[str, Account], tmp_path: Path
) -> None:
    account, file = accounts[way.backend], tmp_path / "password"
    file.write_text(PASSWORD)
    server = server_of(way)
    variables = server.environ("postgres" if way.backend == "postgresql" else "information_schema")
    del variables["DATABASE_PASSWORD"]
    variables |= {"DATABASE_USER": account.user, "DATABASE_PASSWORD_FILE": str(file)}
    engine = way.engine(resolve(Settings(), "user", environ=variables))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        other = secrets.token_hex(8)
        account.set_password(other)
        file.write_text(other)
        try:
            with engine.connect() as second:
                assert second.exec_driver_sql("SELECT 2").scalar() == 2
        finally:
            account.set_password(PASSWORD)
    engine.dispose()
