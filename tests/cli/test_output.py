"""What is printed: the answer on stdout, everything else on stderr, decoration only for eyes."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cli.runs import DBKIT, Shell
from tests.projects import Home

SERVICE_KEYS = {
    "service",
    "backend",
    "host",
    "database",
    "fallback",
    "fallback_reason",
    "schema",
    "revision",
    "head",
    "pending",
    "applied",
    "created",
    "dropped",
    "seeded",
    "differences",
    "seconds",
    "exit_code",
    "error",
    "hint",
    "failure",
}


def test_migrate_ends_with_a_table_of_services_between_two_lines_that_name_the_places(shell: Shell) -> None:
    done = shell.run("migrate")
    lines = done.out.splitlines()
    places = "project (.dbkit/project.db), user (.dbkit/user.db) on SQLite"
    assert lines[0] == f"migrating {places}"
    assert lines[-1].startswith("migrate: done in ")
    assert lines[-1].endswith(places)
    assert [line.split()[0] for line in lines[1:-1]] == ["service", "project", "user"]
    assert lines[1].split() == ["service", "database", "revision", "applied", "seconds", "result"]
    assert "- -> 0001" in lines[2]
    assert lines[2].endswith("created and applied")
    assert done.err == ""


def test_a_second_run_says_that_there_was_nothing_to_do(shell: Shell) -> None:
    shell.run("migrate")
    lines = shell.run("migrate").out.splitlines()
    assert [line.endswith("nothing to do") for line in lines[2:4]] == [True, True]


def test_json_is_one_document(shell: Shell) -> None:
    done = shell.run("migrate", "--format", "json")
    document = done.document
    assert set(document) == {"schema_version", "command", "dry_run", "exit_code", "seconds", "services"}
    assert (document["schema_version"], document["command"], document["exit_code"]) == (1, "migrate", 0)
    assert [entry["service"] for entry in document["services"]] == ["project", "user"]
    assert set(document["services"][0]) == SERVICE_KEYS
    assert document["services"][0]["applied"][0]["revision"] == "0001"
    assert done.err.splitlines()[0].startswith("migrating ")


def test_jsonl_tells_what_happens_while_it_happens(shell: Shell) -> None:
    records = shell.run("migrate", "user", "--format", "jsonl").records
    assert {record["schema_version"] for record in records} == {1}
    events = [record["event"] for record in records]
    assert events[0] == "start"
    assert events[-2:] == ["done", "end"]
    assert "applied" in events
    assert records[-1]["exit_code"] == 0


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("create",), ("history",), ("check",), ("drop", "--dry-run"), ("rollback", "user", "--yes")],
)
def test_every_report_can_be_had_as_json(shell: Shell, arguments: tuple[str, ...]) -> None:
    shell.run("migrate")
    document = shell.run(*arguments, "--format", "json").document
    assert (document["schema_version"], document["command"], document["exit_code"]) == (1, arguments[0], 0)


def test_reading_commands_write_nothing(home: Home, shell: Shell) -> None:
    for command in (("status",), ("history",), ("migrate", "--dry-run"), ("create", "--dry-run"), ("check",)):
        shell.run(*command)
    assert not (home.root / ".dbkit").exists()


def test_a_dry_run_says_what_would_be_done(shell: Shell) -> None:
    done = shell.run("migrate", "--dry-run", "--format", "json")
    assert done.document["dry_run"] is True
    assert [entry["pending"] for entry in done.document["services"]] == [["0001"], ["0001"]]
    assert [entry["created"] for entry in done.document["services"]] == [True, True]
    assert "would be created and applied" in shell.run("migrate", "--dry-run").out


@pytest.mark.parametrize("backend", ["postgresql", "mysql", "mariadb", "tidb@8.5", "mssql", "sqlite"])
def test_sql_is_written_for_any_backend_without_a_server(shell: Shell, backend: str) -> None:
    done = shell.run("migrate", "user", "--sql", "--backend", backend)
    assert (done.code, done.err) == (0, "")
    assert "CREATE TABLE people" in done.out
    assert "alembic_version_user" in done.out


def test_sql_without_a_backend_is_for_the_configured_one(shell: Shell) -> None:
    assert "CREATE TABLE people" in shell.run("migrate", "user", "--sql").out


def test_sql_is_written_for_the_services_whose_settings_are_good(shell: Shell) -> None:
    done = shell.run("migrate", "--sql", PROJECT_DATABASE_TYPE="nosuch")
    assert done.code == 2
    assert "CREATE TABLE people" in done.out
    assert "CREATE TABLE projects" not in done.out
    assert done.err == (
        "dbkit: error: project: unknown backend 'nosuch'\n"
        "hint: known backends: mariadb, mssql, mysql, postgresql, sqlite, tidb\n"
    )


def test_a_service_whose_settings_are_refused_says_so_in_the_first_and_last_line(shell: Shell) -> None:
    lines = shell.run("migrate", PROJECT_DATABASE_TYPE="nosuch").out.splitlines()
    places = "project (settings refused); user (.dbkit/user.db) on SQLite"
    assert lines[0] == f"migrating {places}"
    assert lines[-1].startswith("migrate: 1 of 2 failed in ")
    assert lines[-1].endswith(places)


def test_an_option_can_be_given_by_its_variable(shell: Shell) -> None:
    assert shell.run("migrate", DBKIT_MIGRATE_DRY_RUN="1", DBKIT_MIGRATE_FORMAT="json").document["dry_run"] is True


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    shell.run("migrate")
    command = f"{DBKIT} history | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=shell.folder, env=shell.variables({}), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_nothing_is_decorated_in_a_pipe(shell: Shell) -> None:
    done = shell.run("migrate", TERM="xterm-256color")
    assert "\x1b" not in done.out + done.err


def test_a_terminal_sees_a_bold_head(shell: Shell) -> None:
    assert "\x1b[1mservice" in shell.on_terminal("status").out


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_decoration_can_be_refused(shell: Shell, variables: dict[str, str]) -> None:
    assert "\x1b" not in shell.on_terminal("status", **variables).out


def test_a_terminal_sees_progress_and_then_the_table(shell: Shell) -> None:
    done = shell.on_terminal("migrate")
    assert done.code == 0
    assert "\x1b[?25l" in done.out  # the bar hides the cursor
    assert "created and applied" in done.out


def test_a_traceback_comes_only_when_asked_for(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", "broken(", down="0001")
    assert "Traceback" not in shell.run("migrate").err
    (home.root / "pyproject.toml").write_text("[tool.dbkit\n")
    assert "Traceback" not in shell.run("status").err
    assert "Traceback" in shell.run("status", "--debug").err
    assert "Traceback" in shell.run("status", DBKIT_DEBUG="1").err


def test_a_new_revision_is_named_by_its_path(home: Home, shell: Shell) -> None:
    shell.run("migrate")
    home.models("user", 'sa.Table("people", metadata, sa.Column("id", dbt.Uuid(), primary_key=True))')
    done = shell.run("revision", "user", "-m", "add nothing")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(str(home.root / "envs/user/versions/0002"))
    assert done.out.endswith("(empty)\n")


def test_a_revision_that_would_be_empty_is_not_written(home: Home, shell: Shell) -> None:
    shell.run("migrate")
    before = sorted((home.root / "envs/user/versions").glob("*.py"))
    done = shell.run("revision", "user", "-m", "add nothing", "--autogenerate")
    assert (done.code, done.out) == (0, "nothing to write: the database matches the models\n")
    assert sorted((home.root / "envs/user/versions").glob("*.py")) == before


@pytest.mark.parametrize(("to", "move", "count"), [("-1", "0002 -> 0001", "1"), ("base", "0002 -> -", "2")])
def test_a_rollback_says_what_is_undone_and_where_it_ends(
    home: Home, shell: Shell, to: str, move: str, count: str
) -> None:
    home.table("user", "0002", "more")
    shell.run("migrate", "user")
    would = shell.run("rollback", "user", "--to", to, "--dry-run").out.splitlines()
    did = shell.run("rollback", "user", "--to", to, "--yes").out.splitlines()
    heads = ["service", "database", "revision", "undone", "seconds", "result"]
    assert [would[1].split(), did[1].split()] == [heads, heads]
    assert f"{move} " in would[2]
    assert f"{move} " in did[2]
    assert [would[2].split()[-5], did[2].split()[-3]] == [count, count]
    assert would[2].endswith("would be undone")
    assert did[2].endswith(" undone")
    assert "applied" not in "".join(would + did)


def test_the_stock_tool_is_in_reach(shell: Shell) -> None:
    shell.run("migrate")
    done = shell.run("alembic", "user", "--", "current")
    assert done.code == 0
    assert "0001 (head)" in done.out


@pytest.mark.parametrize(("arguments", "code"), [(("nonsense",), 2), (("upgrade", "9999"), 1), (("--help",), 0)])
def test_the_stock_tool_keeps_to_our_exit_codes(shell: Shell, arguments: tuple[str, ...], code: int) -> None:
    assert shell.run("alembic", "user", "--", *arguments).code == code


def test_a_planted_password_is_nowhere_in_the_output(shell: Shell) -> None:
    password = "s3cr3t/Pass@word:{}"
    environ = {
        "DATABASE_TYPE": "postgresql",
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": "1",
        "DATABASE_USER": "app",
        "DATABASE_PASSWORD": password,
    }
    for arguments in (
        ("migrate",),
        ("migrate", "--debug"),
        ("status", "--format", "json"),
        ("alembic", "user", "--", "current"),
    ):
        done = shell.run(*arguments, **environ)
        for form in (password, "s3cr3t%2FPass%40word", json.dumps(password)):
            assert form not in done.out + done.err


@pytest.mark.parametrize("group", [(), ("config",), ("tls",)])
def test_no_summary_of_a_command_is_cut_off(shell: Shell, group: tuple[str, ...]) -> None:
    done = shell.run(*group, "--help")
    assert done.code == 0
    assert [line for line in done.out.split("Commands:")[1].splitlines() if line.endswith("...")] == []
