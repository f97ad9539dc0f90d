"""asyncmy against the real servers of the MySQL family: what it must do as PyMySQL does, and the driver that is refused."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dbkit.backends import backend_of, get_backend
from dbkit.backends.protocol import Endpoint, Fault, TlsPlan
from dbkit.config import Settings, resolve
from dbkit.errors import BackendMismatchError, ConfigurationError
from tests.backends.accounts import Account, configured, throw_away_account
from tests.backends.asking import asking
from tests.backends.family import FAMILY, ON_EACH, server_or_skip
from tests.backends.test_connect_servers import HOSTILE
from tests.cli.runs import Shell
from tests.projects import Home
from tests.servers import Server


@pytest.fixture(scope="module", params=ON_EACH)
def member(request: pytest.FixtureRequest) -> Server:
    """Give each server of the family in turn; skips where there is none."""
    return server_or_skip(request.param)


@pytest.fixture(scope="module")
def account(member: Server) -> Iterator[Account]:
    with throw_away_account(member, secrets.token_hex(8)) as made:
        yield made


@pytest.mark.driven
@pytest.mark.parametrize("password", HOSTILE)
def test_a_password_of_any_characters_logs_in(member: Server, account: Account, password: str) -> None:
    account.set_password(password)
    config = configured(member, "information_schema", user=account.user, password=password)
    with config.create_async_engine(poolclass=NullPool).sync_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    if not password.isascii():
        with pytest.raises(ConfigurationError, match="a URL cannot carry this password"):
            config.url(asynchronous=True)
        return
    bare = create_async_engine(config.get_connection_url(asynchronous=True), poolclass=NullPool).sync_engine
    with bare.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


TROUBLES: list[tuple[str, dict[str, Any], Fault]] = [
    ("port", {"port": 1}, Fault.UNREACHABLE),
    ("host", {"host": "no-such-host.invalid"}, Fault.UNREACHABLE),
    ("password", {"password": "wrong-password"}, Fault.LOGIN_REFUSED),
    ("user", {"user": "nobody-here"}, Fault.LOGIN_REFUSED),
    ("database", {"database": "dbkt_config_missing"}, Fault.NO_DATABASE),
]


@pytest.mark.driven
@pytest.mark.parametrize(("changes", "fault"), [item[1:] for item in TROUBLES], ids=[item[0] for item in TROUBLES])
def test_a_failed_connection_means_what_it_means_with_pymysql(
    member: Server, changes: dict[str, Any], fault: Fault
) -> None:
    config = configured(member, **{"database": "information_schema", **changes})
    found = []
    for engine in (config.create_engine(), config.create_async_engine().sync_engine):
        with pytest.raises(sa.exc.OperationalError) as caught:
            engine.connect()
        assert caught.value.orig is not None
        found.append((caught.value.orig.args[0], get_backend(member.backend).errors.fault(caught.value)))
    assert found[0] == found[1]
    assert found[0][1] is fault


STATEMENTS = {
    "CREATE DATABASE `dbkt_not_mine`": Fault.NOT_ALLOWED,
    "CREATE USER 'dbkt_no_such'@'%%'": Fault.NOT_ALLOWED,
    "SELECT broken syntax FROM FROM": Fault.OTHER,
}


@pytest.mark.driven
def test_a_failed_statement_means_what_it_means_with_pymysql(member: Server, account: Account) -> None:
    password = secrets.token_hex(8)
    account.set_password(password)
    config = configured(member, "information_schema", user=account.user, password=password)
    errors = get_backend(member.backend).errors
    found = []
    for engine in (config.create_engine(), config.create_async_engine().sync_engine):
        with engine.connect() as connection:
            for statement in STATEMENTS:
                with pytest.raises(sa.exc.DBAPIError) as caught:
                    connection.exec_driver_sql(statement)
                found.append((type(caught.value), errors.fault(caught.value), errors.message(caught.value)))
        engine.dispose()
    assert found[: len(STATEMENTS)] == found[len(STATEMENTS) :]
    assert [item[1] for item in found] == list(STATEMENTS.values()) * 2


@pytest.mark.driven
def test_two_statements_in_one_are_refused_unless_they_are_asked_for(member: Server) -> None:
    config = configured(member, "information_schema")
    for engine in (config.create_engine(), config.create_async_engine().sync_engine):
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError):
            connection.exec_driver_sql("SELECT 1; SELECT 2")
        engine.dispose()
    asked = replace(config, query={"client_flag": str(1 << 16)})
    with asked.create_async_engine(poolclass=NullPool).sync_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1; SELECT 2").scalar() == 1


@pytest.mark.driven
@pytest.mark.parametrize("name", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("mysql", "tidb")])
def test_the_newer_way_to_log_in_works_over_tls(name: str) -> None:
    server = server_or_skip(name)
    password = "日本-" + secrets.token_hex(8)
    with throw_away_account(server, password) as account:
        account.run({"other": "ALTER USER '{user}'@'%%' IDENTIFIED WITH 'caching_sha2_password' BY %s"}, password)
        config = configured(server, "information_schema", user=account.user, password=password)
        for engine in (config.create_engine(), config.create_async_engine().sync_engine):
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar() == 1
            engine.dispose()


@pytest.mark.driven
def test_a_connection_that_was_killed_is_replaced_at_the_ping_and_by_the_dialler(member: Server) -> None:
    engine = configured(member, "information_schema").create_async_engine(pool_size=1, max_overflow=0).sync_engine
    with engine.connect() as connection:
        first = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
    member.execute(f"KILL {first}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one() != first
        # set up like the first one, and so made by the dialler: the driver itself has forgotten the password
        assert connection.exec_driver_sql("SELECT @@time_zone").scalar_one() == "+00:00"
    engine.dispose()


@pytest.mark.driven
def test_a_long_statement_outlives_the_connect_timeout(member: Server) -> None:
    config = configured(member, "information_schema", connect_timeout_s=1)
    with config.create_async_engine(poolclass=NullPool).sync_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT SLEEP(1.3)").scalar() == 0


@pytest.mark.driven
def test_a_connection_that_is_killed_in_use_counts_as_lost(member: Server) -> None:
    engine = configured(member, "information_schema").create_async_engine().sync_engine
    with engine.connect() as connection:
        member.execute(f"KILL {connection.exec_driver_sql('SELECT CONNECTION_ID()').scalar_one()}")
        with pytest.raises(sa.exc.OperationalError) as caught:
            connection.exec_driver_sql("SELECT 1")
        assert caught.value.connection_invalidated
        assert get_backend(member.backend).errors.fault(caught.value) is Fault.CONNECTION_LOST
        connection.rollback()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


@pytest.mark.driven
def test_the_dialect_and_the_server_are_known_for_what_they_are(member: Server) -> None:
    engine = configured(member, "information_schema").create_async_engine().sync_engine
    connector = get_backend(member.backend).connector("asyncmy")
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        facts = connector.facts(driver)
        number = connector.socket_fd(driver)
    assert number is not None
    assert number > 2
    assert (backend_of(engine.dialect).name, engine.dialect.name) == (
        member.backend,
        {"tidb": "mysql"}.get(member.backend, member.backend),
    )
    assert facts.flavour == member.backend
    assert ".".join(map(str, facts.version)) in member.version()
    engine.dispose()


@pytest.mark.driven
def test_a_unix_socket_needs_no_tls(member: Server) -> None:
    with configured(member, "information_schema").create_engine(poolclass=NullPool).connect() as connection:
        path = connection.exec_driver_sql("SELECT @@socket").scalar_one()
    if not path or not Path(path).is_socket() or not os.access(path, os.W_OK):
        pytest.skip(f"no socket of this server is in reach here: {path!r}")
    config = configured(member, "information_schema", host=path, port=member.url.port)
    bare = create_async_engine(config.url(asynchronous=True), poolclass=NullPool)
    for engine in (config.create_async_engine(poolclass=NullPool), bare):
        with engine.sync_engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@pytest.mark.driven
def test_another_kind_of_server_is_refused(member: Server) -> None:
    said = "mysql" if member.backend != "mysql" else "tidb"
    config = configured(member, "information_schema", backend=said)
    with pytest.raises(BackendMismatchError, match=f"DATABASE_TYPE is '{said}', but .* is '{member.backend}'"):
        config.create_async_engine().sync_engine.connect()


@pytest.mark.tidb
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_server_is_told_who_is_connected(kind: Any) -> None:
    server = server_or_skip("tidb")
    query = (
        "SELECT attr_value FROM performance_schema.session_connect_attrs"
        " WHERE processlist_id = CONNECTION_ID() AND attr_name = 'program_name'"
    )
    with asking(configured(server), kind) as asker:
        assert asker.ask(query) == "dbkit:user"


PLANS = [
    (TlsPlan(mode="off"), {}),
    (TlsPlan(mode="encrypt"), {"ssl_check_hostname": "false"}),
    (TlsPlan(mode="ca", ca_file="/ca.pem"), {"ssl_ca": "/ca.pem", "ssl_check_hostname": "false"}),
    (TlsPlan(mode="verify", ca_file="/ca.pem"), {"ssl_ca": "/ca.pem", "ssl_check_hostname": "true"}),
    (
        TlsPlan(mode="verify", ca_file="/ca.pem", cert_file="/c.pem", key_file="/c.key"),
        {"ssl_ca": "/ca.pem", "ssl_check_hostname": "true", "ssl_cert": "/c.pem", "ssl_key": "/c.key"},
    ),
]


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize(("plan", "said"), PLANS, ids=["off", "encrypt", "ca", "verify", "certificate"])
def test_a_url_says_of_tls_what_the_drivers_understand(name: str, plan: TlsPlan, said: dict[str, str]) -> None:
    endpoint = Endpoint(driver="asyncmy", host="db.example.com", port=4000, user="u", database="x", tls=plan)
    connector = get_backend(name).connector("asyncmy")
    url = connector.url(endpoint)
    assert (url.drivername, url.query) == (
        f"{name}+asyncmy",
        {"charset": "utf8mb4", "connect_timeout": "10", **said},
    )
    # what SQLAlchemy makes of it: asyncmy raises TypeError at any flat ssl_…
    arguments = url.get_dialect()().create_connect_args(url)[1]
    assert not [key for key in arguments if key.startswith("ssl_")]
    assert bool(arguments.get("ssl")) is (plan.mode != "off")
    sync = get_backend(name).connector("pymysql").url(replace(endpoint, driver="pymysql"))
    clear = {"ssl_disabled": "true"} if plan.mode == "off" else {}
    assert sync.query == {"charset": "utf8mb4", "connect_timeout": "10", **said, **clear}


REFUSALS = {
    **{name: {"DATABASE_TYPE": name, "DATABASE_HOST": "localhost", "DATABASE_DRIVER": "aiomysql"} for name in FAMILY},
    "url": {"DATABASE_URL": "mysql+aiomysql://u@localhost/x"},
}
REASON = "driver 'aiomysql' is refused: it does not verify: where the server offers no TLS, it goes on in clear"


@pytest.mark.parametrize("said", REFUSALS.values(), ids=REFUSALS)
def test_aiomysql_is_refused_with_the_reason(said: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=f"{REASON} and sends the log-in$") as caught:
        resolve(Settings(), "user", environ={"DATABASE_NAME": "x", "DATABASE_USER": "u", **said})
    assert caught.value.hint == "use one of: pymysql, asyncmy"


@pytest.mark.parametrize("place", ["tidb", "url"])
def test_a_command_that_is_given_aiomysql_ends_with_2(place: str, tmp_path: Path) -> None:
    done = Shell(folder=Home(tmp_path).write("user").root).run("status", **REFUSALS[place])
    assert done.code == 2
    assert REASON in done.err.replace("\n", " ")
