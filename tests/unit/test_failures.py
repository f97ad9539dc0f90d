"""What is to be done about a failed revision, by what it failed for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.migrations.failures import revision_failed, want_of_right
from dbkit.migrations.funnel import Funnel


class Sent:
    """Stands for a funnel through which one statement went."""

    sent: tuple[str, ...] = ()
    committed = 0
    current = "CREATE TABLE a (id INT)"
    transactional_ddl = True


@pytest.mark.parametrize(
    ("mode", "statement", "hint"),
    [
        ("ro", "CREATE TABLE a (id INT)", "check who may write the database's file, and run it again"),
        ("rw", "BROKEN", "mend the revision, the data, or what an earlier run has left, and run it again"),
    ],
)
def test_what_is_not_allowed_is_told_from_what_is_wrong(tmp_path: Path, mode: str, statement: str, hint: str) -> None:
    (tmp_path / "x.db").touch()
    engine = sa.create_engine(f"sqlite:///file:{tmp_path}/x.db?mode={mode}&uri=true")
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError) as caught:
        connection.exec_driver_sql(statement)
    funnel = cast("Funnel", cast("Any", Sent()))
    found = revision_failed(caught.value, connection, funnel, revision="0001", file="0001.py")
    engine.dispose()
    assert found.hint == hint


@pytest.mark.parametrize("backend", ["postgresql", "mariadb", "tidb"])
def test_a_server_is_no_file(backend: str) -> None:
    assert "dbkit grants" in want_of_right(get_backend(backend))
