"""`dbkit grants`: the scripts as they were reviewed, and what the command makes of its options; no server is there.

Run with `DBKIT_TEST_UPDATE_GOLDEN=1` to write the scripts anew, and read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dbkit.backends import backend_names
from dbkit.cli.main import run
from tests.projects import Home

GOLDEN = Path(__file__).parent / "golden"
ACCOUNTS = {"DATABASE_USER": "app", "DATABASE_MIGRATION_USER": "app_migration"}


@pytest.fixture(autouse=True)
def project(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Run commands in a project whose server does not exist."""
    monkeypatch.chdir(home.root)
    settings = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "db.example.invalid", "DATABASE_NAME": "shop_{service}"}
    for key, value in (settings | ACCOUNTS).items():
        monkeypatch.setenv(key, value)
    return home


@pytest.mark.parametrize("backend", [name for name in backend_names() if name != "sqlite"])
def test_the_script_is_the_one_that_was_reviewed(
    backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_TYPE", backend)
    code = run(["grants", "user"])
    written = capsys.readouterr()
    golden = GOLDEN / f"grants.{backend}.sql"
    if os.environ.get("DBKIT_TEST_UPDATE_GOLDEN"):
        golden.write_text(written.out, encoding="utf-8")
    assert (code, written.err, written.out) == (0, "", golden.read_text(encoding="utf-8"))


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Run the command and give the lines of its script that are SQL."""
    assert run(["grants", *arguments]) == 0
    return [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith("--")]


def test_sqlite_has_no_accounts_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ("DATABASE_HOST", "DATABASE_NAME", *ACCOUNTS):
        monkeypatch.delenv(key)
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    monkeypatch.setenv("DATABASE_SQLITE_PATH", "shop.db")
    assert run(["grants", "user"]) == 0
    out, err = capsys.readouterr()
    assert all(line.startswith("-- ") for line in out.splitlines())
    assert "SQLite has no accounts" in out
    assert err == ""


def test_only_one_of_the_accounts_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert any('"app_migration"' in line for line in lines(capsys, "user", "--role", "migration"))
    assert not any('"app"' in line for line in lines(capsys, "user", "--role", "migration"))
    assert 'CREATE ROLE "app_migration" LOGIN PASSWORD <PASSWORD>;' not in lines(capsys, "user", "--role", "service")


def test_accounts_and_the_host_may_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_TYPE", "mariadb")
    made = [
        line
        for line in lines(capsys, "user", "--service-account", "a", "--migration-account", "b", "--from", "10.0.%")
        if line.startswith("CREATE")
    ]
    assert made == [
        "CREATE USER `b`@`10.0.%` IDENTIFIED BY <PASSWORD> REQUIRE SSL;",
        "CREATE USER `a`@`10.0.%` IDENTIFIED BY <PASSWORD> REQUIRE SSL;",
    ]


@pytest.mark.parametrize(
    ("variable", "value"), [("DATABASE_HOST", "/run/mysqld.sock"), ("DATABASE_TLS", "insecure-private")]
)
def test_tls_is_not_demanded_where_there_is_none(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_TYPE", "mysql")
    monkeypatch.setenv("DATABASE_HOST", "db")
    monkeypatch.setenv(variable, value)
    assert not any("REQUIRE SSL" in line for line in lines(capsys, "user"))


def test_what_services_on_one_server_have_in_common_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    script = lines(capsys)
    assert script.count('CREATE ROLE "app" LOGIN PASSWORD <PASSWORD>;') == 1
    assert {
        'GRANT CONNECT ON DATABASE "shop_user" TO "app";',
        'GRANT CONNECT ON DATABASE "shop_project" TO "app";',
    } < set(script)


def test_one_account_for_both_is_told_and_given_the_rights_of_the_migration_account_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_MIGRATION_USER")
    assert run(["grants", "user"]) == 0
    out, err = capsys.readouterr()
    assert "-- One account, 'app', does everything: it may change the schema as well.\n" in out
    assert "ALTER DEFAULT PRIVILEGES" not in out
    assert err.startswith("note: service 'user' has one account, 'app'")
    assert "DATABASE_MIGRATION_USER" in err


def test_names_that_try_to_get_out_of_their_quotes_stay_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    name = 'a"; DROP DATABASE x; --\nDROP TABLE y; /*\u2028'
    assert run(["grants", "user", "--service-account", name, "--migration-account", name]) == 0
    out = capsys.readouterr().out
    assert out.count('"a""; DROP DATABASE x; --\nDROP TABLE y; /*\u2028"') == out.count("DROP TABLE y") - 1
    assert r"""-- One account, 'a"; DROP DATABASE x; --\nDROP TABLE y; /*\u2028', does everything""" in out


def test_json_holds_every_statement_with_its_account_and_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grants", "user", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (entry,) = document["services"]
    assert (document["schema_version"], document["command"], document["exit_code"]) == (1, "grants", 0)
    assert (entry["service"], entry["backend"], entry["database"]) == ("user", "postgresql", "shop_user")
    assert entry["statements"][1] == {
        "role": "migration",
        "account": "app_migration",
        "sql": 'ALTER ROLE "app_migration" CREATEDB',
        "purpose": "creating the database; not needed where an administrator creates it",
        "database": None,
        "only_for": "create",
    }


def test_without_an_account_it_is_2_and_the_other_services_have_their_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ACCOUNTS:
        monkeypatch.delenv(key)
    monkeypatch.setenv("USER_DATABASE_USER", "app")
    assert run(["grants"]) == 2
    out, err = capsys.readouterr()
    assert "dbkit: error: project: there is no account to give rights to" in err
    assert 'GRANT CONNECT ON DATABASE "shop_user" TO "app";' in out
    assert "shop_project" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "unknown service 'nobody'"),
        (["user", "--role", "root"], "--role takes service, migration or all, not 'root'"),
        (["user", "--format", "table"], "--format takes sql or json, not 'table'"),
    ],
)
def test_what_it_does_not_know_is_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grants", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


def test_a_name_that_no_database_can_have_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_NAME", "-shop")
    assert run(["grants", "user"]) == 2
    out, err = capsys.readouterr()
    assert (out, "database name '-shop' is not allowed" in err) == ("", True)
