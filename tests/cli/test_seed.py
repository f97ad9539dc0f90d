"""`dbkit seed`: what it writes, says and ends with, of services that come after each other too."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.runs import Done, Inside
from tests.projects import Home

MODELS = """
from pathlib import Path
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    metadata = metadata

class Thing(Base):
    __tablename__ = {table!r}
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int | None]

def rows():
    with Path(__file__).with_name("order").open("a") as order:
        order.write({service!r} + " ")
    {body}
"""
TWO = "return [Thing(id=1, n=1), Thing(id=2)]"


@pytest.fixture(autouse=True)
def database(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(inside.folder / "{service}.db"))


@pytest.fixture
def migrated(home: Home, inside: Inside) -> Home:
    """Give the project of two services, both at head; the user has two sample rows and the project none."""
    seeded(home, "user")
    assert inside.run("migrate").code == 0
    return home


def seeded(home: Home, service: str, body: str = TWO, *, table: str = "", after: tuple[str, ...] = ()) -> None:
    """Give a service sample rows."""
    name = table or {"user": "people", "project": "projects"}[service]
    text = MODELS.format(table=name, service=service, body=body)
    home.models(service, text, seed=f"{service}_models:rows", seed_after=after)


def rows(home: Home, service: str, table: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(home.root / f"{service}.db") as connection:
        found = connection.execute(f"SELECT id, n FROM {table} ORDER BY id").fetchall()
    connection.close()
    return found


def order(home: Home) -> list[str]:
    file = home.root / "order"
    return file.read_text().split() if file.exists() else []


def results(done: Done) -> dict[str, str]:
    """Read the last column of the table."""
    return {line.split()[0]: line.split("  ")[-1].strip() for line in done.out.splitlines()[2:-1]}


def test_the_first_and_the_last_line_say_where_and_the_table_what_became_of_each(
    migrated: Home, inside: Inside
) -> None:
    done = inside.run("seed")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "seeding project (project.db), user (user.db) on SQLite"
    assert lines[-1].startswith("seed: done in ")
    assert lines[-1].endswith(" s: project (project.db), user (user.db) on SQLite")
    assert results(done) == {"project": "no sample rows", "user": "seeded"}
    assert lines[3].split()[:3] == ["user", "user.db", "2"]
    assert rows(migrated, "user", "people") == [(1, 1), (2, None)]

    with sqlite3.connect(migrated.root / "user.db") as connection:
        connection.execute("UPDATE people SET n = 7 WHERE id = 1")
    connection.close()
    again = inside.run("seed", "user")
    assert (again.code, results(again)) == (0, {"user": "nothing to do"})
    assert rows(migrated, "user", "people") == [(1, 7), (2, None)]


def test_a_dry_run_tells_how_many_rows_and_writes_none(migrated: Home, inside: Inside) -> None:
    done = inside.run("seed", "user", "--dry-run", "--format", "json")
    document = json.loads(done.out)
    assert (done.code, document["command"], document["dry_run"]) == (0, "seed", True)
    assert [(entry["service"], entry["seeded"]) for entry in document["services"]] == [("user", 2)]
    assert rows(migrated, "user", "people") == []
    assert done.err.splitlines()[0] == "seeding user (user.db) on SQLite"


@pytest.mark.usefixtures("migrated")
def test_programs_hear_how_far_it_is(inside: Inside) -> None:
    records = inside.run("seed", "user", "--format", "jsonl").records
    told = [(record["event"], record.get("done"), record.get("total")) for record in records]
    assert told == [
        ("start", None, None),
        ("seeding", 0, 2),
        ("seeding", 2, 2),
        ("done", None, None),
        ("end", None, None),
    ]
    assert records[3]["result"]["seeded"] == 2


def test_in_production_nothing_is_tried_without_yes(migrated: Home, inside: Inside) -> None:
    production = {"DBKIT_ENV": "production", "DATABASE_TYPE": "sqlite"}
    done = inside.run("seed", **production)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "dbkit: error: production: no sample rows are written into the database of project, user\n"
        "hint: add --yes if that is what you mean\n"
    )
    assert order(migrated) == []
    assert inside.run("seed", "user", "--dry-run", **production).code == 0
    assert rows(migrated, "user", "people") == []
    assert inside.run("seed", "user", "--yes", **production).code == 0
    assert len(rows(migrated, "user", "people")) == 2


def test_a_service_is_seeded_after_those_that_it_names(migrated: Home, inside: Inside) -> None:
    seeded(migrated, "user", f"import time; time.sleep(0.3); {TWO}")
    seeded(migrated, "project", after=("user",))
    assert inside.run("seed", "--jobs", "2").code == 0
    assert order(migrated) == ["user", "project"]


def test_a_service_whose_predecessor_failed_is_not_seeded_and_says_so(migrated: Home, inside: Inside) -> None:
    seeded(migrated, "user", "raise ValueError('no idea')")
    seeded(migrated, "project", after=("user",))
    done = inside.run("seed")
    assert done.code == 1
    line = (migrated.root / "user_models.py").read_text().splitlines().index("    raise ValueError('no idea')") + 1
    assert done.err.splitlines() == [
        "dbkit: error: project: not seeded, because service 'user', whose rows come first, was not",
        "hint: mend 'user', and run the command again",
        f"dbkit: error: user: the seed of service 'user' failed at {migrated.root / 'user_models.py'}:{line}: ValueError: no idea",
        "hint: mend it: a function that takes nothing and gives instances of the service's models",
    ]
    assert results(done) == {"project": "failed", "user": "failed"}
    assert order(migrated) == ["user"]


def test_those_that_come_after_a_service_which_is_not_ready_end_with_its_exit_code(home: Home, inside: Inside) -> None:
    seeded(home, "user")
    seeded(home, "project", after=("user",))
    done = inside.run("seed")
    assert (done.code, results(done)) == (3, {"project": "unreachable", "user": "unreachable"})
    assert inside.run("create").code == 0
    done = inside.run("seed")
    assert (done.code, results(done)) == (4, {"project": "pending", "user": "pending"})
    document = json.loads(inside.run("seed", "--format", "json").out)
    assert {entry["service"]: entry["exit_code"] for entry in document["services"]} == {"project": 4, "user": 4}
    assert set(order(home)) == {"user"}


def test_a_service_alone_is_seeded_whatever_comes_before_it(migrated: Home, inside: Inside) -> None:
    seeded(migrated, "project", after=("user",))
    assert inside.run("seed", "project").code == 0
    assert order(migrated) == ["project"]


def test_services_that_come_after_each_other_in_a_circle_are_refused(migrated: Home, inside: Inside) -> None:
    seeded(migrated, "user", after=("project",))
    seeded(migrated, "project", after=("user",))
    done = inside.run("seed")
    assert done.code == 2
    assert "services are seeded after each other in a circle: 'project' after 'user' after 'project'" in done.err
    assert order(migrated) == []


@pytest.mark.parametrize("services", [(), ("user",)], ids=["all", "one"])
def test_a_predecessor_that_is_no_service_is_refused(migrated: Home, inside: Inside, services: tuple[str, ...]) -> None:
    seeded(migrated, "user", after=("usr",))
    done = inside.run("seed", *services)
    assert done.code == 2
    assert "service 'user' is seeded after 'usr', which is no service" in done.err
    assert "hint: known services: project, user" in done.err
    assert order(migrated) == []


def test_the_projects_file_may_name_the_seed_beside_the_metadata(migrated: Home, inside: Inside) -> None:
    file = migrated.root / "pyproject.toml"
    ours = 'metadata = "user_models:metadata"\nseed = "user_models:rows"\nseed_after = ["project"]'
    file.write_text(file.read_text().replace('service = "user_models:service"', ours))
    assert inside.run("seed").code == 0
    assert len(rows(migrated, "user", "people")) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "the seed of service 'user' gives NoneType"),
        ("return [Thing()]", "sample row 1 of table 'people' has no 'id'"),
        ("import sys; sys.exit(3)", "failed at {file}:{line}: SystemExit: 3"),
        ("return [Thing(id=1), Thing(id=1)]", "two sample rows of table 'people' have id=1"),
    ],
    ids=["nothing", "no-key", "exit", "twice"],
)
def test_a_seed_that_cannot_be_used_is_an_error_of_its_service(
    migrated: Home, inside: Inside, body: str, said: str
) -> None:
    seeded(migrated, "user", body)
    done = inside.run("seed", "user")
    file: Path = migrated.root / "user_models.py"
    line = file.read_text().splitlines().index(f"    {body}") + 1
    assert done.code == 1
    assert said.format(file=file, line=line) in done.err
    assert done.err.count("\n") == 2
    assert rows(migrated, "user", "people") == []


def test_a_seed_that_cannot_be_imported_is_refused(migrated: Home, inside: Inside) -> None:
    migrated.models("user", "", seed="user_models:no_rows")
    done = inside.run("seed", "user")
    assert done.code == 2
    assert "the seed of service 'user' cannot be imported from 'user_models:no_rows'" in done.err


def test_a_database_that_somebody_else_holds_is_5(migrated: Home, inside: Inside) -> None:
    connection = sqlite3.connect(migrated.root / "user.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    done = inside.run("seed", "user", DATABASE_CONNECT_TIMEOUT="0.2")
    connection.close()
    assert done.code == 5
    assert "rows of table 'people' cannot be written: database is locked" in done.err
    assert "hint: run the command again when nobody else is writing there" in done.err
    assert rows(migrated, "user", "people") == []
