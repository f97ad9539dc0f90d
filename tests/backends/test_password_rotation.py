"""Passwords that change while an engine lives: read or asked for with each new connection, on the real servers."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.passwords import Login
from dbkit.errors import ConfigurationError
from tests.backends.accounts import Account, throw_away_account
from tests.backends.asking import KINDS, Kind, asking
from tests.backends.relay import relayed
from tests.servers import Server

by_kind = pytest.mark.parametrize("kind", KINDS)
SESSION = {"postgresql": "SELECT pg_backend_pid()", "mssql": "SELECT @@SPID"}


@pytest.fixture
def kind(request: pytest.FixtureRequest, server: Server) -> Kind:
    """Give the kind of engine; skips where the backend has no such driver."""
    asked: Kind = request.param
    if get_backend(server.backend).traits.driver_of(asked) is None:
        pytest.skip(f"{server.backend} has no {asked} driver")
    return asked


by_kind = pytest.mark.parametrize("kind", KINDS, indirect=True)


def password() -> str:
    return f"{secrets.token_hex(8)}-Aa1"


@pytest.fixture
def first() -> str:
    """Give the password that the account begins with."""
    return password()


@pytest.fixture
def account(server: Server, first: str) -> Iterator[Account]:
    with throw_away_account(server, first) as made:
        yield made


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Give a module with a provider: `gives` are the passwords that it gives, the last one again and again; `asked` who asked."""
    name = f"provider_{secrets.token_hex(4)}"
    (tmp_path / f"{name}.py").write_text(PROVIDER)
    monkeypatch.syspath_prepend(tmp_path)
    module = ModuleType(name)
    exec(compile(PROVIDER, name, "exec"), module.__dict__)
    sys.modules[name] = module
    yield module
    del sys.modules[name]


PROVIDER = """
gives, asked = [], []


def password(login):
    asked.append(login)
    return gives.pop(0) if len(gives) > 1 else gives[0]


async def password_later(login):
    return password(login)
"""


def configured(account: Account, port: int | None = None, **said: str) -> DatabaseConfig:
    """Configure the product for an account by variables; `said` are those about its password."""
    server = account.server
    environ = server.environ("postgres" if server.backend == "postgresql" else "information_schema")
    del environ["DATABASE_PASSWORD"]
    environ |= {"DATABASE_USER": account.user, **said} | ({"DATABASE_PORT": str(port)} if port else {})
    return resolve(Settings(), "user", environ=environ)


def session(account: Account) -> str:
    return SESSION.get(account.server.backend, "SELECT CONNECTION_ID()")


