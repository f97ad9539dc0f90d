"""A store on the file that stands in for the server, where there is no room: told, nothing half-done, nothing lost."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.errors import FallbackFullError
from dbkit.migrations import migrate
from dbkit.project import Project
from services.errors import Unavailable
from services.user.models import User
from services.user.store import UserStore
from tests.services.conftest import ROOT
from tests.stand_ins import small_disk

# What SQLite itself takes to open the file, and a few accounts.
ROOM = 80_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a small disk with the file of a user service whose server refuses: the port is bound, and nobody listens."""
    with (
        small_disk(tmp_path / "small", "2m") as folder,
        socket.socket() as bound,
        pytest.MonkeyPatch.context() as patch,
    ):
        bound.bind(("127.0.0.1", 0))
        values = {"TYPE": "tidb", "HOST": "127.0.0.1", "PORT": bound.getsockname()[1], "USER": "nobody"}
        values |= {"TLS": "insecure-loopback", "FALLBACK": "dev", "SQLITE_PATH": folder / "{service}.db"}
        for name, value in values.items():
            patch.setenv(f"DATABASE_{name}", str(value))
        result = migrate(Project.find(ROOT), ["user"])
        assert result.exit_code == 8, result
        yield folder


def test_a_store_on_a_full_disk_says_so_and_loses_nothing(disk: Path) -> None:
    engine = Project.find(ROOT).engine("user")
    store = UserStore(Project.find(ROOT).session("user"))
    before = {user.email for user in store.users(limit=100).items}
    room, filling, written = os.statvfs(disk), disk / "filling", set()
    filling.write_bytes(b"x" * (room.f_bavail * room.f_frsize - ROOM))
    with pytest.raises(Unavailable, match="database or disk is full") as told:  # noqa: PT012 - which one depends on the disk
        for number in range(500):
            with store.transaction():
                first = store.create_user(f"a{number}@example.org", given_name="Ada")
                store.create_user(f"b{number}@example.org", given_name="Ada")
            written |= {first.email, first.email.replace("a", "b", 1)}
    assert isinstance(told.value.__cause__, FallbackFullError)
    with engine.connect() as connection:
        assert set(connection.scalars(sa.select(User.email))) == before | written
    assert written
    filling.unlink()
    again = store.create_user("again@example.org", given_name="Ada")
    assert store.user(again.id).email == "again@example.org"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    engine.dispose()
