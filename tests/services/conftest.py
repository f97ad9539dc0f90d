"""This repository as a dbkit project, its services all in one throw-away database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.migrations import migrate
from dbkit.project import Project
from tests.servers import Database

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project(database: Database) -> Iterator[Project]:
    """Give the project, with the environment that leads it to the backend's database."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in database.environ.items():
            patch.setenv(variable, value)
        yield Project.find(ROOT)


@pytest.fixture(scope="module")
def migrated(project: Project, database: Database) -> Iterator[sa.Engine]:
    """Give the engine that a service uses, on a database that holds the tables of all services."""
    result = migrate(project)
    assert result.ok, result
    engine = project.async_engine("user").sync_engine if database.asynchronous else project.engine("user")
    yield engine
    engine.dispose()


@pytest.fixture
def session(migrated: sa.Engine) -> Iterator[Session]:
    """Give a session on a database that holds the tables of all services."""
    with Session(migrated) as session:
        yield session
