"""The SQL of the revisions on every backend, as it was reviewed: what has landed never changes.

Run with `DBKIT_TEST_UPDATE_GOLDEN=1` to write the files anew, and read the difference before it is committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit.backends import backend_names
from dbkit.migrations import sql
from dbkit.project import Project
from tests.services.tables import SERVICES

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("backend", backend_names())
def test_the_first_revisions_are_the_sql_that_was_reviewed(backend: str) -> None:
    written: list[str] = []

    result = sql(Project.find(ROOT), SERVICES, backend=backend, to="0001", write=written.append)

    assert result.ok, result
    written = [without_what_versions_word_differently(text) for text in written]
    if os.environ.get("DBKIT_TEST_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        for service, text in zip(SERVICES, written, strict=True):
            golden(service, backend).write_text(text, encoding="utf-8")
    assert written == [golden(service, backend).read_text(encoding="utf-8") for service in SERVICES]


@pytest.mark.parametrize("backend", backend_names())
def test_every_later_revision_is_the_sql_that_was_reviewed(backend: str) -> None:
    written: list[str] = []

    result = sql(Project.find(ROOT), SERVICES, backend=backend, write=written.append)

    assert result.ok, result
    steps = {
        f"{service}_{revision}.{backend}.sql": step
        for service, text in zip(SERVICES, written, strict=True)
        for revision, step in later_steps(text)
    }
    if os.environ.get("DBKIT_TEST_UPDATE_GOLDEN"):
        for name, step in steps.items():
            (GOLDEN / name).write_text(step, encoding="utf-8")
    reviewed = {file.name for file in GOLDEN.glob(f"*.{backend}.sql") if "_0001." not in file.name}
    assert steps == {name: (GOLDEN / name).read_text(encoding="utf-8") for name in sorted(reviewed)}


def later_steps(text: str) -> Iterator[tuple[str, str]]:
    """Give each revision but the first with its SQL: from where it is announced to its row in Alembic's table."""
    for step in re.split(r"(?m)^(?=-- Running upgrade )", text)[2:]:
        found = re.match(
            r"-- Running upgrade \S+ -> (\S+)\n.*?^UPDATE alembic_version_\w+ SET [^;]+;\n",
            step,
            re.DOTALL | re.MULTILINE,
        )
        assert found, step
        yield found[1], without_what_versions_word_differently(found[0])


def golden(service: str, backend: str) -> Path:
    return GOLDEN / f"{service}_0001.{backend}.sql"


def without_what_versions_word_differently(text: str) -> str:
    """Level what SQLAlchemy 2.0 and 2.1 word differently and means the same."""
    # 2.0 puts every function behind DEFAULT into parentheses on MySQL and MariaDB
    text = text.replace("DEFAULT (CURRENT_TIMESTAMP(6))", "DEFAULT CURRENT_TIMESTAMP(6)")
    # whether the new row of Alembic's own table is asked for
    return re.sub(r"(?<=VALUES \('0001'\)) RETURNING \S+;", ";", text)
