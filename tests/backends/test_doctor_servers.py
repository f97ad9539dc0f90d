"""What the doctor sees on real servers: nothing wrong where nothing is, and each fault where a throw-away account or database has it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.backends.protocol import Verdict
from dbkit.checks.doctor import doctor
from dbkit.checks.findings import Finding, ServiceFindings
from dbkit.checks.grants import grants
from dbkit.errors import ExitCode
from dbkit.project import Project
from dbkit.testing.authorities import Authority
from tests.backends.accounts import Account, throw_away_account
from tests.backends.relay import Relay, relayed
from tests.projects import Home
from tests.servers import PREFIX, Server, find_server, how_to_start, throw_away_name

PASSWORD = "Start-1-" + secrets.token_hex(6)
OTHER_PASSWORD = "Other-1-" + secrets.token_hex(6)
OK, ADVICE, PROBLEM = Verdict.OK, Verdict.ADVICE, Verdict.PROBLEM
FAMILY = ("mariadb", "mysql", "tidb")

Look = Callable[..., ServiceFindings]


def only(*backends: str) -> Any:
    """Run a test on some of the servers, for what only these have."""
    chosen = [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in backends]
    return pytest.mark.parametrize("server", chosen, indirect=True)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Server:
    """Give a server by its name, for tests that choose; else each in turn."""
    found = find_server(request.param)
    if found is None:
        pytest.skip(how_to_start(request.param))
    return found


on_servers = only("postgresql", "mariadb", "mysql", "tidb", "mssql")


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    """Give a database with a table in it."""
    with server.database() as made:
        with server.engine(made, poolclass=NullPool).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE things (id INT PRIMARY KEY)")
        yield made


@pytest.fixture
def account(server: Server, name: str) -> Iterator[Account]:
    with throw_away_account(server, PASSWORD) as made:
        yield made
        if server.backend == "postgresql":  # a role is not dropped while it has rights in any database
            with server.engine(name, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as administrator:
                administrator.exec_driver_sql(f'DROP OWNED BY "{made.user}"')


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, name: str) -> Look:
    """Give the doctor's visit at a service on the server, by other variables where they are given."""
    project = Home(tmp_path).write("user").project()

    def examine(*, processes: int = 1, deadline_s: float = 60.0, **environ: str) -> ServiceFindings:
        for key, value in (server.environ(name) | environ).items():
            monkeypatch.setenv(key, value)
        return doctor(project, processes=processes, deadline_s=deadline_s).services[0]

    return examine


def of(found: ServiceFindings, check: str) -> Finding:
    """Give the one finding of a check."""
    (seen,) = [one for one in found.findings if one.check == check]
    return seen


def login(account: Account, password: str = PASSWORD) -> dict[str, str]:
    return {"DATABASE_USER": account.user, "DATABASE_PASSWORD": password}


@on_servers
def test_a_healthy_server_has_no_problem(server: Server, name: str, look: Look) -> None:
    found = look()
    assert [one for one in found.findings if one.verdict is PROBLEM] == []
    assert (found.exit_code, found.error) == (ExitCode.OK, None)
    assert (found.database, found.user) == (name, server.url.username)
    assert str(found.version) in server.version()
    everywhere = {"server.version", "server.writable", "server.clock", "database.collation", "session.isolation"}
    everywhere |= {"limits.server", "connection.latency", "rights.service", "rights.migration", "settings.unknown"}
    assert everywhere - {one.check for one in found.findings} == set()


@only("postgresql", *FAMILY)
def test_tls_is_told_with_version_and_days(look: Look) -> None:
    said = of(look(), "tls.certificate").message
    assert said.startswith("TLSv1.")
    assert "the certificate of CN=localhost expires in " in said


@only(*FAMILY)
def test_an_account_that_may_log_in_without_tls_is_advised_the_statement_that_ends_it(
    server: Server, name: str, account: Account, look: Look
) -> None:
    account.grant(name)
    seen = of(look(**login(account)), "tls.account")
    assert seen.verdict is ADVICE
    assert f"{account.user}@% may log in without it" in seen.message
    statement = f"ALTER USER `{account.user}`@`%` REQUIRE SSL;"
    assert str(seen.hint).startswith(statement)
    account.run({"other": statement})
    assert of(look(**login(account)), "tls.account").verdict is OK
    account.set_password(OTHER_PASSWORD)
    again = of(look(**login(account, OTHER_PASSWORD)), "tls.account")
    assert again.verdict is (ADVICE if server.backend == "tidb" else OK)
    assert ("every ALTER USER" in str(seen.hint)) is (server.backend == "tidb")


