"""What the doctor says of an account's rights: each that is missing, and each that is too much."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.pool import NullPool

from dbkit.checks.grants import grants
from dbkit.errors import ExitCode
from dbkit.project import Project
from tests.backends.accounts import Account
from tests.backends.doctor.examined import ADVICE, FAMILY, OK, OTHER_PASSWORD, PASSWORD, PROBLEM, Look, login, of, only
from tests.servers import PREFIX, Server


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
