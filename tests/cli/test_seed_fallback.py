"""`dbkit seed` while the server is away and DATABASE_FALLBACK=dev: the rows go into the file that stands in for it."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator

import pytest

from tests.cli.runs import Inside
from tests.projects import Home

MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    metadata = metadata

class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int | None]

def rows():
    return [Person(id=1, n=1), Person(id=2)]
"""


@pytest.fixture
def away(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Give a project whose server's port refuses every connection."""
    home.models("user", MODELS, seed="user_models:rows")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        for name, value in {
            "DATABASE_TYPE": "postgresql",
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(bound.getsockname()[1]),
            "DATABASE_TLS": "insecure-loopback",
            "DATABASE_USER": "u",
            "DATABASE_FALLBACK": "dev",
        }.items():
            monkeypatch.setenv(name, value)
        yield home


def test_the_rows_go_into_the_file_that_stands_in_once_it_is_migrated(away: Home, inside: Inside) -> None:
    early = inside.run("seed", "user")
    assert early.code == 3
    assert "user.fallback.db' is not there yet" in early.err
    assert "hint: run dbkit migrate --fallback dev user" in early.err

    assert inside.run("migrate", "user").code == 8
    file = away.root / ".dbkit/user.fallback.db"
    connection = sqlite3.connect(file, isolation_level=None)
    assert connection.execute("SELECT id, n FROM people ORDER BY id").fetchall() == [(1, 1), (2, None)]
    connection.execute("DELETE FROM people WHERE id = 2")

    done = inside.run("seed", "user")
    assert done.code == 8
    lines = done.out.splitlines()
    for line in (lines[0], lines[-1]):
        assert "user (.dbkit/user.fallback.db) on SQLite, the fallback: PostgreSQL at 127.0.0.1:" in line
        assert "cannot be reached: Connection refused (3 attempts in " in line
    assert lines[2].endswith("seeded, on the fallback")
    assert connection.execute("SELECT id, n FROM people ORDER BY id").fetchall() == [(1, 1), (2, None)]
    connection.close()

    entry = inside.run("seed", "user", "--format", "json").document["services"][0]
    assert (entry["fallback"], entry["exit_code"], entry["seeded"]) == (True, 8, 0)
    assert inside.run("seed", "user", "--accept-fallback").code == 0
    off = inside.run("seed", "user", "--fallback", "off")
    assert (off.code, "Connection refused" in off.err) == (3, True)
