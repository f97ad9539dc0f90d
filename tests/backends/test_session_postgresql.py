"""What a session of PostgreSQL is set to, by asking the server, with each driver."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.errors import ConfigurationError
from tests.backends.accounts import Account, one, throw_away_account
from tests.backends.private import private_server, why_not
from tests.servers import WAYS, Server, Way, find_server, how_to_start

pytestmark = [pytest.mark.driven, pytest.mark.postgresql]
POSTGRESQL = [way for way in WAYS if way.backend == "postgresql"]
by_way = pytest.mark.parametrize("way", POSTGRESQL, ids=str)
PASSWORD = secrets.token_hex(12)


@pytest.fixture(scope="module")
def server() -> Server:
    """Give the server; skips where there is none."""
    found = find_server("postgresql")
    if found is None:
        pytest.skip(how_to_start("postgresql"))
    return found


def configured(server: Server, way: Way, **said: str) -> DatabaseConfig:
    """Configure the product by variables: `deadline` is DATABASE_DEADLINE."""
    variables = {f"DATABASE_{name.upper()}": value for name, value in said.items()}
    return resolve(Settings(), "user", environ=server.environ("postgres") | way.environ() | variables)


def shown(connection: sa.Connection, *names: str) -> list[str]:
    return [str(one(connection, f"SHOW {name}")) for name in names]


PROMISED = ("TimeZone", "client_encoding", "application_name")


@by_way
def test_the_session_is_what_was_promised_also_after_a_rollback(server: Server, way: Way) -> None:
    engine = way.engine(configured(server, way), pool_size=1, max_overflow=0)
    for _ in range(2):
        with engine.connect() as connection:
            assert shown(connection, *PROMISED) == ["UTC", "UTF8", "dbkit:user"]
            assert one(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True
            connection.rollback()
    engine.dispose()


@by_way
def test_without_a_deadline_and_a_schema_nothing_is_asked_for_that_a_pooler_would_refuse(
    server: Server, way: Way
) -> None:
    engine = way.engine(configured(server, way), poolclass=NullPool)
    with engine.connect() as connection:
        assert shown(connection, "statement_timeout", "search_path") == ["0", '"$user", public']


@pytest.fixture(scope="module")
def abroad(server: Server) -> Iterator[Account]:
    """Give an account whose sessions are set otherwise by the server."""
    with throw_away_account(server, PASSWORD) as made:
        for setting in ("timezone = 'Asia/Tokyo'", "search_path = pg_temp", "statement_timeout = '1h'"):
            made.run({"postgresql": f'ALTER ROLE "{{user}}" SET {setting}', "other": ""})
        yield made


@by_way
def test_what_the_server_has_set_for_the_account_does_not_count(server: Server, abroad: Account, way: Way) -> None:
    config = configured(server, way, user=abroad.user, password=PASSWORD, schema="app", deadline="2.5")
    engine = way.engine(config, pool_size=1, max_overflow=0)
    for _ in range(2):
        with engine.connect() as connection:
            assert shown(connection, "TimeZone", "search_path", "statement_timeout") == ["UTC", '"app"', "2500ms"]
            connection.rollback()
    engine.dispose()


@by_way
def test_what_is_said_at_the_start_outlives_a_reset(server: Server, way: Way) -> None:
    engine = way.engine(configured(server, way, schema="app", deadline="2.5"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("SET search_path = public")
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("RESET ALL")
        assert shown(connection, "search_path", "statement_timeout") == ['"app"', "2500ms"]
    engine.dispose()


@by_way
def test_an_engine_that_commits_by_itself_does_so_in_utc(server: Server, abroad: Account, way: Way) -> None:
    config = configured(server, way, user=abroad.user, password=PASSWORD)
    engine = way.engine(config, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        assert shown(connection, "TimeZone") == ["UTC"]
        driver: Any = connection.connection.dbapi_connection
        assert driver.autocommit is True


@by_way
def test_a_statement_is_ended_at_its_deadline_and_the_connection_lives_on(server: Server, way: Way) -> None:
    engine = way.engine(configured(server, way, deadline="0.3"))
    with engine.connect() as connection:
        number, began = one(connection, "SELECT pg_backend_pid()"), time.monotonic()
        with pytest.raises(sa.exc.DBAPIError, match="canceling statement due to statement timeout"):
            connection.exec_driver_sql("SELECT pg_sleep(20)")
        assert 0.25 < time.monotonic() - began < 3
        connection.rollback()
        assert one(connection, "SELECT pg_backend_pid()") == number
    engine.dispose()


@by_way
def test_what_goes_unacknowledged_is_given_up_at_the_deadline(server: Server, way: Way) -> None:
    if way.driver == "asyncpg":
        config = configured(server, way, deadline="7")
        assert config.connect_args(asynchronous=True)["command_timeout"] == 8
        return
    engine = way.engine(configured(server, way, deadline="7"), poolclass=NullPool)
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        number = get_backend("postgresql").connector(engine.dialect.driver).socket_fd(driver)
        assert number is not None
        with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as same:
            told = {
                name: same.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            }
    assert told == {"TCP_USER_TIMEOUT": 7000, "TCP_KEEPIDLE": 7, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3}


@by_way
def test_options_of_the_driver_are_taken_and_added_to(server: Server, way: Way) -> None:
    numbers = {
        "psycopg": {"prepare_threshold": "none"},
        "asyncpg": {"statement_cache_size": "0", "prepared_statement_cache_size": "0"},
    }
    query = {"application_name": "mine", "options": "-c work_mem=1MB", **numbers.get(way.driver, {})}
    engine = way.engine(replace(configured(server, way, schema="app"), query=query), poolclass=NullPool)
    with engine.connect() as connection:
        assert shown(connection, "application_name", "work_mem", "search_path") == ["mine", "1MB", '"app"']
        # as a pooler between wants it; by themselves psycopg and asyncpg would have prepared this one by now
        kept = max(one(connection, "SELECT count(*) FROM pg_prepared_statements") for _ in range(8))
        # asyncpg 0.30 sees the one that asks
        assert kept <= int(way.driver == "asyncpg")


def test_a_url_is_refused_where_asyncpg_would_not_verify_and_given_where_nothing_is_to_be(server: Server) -> None:
    way = Way(backend="postgresql", driver="asyncpg", asynchronous=True)
    with pytest.raises(ConfigurationError, match="a URL cannot have asyncpg verify TLS") as caught:
        configured(server, way).url(asynchronous=True)
    assert "create_async_engine()" in str(caught.value.hint)
    clear = resolve(
        Settings(),
        "user",
        environ={"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "localhost", "DATABASE_TLS": "insecure-loopback"}
        | {"DATABASE_USER": "me", "DATABASE_PASSWORD": PASSWORD, "DATABASE_NAME": "mine"}
        | way.environ(),
    )
    assert clear.get_connection_url(asynchronous=True) == (
        f"postgresql+asyncpg://me:{PASSWORD}@localhost:5432/mine?ssl=disable"
    )


# --- certificates of clients ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """Give a server that wants a certificate of its clients, by a CA of its own; skips where none can be started."""
    reason = why_not("postgresql")
    if reason is not None:
        pytest.skip(reason)
    with private_server("postgresql") as private:
        yield private.server


@pytest.fixture(scope="module")
def certificate(strict: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, authority = Path(strict.ca or "").parent, trustme.CA()
    clients = folder / "clients.crt"
    authority.cert_pem.write_to_path(clients)
    (folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n")
    strict.execute(f"ALTER SYSTEM SET ssl_ca_file = '{clients}'", "SELECT pg_reload_conf()")
    made, kept = authority.issue_cert(common_name="client"), tmp_path_factory.mktemp("client")
    (kept / "client.pem").write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
    made.private_key_pem.write_to_path(kept / "client.key")
    (kept / "client.key").chmod(0o600)
    made.private_key_and_cert_chain_pem.write_to_path(kept / "both.pem")
    (kept / "both.pem").chmod(0o600)
    return {"ssl_cert": str(kept / "client.pem"), "ssl_key": str(kept / "client.key"), "both": str(kept / "both.pem")}


@by_way
def test_the_servers_demand_for_a_certificate_is_met(strict: Server, certificate: dict[str, str], way: Way) -> None:
    said = [{name: certificate[name] for name in ("ssl_cert", "ssl_key")}, {"ssl_cert": certificate["both"]}]
    for words in said:
        with way.engine(configured(strict, way, **words), poolclass=NullPool).connect() as connection:
            name = one(connection, "SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert name.endswith("CN=client")


@by_way
@pytest.mark.usefixtures("certificate")
def test_who_shows_no_certificate_is_told_that_it_is_about_tls(strict: Server, way: Way) -> None:
    with pytest.raises(sa.exc.OperationalError, match="requires a valid client certificate") as caught:
        way.engine(configured(strict, way)).connect()
    assert get_backend("postgresql").errors.fault(caught.value) is Fault.TLS_REFUSED