@on_servers
def test_a_wrong_password_is_3_and_not_shown(look: Look) -> None:
    found = look(DATABASE_PASSWORD=OTHER_PASSWORD)
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "connection.reachable").verdict is PROBLEM
    assert "refuses the log-in of" in str(found.error)
    assert OTHER_PASSWORD not in json.dumps(found.to_json())


@on_servers
def test_a_closed_port_is_3(look: Look) -> None:
    found = look(DATABASE_PORT="1", DATABASE_CONNECT_TIMEOUT="2")
    assert (found.exit_code, found.version) == (ExitCode.UNREACHABLE, None)
    assert "cannot reach" in of(found, "connection.reachable").message


@on_servers
def test_a_missing_database_is_3_and_is_not_made(server: Server, look: Look) -> None:
    absent = throw_away_name()
    found = look(DATABASE_NAME=absent)
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "database.exists").hint == "dbkit create makes it"
    assert not server.has_database(absent)


@only("mariadb", "tidb")
def test_another_product_than_configured_is_2(server: Server, look: Look) -> None:
    found = look(DATABASE_TYPE="mysql")
    assert found.exit_code is ExitCode.USAGE
    assert of(found, "server.type").hint == f"set DATABASE_TYPE={server.backend}"


@on_servers
def test_settings_that_are_refused_are_2(server: Server, look: Look) -> None:
    found = look(DATABASE_PORT="99999")
    assert (found.exit_code, found.backend, found.refused) == (ExitCode.USAGE, server.backend, True)
    assert "expected a port" in of(found, "settings.usable").message


@only("postgresql", "mariadb", "mysql")
def test_more_connections_than_the_server_takes_are_a_problem(look: Look) -> None:
    found = look(processes=2000)
    assert found.exit_code is ExitCode.DIFFERENT
    assert "; this service may open 60000, and those above are refused" in of(found, "limits.server").message


@only("tidb")
def test_tidb_takes_any_number_of_connections(look: Look) -> None:
    assert of(look(processes=2000), "limits.server").message == "max_connections: no limit; this service may open 60000"


LIMITS = {
    "postgresql": 'ALTER ROLE "{user}" CONNECTION LIMIT 5',
    "other": "ALTER USER '{user}'@'%' WITH MAX_USER_CONNECTIONS 5",
}


@only("postgresql", "mariadb", "mysql")
def test_an_account_with_fewer_connections_than_the_pool_is_a_problem(name: str, account: Account, look: Look) -> None:
    account.grant(name)
    account.run(LIMITS)
    found = of(look(**login(account)), "limits.account")
    assert found.verdict is PROBLEM
    assert ": 5 connections; this service may open 30" in found.message
    small = look(**login(account), DATABASE_POOL_SIZE="4", DATABASE_MAX_OVERFLOW="0")
    assert of(small, "limits.account").verdict is OK


@only("postgresql")
def test_a_database_with_fewer_connections_than_the_pool_is_a_problem(
    server: Server, account: Account, look: Look
) -> None:
    with server.database() as small:
        account.grant(small)
        server.execute(f'ALTER DATABASE "{small}" CONNECTION LIMIT 7')
        found = of(look(**login(account), DATABASE_NAME=small), "limits.database")
    assert found.verdict is PROBLEM
    assert str(found.hint).endswith(f'ALTER DATABASE "{small}" CONNECTION LIMIT -1')


ONE = {key: text.replace("5", "1") for key, text in LIMITS.items()}


@only("postgresql", "mariadb", "mysql")
def test_an_account_with_one_connection_is_a_problem_and_not_an_outage(name: str, account: Account, look: Look) -> None:
    account.grant(name)
    account.run(ONE)
    found = look(**login(account))
    assert found.exit_code is ExitCode.DIFFERENT
    assert of(found, "connection.second").verdict is PROBLEM
    assert of(found, "connection.latency").verdict is OK


