"""Runs on the file that stands in for a server, killed where they hurt most; and the run after them."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.failover.identity import claim, refuse_foreign
from tests.crash.runs import Runs
from tests.projects import Home
from tests.stand_ins import stand_in

PEOPLE = """
people = sa.Table("people", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
"""
SEED = """
import time
from pathlib import Path

from sqlalchemy.orm import DeclarativeBase


class Row(DeclarativeBase):
    metadata = metadata


class Person(Row):
    __table__ = people


def rows():
    for n in range(1, 5):
        yield Person(id=n, n=n)
    if not Path({once!r}).exists():
        Path({once!r}).touch()
        time.sleep(5)


service = Service(name="user", metadata=metadata, seed=rows)
"""
SLOW = """
    import time
    from pathlib import Path

    op.execute("INSERT INTO people (n) VALUES (7)")
    op.create_table("pets", sa.Column("id", sa.Integer, primary_key=True))
    if not Path({once!r}).exists():
        Path({once!r}).touch()
        time.sleep(5)
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Give a project whose server refuses: the port is bound, and nobody listens."""
    home = Home(tmp_path).write("user")
    home.table("user", "0001", "people")
    home.models("user", PEOPLE)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        values = {"TYPE": "tidb", "HOST": "127.0.0.1", "PORT": bound.getsockname()[1], "USER": "nobody"}
        for name, value in {**values, "TLS": "insecure-loopback", "FALLBACK": "dev"}.items():
            monkeypatch.setenv(f"DATABASE_{name}", str(value))
        yield Runs(home=home, backend="sqlite")


def asked(runs: Runs, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(runs.home.root / ".dbkit/user.fallback.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("where", ["revision", "seed"])
def test_a_run_that_was_killed_is_finished_by_the_next(runs: Runs, where: str) -> None:
    once = runs.home.root / "once"
    if where == "revision":
        runs.home.revision("user", "0002", SLOW.replace("{once!r}", repr(str(once))))
    else:
        with (runs.home.root / "user_models.py").open("a") as file:
            file.write(SEED.replace("{once!r}", repr(str(once))))
    run = runs.start()
    deadline = time.monotonic() + 30
    while not once.exists():
        assert time.monotonic() < deadline, runs.output.read_text()
        time.sleep(0.01)
    runs.kill_workers(run)
    run.kill()
    run.wait(30)
    assert asked(runs, "SELECT version_num FROM alembic_version_user") == [("0001",)]
    assert asked(runs, "SELECT n FROM people") == []
    found = migrations.migrate(runs.home.project())["user"]
    assert (found.error, found.exit_code) == (None, 8)
    if where == "revision":
        assert asked(runs, "SELECT n FROM people") == [(7,)]
        assert found.revision == "0002"
    else:
        assert asked(runs, "SELECT n FROM people") == [(1,), (2,), (3,), (4,)]
        assert found.seeded == 4
    assert asked(runs, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("number", range(1, 6))
def test_wherever_the_making_of_the_file_is_killed_the_next_run_makes_it(tmp_path: Path, number: int) -> None:
    config, sent = stand_in(tmp_path), 0
    child = os.fork()
    if not child:

        def count(*_: object) -> None:
            nonlocal sent
            sent += 1
            if sent == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            for event in ("before_cursor_execute", "commit"):
                sa.event.listen(sa.Engine, event, count)
            claim(config)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    claim(config)
    found = refuse_foreign(config)
    assert found is not None
    assert found.service == "user"
