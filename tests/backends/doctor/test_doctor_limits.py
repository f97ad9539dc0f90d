"""What the doctor says of the connections that a server, a database and an account take, and for how long it keeps them."""

from __future__ import annotations

from dbkit.errors import ExitCode
from tests.backends.accounts import Account
from tests.backends.doctor.examined import ADVICE, FAMILY, OK, PROBLEM, Look, login, of, only
from tests.servers import Server


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


@only(*FAMILY)
def test_a_pool_that_keeps_connections_longer_than_the_server_is_advised_against(look: Look) -> None:
    assert of(look(DATABASE_POOL_RECYCLE="-1"), "limits.idle").verdict is ADVICE
    assert of(look(DATABASE_POOL_RECYCLE="300"), "limits.idle").verdict is OK
