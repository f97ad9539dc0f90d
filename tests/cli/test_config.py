"""`dbkit config show`, `explain`, `url` and `check` as people and programs see them, on every backend."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.cli.runs import Inside, Shell
from tests.projects import Home
from tests.servers import Database

PASSWORD = secrets.token_hex(12)
SERVER = {
    "DATABASE_TYPE": "postgresql",
    "DATABASE_HOST": "db.example.com",
    "DATABASE_USER": "app",
    "DATABASE_PASSWORD": PASSWORD,
}


@pytest.fixture
def on_database(inside: Inside, home: Home, database: Database) -> Inside:
    """Give a shell whose one service has the database of a backend."""
    home.write("user")
    return replace(inside, environ=database.environ)


def entry(document: dict[str, Any], service: str = "user") -> dict[str, Any]:
    assert document["schema_version"] == 1
    return next(found for found in document["services"] if found["service"] == service)


def values(document: dict[str, Any], service: str = "user") -> dict[str, Any]:
    return {value["key"]: value for value in entry(document, service)["values"]}


def test_the_values_of_services_are_shown_once_where_they_agree(shell: Shell) -> None:
    done = shell.run("config", "show", **SERVER, USER_DATABASE_POOL_SIZE="5")
    rows = [line.split(maxsplit=3) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert rows[0] == ["service", "key", "value", "source"]
    assert ["all", "DATABASE_HOST", "db.example.com", "environment"] in rows
    assert ["all", "DATABASE_PASSWORD", "***", "environment"] in rows
    assert ["project", "DATABASE_POOL_SIZE", "10", "default"] in rows
    assert ["user", "DATABASE_POOL_SIZE", "5", "USER_DATABASE_POOL_SIZE, environment"] in rows
    assert ["user", "DATABASE_NAME", "user", "pyproject.toml: database"] in rows
    assert PASSWORD not in done.out


def test_a_program_reads_values_with_their_sources(home: Home, inside: Inside) -> None:
    (home.root / ".env").write_text("\nUSER_DATABASE_PORT=5433\n")
    done = inside.run("config", "show", "user", "--format", "json", **SERVER)
    found = values(done.document)
    assert (done.code, entry(done.document)["host"], entry(done.document)["exit_code"]) == (0, "db.example.com:5433", 0)
    assert found["DATABASE_PORT"]["value"] == 5433
    assert found["DATABASE_PORT"]["source"] == {
        "kind": ".env",
        "name": "USER_DATABASE_PORT",
        "path": str(home.root / ".env"),
        "line": 2,
    }
    assert (found["DATABASE_PASSWORD"]["value"], found["DATABASE_PASSWORD"]["secret"]) == ("***", True)
    assert PASSWORD not in done.out


def test_what_was_overridden_unused_and_unknown_is_explained(inside: Inside) -> None:
    done = inside.run(
        *("config", "explain", "user"),
        **SERVER,
        USER_DATABASE_HOST="own.example.com",
        DATABASE_SQLITE_PATH="x.db",
        DATABASE_REPLICA_NAMES="x",
        DBKIT_MIGRATE_JOBS="2",
    )
    said = " ".join(done.out.split())
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("user: PostgreSQL at own.example.com:5432, database user, as app\n")
    assert "DATABASE_HOST own.example.com USER_DATABASE_HOST, environment" in said
    assert "over db.example.com (DATABASE_HOST, environment): the service's own comes first" in said
    assert "not used DATABASE_SQLITE_PATH x.db environment PostgreSQL is a server" in said
    assert "unknown DATABASE_REPLICA_NAMES nothing reads it by default" in said
    assert "DATABASE_PASSWORD *** environment" in said
    assert PASSWORD not in done.out


def test_an_explanation_fits_a_hundred_columns(on_database: Inside) -> None:
    done = on_database.run("config", "explain", "user", DATABASE_DEADLINE="5")
    assert done.code == 0
    # a path that is longer than the line is not broken, or nobody could copy it
    wide = [line for line in done.out.splitlines() if len(line) > 100 and len(line.split()[-1]) < 60]
    assert wide == []


def test_each_backend_is_explained_down_to_the_driver(on_database: Inside, database: Database) -> None:
    done = on_database.run("config", "explain", "user", "--format", "json")
    found = entry(done.document)
    assert (done.code, found["backend"], found["error"]) == (0, database.backend, None)
    head, _ = on_database.run("config", "explain", "user").out.split("\n", 1)
    assert head == on_database.run("config", "check", "user").out.split("\n", 1)[0]
    assert [engine["kind"] for engine in found["engines"]] == ["sync", "async"]
    assert all(engine["error"] is None and engine["url"] and engine["pool"] for engine in found["engines"])
    password = on_database.environ.get("DATABASE_PASSWORD", "")
    assert not password or password not in done.out


def test_what_cannot_be_read_is_told_after_what_can(shell: Shell) -> None:
    done = shell.run("config", "explain", "user", **SERVER, DATABASE_PORT="abc")
    assert done.code == 2
    assert "DATABASE_HOST      db.example.com  environment" in done.out
    assert "not abc (DATABASE_PORT, environment): it is refused" in done.out
    assert done.err.splitlines() == [
        "dbkit: error: user: DATABASE_PORT is 'abc': expected a port, 1 to 65535",
        "hint: or leave it out; the default: the backend's own; 4000 on TiDB Cloud",
    ]


def test_a_project_that_cannot_be_read_has_nothing_to_explain(home: Home, inside: Inside) -> None:
    (home.root / "pyproject.toml").write_text("[tool.dbkit\n")
    done = inside.run("config", "explain")
    assert (done.code, done.out, "pyproject.toml" in done.err) == (2, "", True)


def test_a_url_is_the_only_line_and_hides_the_password(shell: Shell) -> None:
    done = shell.run("config", "url", "user", **SERVER)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    url = sa.make_url(done.out.strip())
    assert (url.drivername, url.host, url.password, url.query["sslmode"]) == (
        *("postgresql+psycopg2", "db.example.com", "***", "verify-full"),
    )
    revealed = shell.run("config", "url", "user", "--reveal", **SERVER)
    assert (sa.make_url(revealed.out.strip()).password, revealed.err) == (PASSWORD, "")


def test_the_url_of_another_account_and_of_another_kind_of_engine(inside: Inside) -> None:
    owner = {**SERVER, "DATABASE_MIGRATION_USER": "owner", "DATABASE_MIGRATION_PASSWORD": "of-the-owner"}
    done = inside.run("config", "url", "user", "--migration", "--async", "--reveal", **owner)
    url = sa.make_url(done.out.strip())
    assert (url.drivername, url.username, url.password) == ("postgresql+psycopg", "owner", "of-the-owner")


REFUSALS = [
    ({"DATABASE_DRIVER": "asyncpg"}, ("--async",), "create_async_engine()"),
    ({"DATABASE_TYPE": "tidb", "DATABASE_PASSWORD": "café-pass"}, (), "create_engine()"),
    ({"DATABASE_TYPE": "mssql", "DATABASE_SSL_CA": "ca.pem"}, (), "SSL_CERT_FILE"),
]


@pytest.mark.parametrize(("environ", "options", "way_out"), REFUSALS, ids=["asyncpg", "not ASCII", "private CA"])
def test_where_there_is_no_safe_url_the_refusal_is_the_answer(
    home: Home, inside: Inside, environ: dict[str, str], options: tuple[str, ...], way_out: str
) -> None:
    import trustme

    trustme.CA().cert_pem.write_to_path(str(home.root / "ca.pem"))
    done = inside.run("config", "url", "user", "--reveal", *options, **{**SERVER, **environ})
    assert (done.code, done.out, done.err.count("dbkit: error: ")) == (2, "", 1)
    assert way_out in done.err
    assert environ.get("DATABASE_PASSWORD", PASSWORD) not in done.err


def test_a_terminal_is_warned_that_it_shows_a_password(shell: Shell) -> None:
    done = shell.on_terminal("config", "url", "user", "--reveal", **SERVER)
    assert done.code == 0
    assert "warning: this shows a password" in done.out
    assert PASSWORD in done.out


@pytest.fixture
def migrated(on_database: Inside) -> Inside:
    """Give a shell whose database is there, also where it is a file."""
    on_database.run("create", "user")
    return on_database


def test_every_account_and_driver_is_logged_in_with_on_request(migrated: Inside, database: Database) -> None:
    owner = (
        {}
        if database.backend == "sqlite"
        else {
            "DATABASE_MIGRATION_USER": migrated.environ["DATABASE_USER"],
            "DATABASE_MIGRATION_PASSWORD": migrated.environ["DATABASE_PASSWORD"],
        }
    )
    done = migrated.run("config", "check", "--connect", "--format", "json", **owner)
    found = {item["check"]: item["verdict"] for item in entry(done.document)["findings"]}
    assert (done.code, done.err) == (0, "")
    expected = {"connection.service", "connection.async", *(["connection.migrations"] if owner else [])}
    assert {check for check in found if check.startswith("connection")} == expected
    assert set(found.values()) == {"ok"}


def test_a_refused_account_is_3_and_named(migrated: Inside, database: Database) -> None:
    if database.backend == "sqlite":
        done = migrated.run("config", "check", "--connect", DATABASE_SQLITE_PATH="missing.db")
        assert (done.code, "missing.db" in done.out) == (3, True)
        assert not (Path(migrated.folder) / "missing.db").exists()
        return
    wrong = secrets.token_hex(8)
    owner = {"DATABASE_MIGRATION_USER": migrated.environ["DATABASE_USER"], "DATABASE_MIGRATION_PASSWORD": wrong}
    done = migrated.run("config", "check", "--connect", **owner)
    said = " ".join(done.out.split())
    assert (done.code, "problem connection.migrations" in said, "ok settings" in said) == (3, True, True)
    assert wrong not in done.out + done.err
    assert migrated.run("config", "check", **owner).code == 0


PROVIDERS = """
async def later(login):
    return "token"

