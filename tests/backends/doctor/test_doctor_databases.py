"""What the doctor says of the database itself: characters, order, schema, and how its sessions are set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.pool import NullPool

from dbkit.backends.protocol import Verdict
from tests.backends.accounts import Account
from tests.backends.doctor.examined import ADVICE, FAMILY, OK, PROBLEM, Look, login, of, on_servers, only
from tests.servers import Server, throw_away_name

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
