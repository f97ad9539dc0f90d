"""What "The three services" says is so: its example runs, and no revision and no part of a store is left out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dbkit
from dbkit.project import Project
from services.user.models import AuditEvent, Base, UserRole
from tests.docs.walking import ROOT

PAGE = (ROOT / "docs/explanation/services.md").read_text(encoding="utf-8")
SERVICES = ("user", "project", "knowledge")
pytestmark = pytest.mark.sqlite


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # a folder of its own, where no developer's .env says that it is another database
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dbkit").mkdir()
    engine = Project.find().engine("user")
    Base.metadata.create_all(engine)
    yield
    engine.dispose()


@pytest.mark.usefixtures("tables")
def test_the_example_of_a_transaction_runs() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(code, "the page", "exec"), names)
    assert names["store"].permissions(names["mary"].id) == {"document.edit"}
    with dbkit.session("user")() as session:
        assert (session.query(UserRole).count(), session.query(AuditEvent).one().action) == (1, "role.grant")


@pytest.mark.parametrize("service", SERVICES)
def test_every_revision_that_makes_it_grow_has_its_row(service: str) -> None:
    there = sorted(path.name[:4] for path in (ROOT / "alembic_envs" / service / "versions").glob("[0-9]*.py"))
    assert re.findall(rf"^\| `{service}` (\d{{4}}) \|", PAGE, re.MULTILINE) == there[1:]


@pytest.mark.parametrize("service", SERVICES)
def test_every_part_of_a_store_has_its_row(service: str) -> None:
    store = (ROOT / "services" / service / "store.py").read_text(encoding="utf-8")
    parts = set(re.findall(rf"^from services\.{service}\.(\w+) import", store, re.MULTILINE))
    table = re.search(rf"^\| `{service}` \| `\w+\.py`.*?(?=^\| `|\n\n)", PAGE, re.DOTALL | re.MULTILINE)
    assert table is not None
    assert parts - set(re.findall(r"`(\w+)\.py`", table[0])) == set()