def broken(login):
    raise KeyError("vault")
"""


def test_a_provider_is_called_on_request_alone(home: Home, inside: Inside) -> None:
    module = f"providers_{secrets.token_hex(4)}"
    (home.root / f"{module}.py").write_text(PROVIDERS)
    server = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "localhost", "DATABASE_PORT": "1"}
    for function, said in (("later", "is asynchronous"), ("broken", "failed: KeyError at ")):
        environ = {**server, "DATABASE_PASSWORD_PROVIDER": f"{module}:{function}"}
        assert inside.run("config", "check", "user", **environ).code == 0
        done = inside.run("config", "check", "user", "--connect", **environ)
        assert (done.code, said in " ".join(done.out.split())) == (2, True), done.out


def test_of_several_services_the_gravest_code_counts(inside: Inside) -> None:
    environ = {"USER_DATABASE_TYPE": "postgresql", "USER_DATABASE_HOST": "localhost", "USER_DATABASE_PORT": "1"}
    done = inside.run("config", "check", "--connect", "--format", "json", **environ, PROJECT_DATABASE_POOL_SIZE="-1")
    codes = {found["service"]: found["exit_code"] for found in done.document["services"]}
    assert (done.code, codes) == (2, {"project": 2, "user": 3})


def test_what_is_only_to_be_mended_later_leaves_the_code_alone(inside: Inside) -> None:
    done = inside.run(
        *("config", "check", "user"),
        DATABASE_TYPE="mysql",
        DATABASE_HOST="db",
        DATABASE_TLS="insecure-private",
        DATABASE_SCHEMA="app",
        DATABASE_REPLICA_NAMES="x",
    )
    said = " ".join(done.out.split())
    assert (done.code, done.err) == (0, "")
    assert (
        "advice settings.unknown nothing reads DATABASE_REPLICA_NAMES hint: leave it out; dbkit config explain" in said
    )
    assert "advice settings.unused DATABASE_SCHEMA is set and not used: MySQL has nothing of this kind" in said
    assert "advice tls.mode DATABASE_TLS is 'insecure-private': clear text" in said


def test_a_variable_that_is_refused_is_told_once(inside: Inside) -> None:
    done = inside.run("config", "check", "user", DATABASE_HOTS="db", DATABASE_REPLICA_NAMES="x")
    said = " ".join(done.out.split())
    assert (done.code, said.count("DATABASE_HOTS"), said.count("nothing reads DATABASE_REPLICA_NAMES")) == (2, 1, 1)


def test_values_that_are_well_are_counted(inside: Inside) -> None:
    done = inside.run("config", "check", "user", "--verbose")
    assert "ok settings.values every value can be used" in " ".join(done.out.split())