def give_few(server: Server, name: str, account: Account) -> None:
    """Give an account the right to look into a database, and no more."""
    if server.backend == "postgresql":
        return  # everybody may connect, and look at nothing
    server.execute(f"GRANT SELECT ON `{name}`.* TO '{account.user}'@'%%'")


@only("postgresql", *FAMILY)
def test_each_missing_right_is_told_with_the_statement_that_gives_it(
    server: Server, name: str, account: Account, look: Look
) -> None:
    give_few(server, name, account)
    found = look(**login(account))
    lacking = [one for one in found.findings if one.check == "rights.service"]
    assert found.exit_code is ExitCode.DIFFERENT
    assert {one.verdict for one in lacking} == {PROBLEM}
    assert any("INSERT into its tables" in one.message for one in lacking)
    with server.engine(name, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as administrator:
        for one in lacking:
            administrator.exec_driver_sql(str(one.hint).replace("%", "%%"))
    given = look(**login(account))
    assert of(given, "rights.service").message == f"{account.user!r} may read and write rows"
    # it may be the account of a service whose migrations have another one: that is as it should be, and said once
    advised = of(given, "rights.migration")
    assert (advised.verdict, advised.message) == (ADVICE, f"{account.user!r} lacks rights that migrations need")
    assert str(advised.hint).startswith(
        "that is right where migrations log in as DATABASE_MIGRATION_USER; else: GRANT "
    )
    assert given.exit_code is ExitCode.OK
    strict = look(**login(account), DBKIT_ENV="production")
    assert [one for one in strict.findings if one.check == "rights.account"] == []


@only("postgresql", *FAMILY)
def test_a_service_that_may_change_its_schema_is_advised_against_in_production(look: Look) -> None:
    assert of(look(DBKIT_ENV="production"), "rights.account").verdict is ADVICE


@only("postgresql", *FAMILY)
def test_a_migration_account_is_logged_in_and_looked_at(
    server: Server, name: str, account: Account, look: Look
) -> None:
    give_few(server, name, account)
    migrating = {"DATABASE_MIGRATION_USER": account.user, "DATABASE_MIGRATION_PASSWORD": PASSWORD}
    lacking = [one for one in look(**migrating).findings if one.check == "rights.migration"]
    assert {one.verdict for one in lacking} == {PROBLEM}
    assert any("CREATE TABLE" in one.message for one in lacking)
    refused = look(**(migrating | {"DATABASE_MIGRATION_PASSWORD": OTHER_PASSWORD}))
    assert refused.exit_code is ExitCode.DIFFERENT
    assert "refuses the log-in of" in of(refused, "rights.migration").message


@pytest.fixture
def two(server: Server) -> Iterator[dict[str, str]]:
    """Name two accounts that are not there yet, in the settings of a service; those that were made are dropped."""
    named = [f"{PREFIX}_{secrets.token_hex(4)}" for _ in range(2)]
    found = dict(zip(("DATABASE_USER", "DATABASE_MIGRATION_USER"), named, strict=True))
    yield found | {"DATABASE_PASSWORD": PASSWORD, "DATABASE_MIGRATION_PASSWORD": PASSWORD}
    for user in named:
        server.execute(f'DROP ROLE "{user}"' if server.backend == "postgresql" else f"DROP USER '{user}'@'%%'")


@only("postgresql", *FAMILY)
def test_two_accounts_with_the_scripts_of_grants_lack_nothing(
    tmp_path: Path, server: Server, look: Look, two: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.database() as own:
        for key, value in (server.environ(own) | two).items():
            monkeypatch.setenv(key, value)
        (script,) = grants(Project.find(tmp_path)).services
        with server.engine(own, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as administrator:
            for statement in script.statements:
                sql = statement.sql.replace("<PASSWORD>", f"'{PASSWORD}'").replace("%", "%%")
                administrator.exec_driver_sql(sql)
        found = look(**two, DATABASE_NAME=own)
    assert {one.check: one.verdict for one in found.findings if one.check.startswith("rights.")} == {
        "rights.service": OK,
        "rights.migration": OK,
    }
    assert found.exit_code is ExitCode.OK


@only("postgresql", *FAMILY)
def test_a_migration_account_that_is_the_services_own_is_advised_against(server: Server, look: Look) -> None:
    same = {
        "DATABASE_MIGRATION_USER": str(server.url.username),
        "DATABASE_MIGRATION_PASSWORD": str(server.url.password),
    }
    assert of(look(**same), "rights.account").verdict is ADVICE


@only("postgresql", *FAMILY)
def test_an_account_that_may_do_anything_is_advised_against(name: str, account: Account, look: Look) -> None:
    assert of(look(), "server.account").verdict is ADVICE
    account.grant(name)
    seen = of(look(**login(account)), "server.account")
    assert (seen.verdict, account.user in seen.message) == (OK, True)


CHARSETS = {
    "postgresql": "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    "mariadb": "CREATE DATABASE `{name}` CHARACTER SET latin1",
    "mysql": "CREATE DATABASE `{name}` CHARACTER SET latin1",
    "tidb": "CREATE DATABASE `{name}` CHARACTER SET latin1",
}
COLLATIONS = {
    "postgresql": "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C'",
    "mariadb": "CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "mysql": "CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "tidb": "CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "mssql": "CREATE DATABASE [{name}] COLLATE Latin1_General_100_CI_AS",
}
SEEN = {
    "postgresql": "ordered by de-DE",
    "mariadb": "passes over case, accents and trailing blanks in comparisons",
    "mysql": "passes over case, accents and trailing blanks in comparisons",
    "tidb": "passes over case, accents and trailing blanks in comparisons",
    "mssql": "passes over case and trailing blanks in comparisons",
}


@pytest.fixture
def odd(server: Server) -> Iterator[Callable[[dict[str, str]], str]]:
    """Make a database by a statement of one's own."""
    made = throw_away_name()

    def create(statements: dict[str, str]) -> str:
        server.execute(statements[server.backend].format(name=made))
        return made

    yield create
    server.drop_database(made)


@only("postgresql", *FAMILY)
def test_a_database_that_cannot_keep_every_character_is_a_problem(
    odd: Callable[[dict[str, str]], str], look: Look
) -> None:
    found = of(look(DATABASE_NAME=odd(CHARSETS)), "database.charset")
    assert found.verdict is PROBLEM
    assert found.message.lower().endswith("latin1, which cannot keep every character")


@on_servers
def test_a_database_that_compares_or_orders_otherwise_is_advised_against(
    server: Server, odd: Callable[[dict[str, str]], str], look: Look
) -> None:
    found = of(look(DATABASE_NAME=odd(COLLATIONS)), "database.collation")
    assert found.verdict is ADVICE
    assert SEEN[server.backend] in found.message


@only(*FAMILY)
def test_a_pool_that_keeps_connections_longer_than_the_server_is_advised_against(look: Look) -> None:
    assert of(look(DATABASE_POOL_RECYCLE="-1"), "limits.idle").verdict is ADVICE
    assert of(look(DATABASE_POOL_RECYCLE="300"), "limits.idle").verdict is OK


@only("postgresql")
@pytest.mark.parametrize(
    ("statement", "check", "verdict"),
    [
        ("SET idle_session_timeout = '60s'", "limits.idle", ADVICE),
        ("SET default_transaction_read_only = on", "server.writable", PROBLEM),
        ("SET search_path = pg_catalog", "database.schema", ADVICE),
    ],
)
def test_what_an_account_is_set_to_is_seen(
    name: str, account: Account, look: Look, *, statement: str, check: str, verdict: Verdict
) -> None:
    account.grant(name)
    account.run({"other": f'ALTER ROLE "{{user}}" {statement}'})
    assert of(look(**login(account)), check).verdict is verdict


@only("postgresql")
def test_a_schema_that_is_not_there_is_a_problem(look: Look) -> None:
    found = of(look(DATABASE_SCHEMA="absent"), "database.schema")
    assert found.verdict is PROBLEM
    assert str(found.hint).startswith('CREATE SCHEMA "absent"; GRANT USAGE ON SCHEMA "absent" TO ')


@only("tidb")
def test_the_switches_of_tidb_are_as_the_server_has_them(server: Server, look: Look) -> None:
    with server.engine(poolclass=NullPool).connect() as connection:
        on = connection.exec_driver_sql("SELECT @@tidb_enable_check_constraint").scalar_one()
    found = look()
    assert of(found, "tidb.check_constraints").verdict is (OK if on else ADVICE)
    assert of(found, "tidb.collations").verdict is OK
    assert of(found, "tidb.foreign_keys").verdict is OK


@only("postgresql", *FAMILY)
def test_a_ca_that_has_expired_is_told_beside_what_comes_of_it(tmp_path: Path, look: Look) -> None:
    expired = Authority.make(tmp_path, now=datetime.now(UTC) - timedelta(days=200))
    found = look(DATABASE_SSL_CA=expired.ca_file)
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "tls.ca").verdict is PROBLEM
    assert of(found, "tls.certificate").verdict is PROBLEM


@only("postgresql", *FAMILY)
@pytest.mark.parametrize(("environment", "verdict"), [("development", ADVICE), ("production", PROBLEM)])
def test_a_password_that_everybody_may_read_is_told(
    tmp_path: Path, server: Server, look: Look, monkeypatch: pytest.MonkeyPatch, *, environment: str, verdict: Verdict
) -> None:
    file = tmp_path / "secret"
    file.write_text(str(server.url.password))
    file.chmod(0o644)
    monkeypatch.setenv("DBKIT_ENV", environment)
    told = {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": str(file)}
    found = of(look(**told), "settings.password")
    assert (found.verdict, found.file) == (verdict, str(file))
    file.chmod(0o600)
    assert of(look(**told), "settings.password").verdict is OK


@only("postgresql", *FAMILY)
def test_a_key_that_everybody_may_read_is_told(tmp_path: Path, look: Look) -> None:
    issued = Authority.make(tmp_path).issue("client")
    Path(issued.key_file).chmod(0o644)
    found = look(DATABASE_SSL_CERT=issued.cert_file, DATABASE_SSL_KEY=issued.key_file)
    assert of(found, "tls.key").verdict is ADVICE


class Choking(Relay):
    """A relay that falls silent once the server has said so much."""

    said_bytes = 0
    enough_bytes = 9000

    def _pump(self, source: Any, target: Any) -> None:
        class Counting:
            def sendall(_, data: bytes) -> None:  # noqa: N805 - `self` is the relay
                self.said_bytes += len(data)
                if self.said_bytes > self.enough_bytes:
                    self.fall_silent()
                self._talks.wait()
                target.sendall(data)

            def shutdown(_, how: int) -> None:  # noqa: N805
                target.shutdown(how)

        super()._pump(source, Counting())  # type: ignore[arg-type]  # what a pump needs of a socket


@only("postgresql", *FAMILY)
def test_a_server_that_falls_silent_half_way_is_3_in_time(server: Server, look: Look) -> None:
    relay = Choking(server.url.port or 0)
    began = time.monotonic()
    try:
        found = look(DATABASE_PORT=str(relay.port), deadline_s=1.0)
        took_s = time.monotonic() - began
    finally:
        relay.close()
    assert found.exit_code is ExitCode.UNREACHABLE
    assert "did not answer all questions within 1 s" in str(found.error)
    assert took_s < 3
    # what was found until then is told
    assert of(found, "settings.unknown").verdict is OK


@only("postgresql", *FAMILY)
def test_a_service_that_cannot_be_reached_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, name: str
) -> None:
    for key, value in server.environ(name).items():
        monkeypatch.setenv(key, value)
    project = Home(tmp_path).write("user", "project").project()
    with relayed(server.url.port) as relay:
        relay.fall_silent()
        monkeypatch.setenv("PROJECT_DATABASE_PORT", str(relay.port))
        monkeypatch.setenv("PROJECT_DATABASE_CONNECT_TIMEOUT", "1")
        began = time.monotonic()
        silent, well = doctor(project).services
        took_s = time.monotonic() - began
    assert (silent.exit_code, well.exit_code) == (ExitCode.UNREACHABLE, ExitCode.OK)
    assert took_s < 5


@on_servers
def test_looking_writes_nothing(server: Server, name: str, look: Look) -> None:
    def tables() -> list[str]:
        with server.engine(name, poolclass=NullPool).connect() as connection:
            inspector = sa.inspect(connection)
            return sorted([*inspector.get_table_names(), *inspector.get_view_names()])

    before = tables()
    look()
    assert tables() == before == ["things"]