@by_kind
def test_a_password_file_is_read_again_for_each_new_connection(
    account: Account, first: str, kind: Kind, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{first}\n")
    second = password()
    with asking(configured(account, DATABASE_PASSWORD_FILE=str(file)), kind) as asker:
        old = asker.hold()
        number = old.ask(session(account))
        file.write_text(f"{second}\n")
        account.set_password(second)
        new = asker.hold()
        assert new.ask("SELECT 1") == 1
        # the connection that was there lives on, and is taken out of the pool again
        assert old.ask(session(account)) == number
        new.close()
        old.close()
        assert asker.ask(session(account)) == number


@by_kind
def test_a_provider_is_asked_for_each_new_connection_and_told_for_whom(
    account: Account, first: str, kind: Kind, provider: ModuleType
) -> None:
    second = password()
    provider.gives = [first, second]
    config = configured(account, DATABASE_PASSWORD_PROVIDER=f"{provider.__name__}:password")
    with asking(config, kind) as asker:
        old = asker.hold()
        account.set_password(second)
        new = asker.hold()
        assert (old.ask("SELECT 1"), new.ask("SELECT 1")) == (1, 1)
        new.close()
        old.close()
        assert asker.ask("SELECT 1") == 1
    url = account.server.url
    told = Login(
        backend=account.server.backend,
        host=url.host,
        port=url.port,
        user=account.user,
        database=config.database,
        service="user",
    )
    assert provider.asked == [told, told]


@by_kind
def test_an_asynchronous_provider_serves_asynchronous_engines_only(
    account: Account, first: str, kind: Kind, provider: ModuleType
) -> None:
    provider.gives = [first]
    name = f"{provider.__name__}:password_later"
    with asking(configured(account, DATABASE_PASSWORD_PROVIDER=name), kind) as asker:
        if kind == "async":
            assert asker.ask("SELECT 1") == 1
            assert len(provider.asked) == 1
        else:
            with pytest.raises(ConfigurationError, match=f"{name}' is asynchronous, and the engine is not"):
                asker.ask("SELECT 1")
            assert provider.asked == []


@by_kind
def test_a_file_that_changes_between_reading_and_log_in_is_read_once_more(
    account: Account, first: str, kind: Kind, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("not-yet-the-new-one-Aa1")
    with relayed(account.server.url.port, lambda: file.write_text(first) and None) as relay:
        config = configured(account, relay.port, DATABASE_PASSWORD_FILE=str(file))
        with asking(config, kind) as asker:
            assert asker.ask("SELECT 1") == 1
        assert relay.connections == 2


@by_kind
def test_a_provider_that_gives_another_password_is_tried_once_more_and_no_oftener(
    account: Account, first: str, kind: Kind, provider: ModuleType
) -> None:
    name = f"{provider.__name__}:password"
    with relayed(account.server.url.port) as relay:
        config = configured(account, relay.port, DATABASE_PASSWORD_PROVIDER=name)
        provider.gives = ["old-one-Aa1", first]
        with asking(config, kind) as asker:
            assert asker.ask("SELECT 1") == 1
        assert (relay.connections, len(provider.asked)) == (2, 2)
        provider.gives = ["wrong-1-Aa1", "wrong-2-Aa1", first]
        with asking(config, kind) as asker:
            refused(account, asker)
            assert (relay.connections, len(provider.asked)) == (4, 4)


@by_kind
@pytest.mark.parametrize("place", ["plain", "file", "provider"])
def test_a_wrong_password_that_stays_is_sent_once(
    account: Account, kind: Kind, place: str, provider: ModuleType, tmp_path: Path
) -> None:
    provider.gives = ["wrong-one-Aa1"]
    (tmp_path / "password").write_text("wrong-one-Aa1")
    said = {
        "plain": {"DATABASE_PASSWORD": "wrong-one-Aa1"},
        "file": {"DATABASE_PASSWORD_FILE": str(tmp_path / "password")},
        "provider": {"DATABASE_PASSWORD_PROVIDER": f"{provider.__name__}:password"},
    }[place]
    with relayed(account.server.url.port) as relay:
        with asking(configured(account, relay.port, **said), kind) as asker:
            refused(account, asker)
        assert relay.connections == 1
    assert len(provider.asked) == (2 if place == "provider" else 0)


def refused(account: Account, asker: Any) -> None:
    with pytest.raises(sa.exc.OperationalError) as caught:
        asker.hold()
    assert get_backend(account.server.backend).errors.fault(caught.value) is Fault.LOGIN_REFUSED


@by_kind
def test_a_trouble_other_than_the_password_asks_nobody_again(
    account: Account, first: str, kind: Kind, provider: ModuleType
) -> None:
    provider.gives = [first, password()]
    said = {"DATABASE_PASSWORD_PROVIDER": f"{provider.__name__}:password", "DATABASE_NAME": "dbkt_config_missing"}
    with asking(configured(account, **said), kind) as asker, pytest.raises(sa.exc.OperationalError):
        asker.hold()
    assert len(provider.asked) == 1


@by_kind
def test_the_password_of_a_url_file_is_read_again(account: Account, first: str, kind: Kind, tmp_path: Path) -> None:
    server, file = account.server, tmp_path / "url"
    database = "postgres" if server.backend == "postgresql" else "information_schema"

    def write(word: str) -> None:
        place = f"{account.user}:{quote(word, safe='')}@{server.url.host}:{server.url.port}"
        file.write_text(f"{server.backend}://{place}/{database}\n")

    write(first)
    environ = {"DATABASE_URL_FILE": str(file), "DATABASE_SSL_CA": server.ca or "system"}
    second = f"{password()}@/:#%"
    with asking(resolve(Settings(), "user", environ=environ), kind) as asker:
        old = asker.hold()
        account.set_password(second)
        write(second)
        new = asker.hold()
        assert (old.ask("SELECT 1"), new.ask("SELECT 1")) == (1, 1)
        new.close()
        old.close()


def test_the_url_of_a_moment_holds_the_password_of_that_moment(account: Account, first: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(first)
    config = configured(account, DATABASE_PASSWORD_FILE=str(file))
    assert config.url().password == first
    file.write_text("another-Aa1")
    assert config.url().password == "another-Aa1"
