"""Sample rows that are killed in the middle, and two runs that write the same ones at once."""

from __future__ import annotations

import subprocess
import time

import pytest

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.crash.runs import Runs

MODELS = """
import time
from pathlib import Path
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BEGUN = Path(__file__).with_name("begun")

class Base(DeclarativeBase):
    metadata = metadata

class Shelf(Base):
    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)

class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shelf_id: Mapped[int] = mapped_column(sa.ForeignKey("shelves.id"))

@sa.event.listens_for(Book, "before_insert", once=True)
def wait(*_):
    {wait}

def rows():
    return [Shelf(id=1), Shelf(id=2), Book(id=3, shelf_id=1), Book(id=4, shelf_id=2)]
"""
FIRST_WAITS = """if not BEGUN.exists():
        BEGUN.touch()
        time.sleep({seconds})"""
BOTH_WAIT = "time.sleep(0.4)"
TABLES = """
    op.create_table("shelves", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    op.create_table("books", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                    sa.Column("shelf_id", sa.Integer, sa.ForeignKey("shelves.id"), nullable=False))
"""
COUNT = "SELECT (SELECT COUNT(*) FROM shelves), (SELECT COUNT(*) FROM books)"


def prepare(runs: Runs, wait: str) -> None:
    runs.home.models("user", MODELS.format(wait=wait), seed="user_models:rows")
    runs.home.revision("user", "0001", TABLES)
    assert migrations.migrate(runs.home.project()).ok


def begun(runs: Runs, run: subprocess.Popen[str]) -> None:
    """Wait until the shelves are written and the books are about to be."""
    deadline = time.monotonic() + 30
    while not (runs.home.root / "begun").exists():
        assert run.poll() is None, runs.end(run)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_of_a_run_that_is_killed_nothing_stays_and_the_next_one_does_it_all(runs: Runs) -> None:
    prepare(runs, FIRST_WAITS.format(seconds=60))
    run = runs.start_seed()
    begun(runs, run)
    runs.kill_workers(run)
    said = runs.end(run)
    assert run.returncode == ExitCode.FAILED, said
    assert runs.rows(COUNT) == [(0, 0)]
    again = migrations.seed(runs.home.project())["user"]
    assert (again.error, again.seeded) == (None, 4)
    assert runs.rows(COUNT) == [(2, 2)]


@pytest.mark.parametrize("runs", [pytest.param("sqlite", marks=pytest.mark.sqlite)], indirect=True)
def test_a_worker_whose_command_was_killed_writes_nothing_more(runs: Runs) -> None:
    prepare(runs, FIRST_WAITS.format(seconds=1))
    run = runs.start_seed()
    begun(runs, run)
    run.kill()
    run.wait()
    time.sleep(1.5)
    assert runs.rows(COUNT) == [(0, 0)]


def test_of_two_runs_at_once_one_writes_the_rows_and_the_other_finds_them_there(runs: Runs) -> None:
    prepare(runs, BOTH_WAIT)
    both = [runs.start_seed(), runs.start_seed()]
    said = [runs.end(run) for run in both][-1]
    assert [run.returncode for run in both] == [ExitCode.OK, ExitCode.OK], said
    assert sorted(said.splitlines()) == ["0 None", "4 None"]
    assert runs.rows(COUNT) == [(2, 2)]
