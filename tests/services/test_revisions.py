"""Models and revisions agree, and revisions can be taken back, on every backend."""

from __future__ import annotations

import pytest

from dbkit.migrations import check, migrate, rollback
from dbkit.project import Project
from tests.servers import Database
from tests.services.tables import SERVICES, left_in, metadata_of, shape

# From here one can go back to nothing; what stands above it cannot be undone (test_growth_user.py).
NEWEST_TO_BE_UNDONE = {"user": "0004"}


@pytest.fixture(autouse=True)
def _emptied(database: Database) -> None:
    """Begin each test with an empty database."""
    database.clean()


@pytest.mark.parametrize("service", SERVICES)
def test_models_and_revisions_make_the_same_tables(database: Database, project: Project, service: str) -> None:
    metadata_of(service).create_all(database.engine)
    by_models = shape(database.engine, service)
    metadata_of(service).drop_all(database.engine)

    result = migrate(project, [service])

    assert result.ok, result
    assert shape(database.engine, service) == by_models


@pytest.mark.parametrize("service", SERVICES)
def test_going_back_leaves_nothing_behind(database: Database, project: Project, service: str) -> None:
    newest = NEWEST_TO_BE_UNDONE.get(service, "head")
    migrate(project, [service], to=newest)
    first = shape(database.engine, service)

    back = rollback(project, service, to="base")
    left = left_in(database.engine)
    again = migrate(project, [service], to=newest)

    assert (back.ok, again.ok) == (True, True), (back, again)
    assert left == set()
    assert shape(database.engine, service) == first


def test_services_go_forward_and_back_in_one_database(database: Database, project: Project) -> None:
    forward = migrate(project)
    back = rollback(project, "project", to="base")

    assert (forward.ok, back.ok) == (True, True), (forward, back)
    assert left_in(database.engine) == {*metadata_of("knowledge").tables, *metadata_of("user").tables}


def test_a_migrated_database_does_not_differ_from_the_models(project: Project) -> None:
    migrate(project)

    result = check(project)

    assert [(entry.error, entry.differences) for entry in result.services] == [(None, ())] * len(SERVICES)
