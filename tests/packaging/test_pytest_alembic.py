"""The four tests of pytest-alembic in a project that `dbkit init` wrote, in an environment of their own.

Its plugin is of no use to this repository's own tests, and 0.13.1 stops every run of pytest 9.2 that has a tests/conftest.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installing import need, uv
from tests.packaging.building import NEWEST, Place, once
from tests.servers import Database

FIXTURES = """
import pytest
import sqlalchemy as sa
from dbkit import Project


@pytest.fixture
def alembic_config():
    return {"file": "alembic_envs/user/alembic.ini"}


@pytest.fixture
def alembic_engine():
    engine = Project.find().engine("user")
    yield engine
    tables = sa.MetaData()
    tables.reflect(engine)
    tables.drop_all(engine)
    engine.dispose()
"""


@pytest.fixture(scope="session")
def beside(shared: Path, wheel: Path) -> Place:
    """Give an environment with pytest-alembic and a pytest that it works with."""

    def furnish(folder: Path) -> None:
        need(uv("venv", "--quiet", folder))
        wanted = [f"dbkit[postgresql,mariadb,tidb] @ {wheel.as_uri()}", "pytest-alembic==0.13.1", "pytest<9.1"]
        need(uv("pip", "install", "--quiet", "--python", folder / "bin/python", *wanted))

    return Place(folder=once(shared / "env-pytest-alembic", furnish), wanted=NEWEST)


def test_its_tests_pass_on_the_database_that_is_handed_over(beside: Place, database: Database, tmp_path: Path) -> None:
    need(beside.run("dbkit", "init", "--service", "user", "--backend", "sqlite", "--layout", "src", cwd=tmp_path))
    (tmp_path / "tests/conftest.py").write_text(FIXTURES)
    done = beside.run("pytest", "--test-alembic", "tests/conftest.py", cwd=tmp_path, **database.environ)
    need(done)
    assert "4 passed" in done.stdout
    database.clean()
