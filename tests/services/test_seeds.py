"""The sample rows of the three services: written once, and the same on every backend whenever that is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from dbkit import migrations
from dbkit.migrations.seeding.samples import read_rows
from dbkit.migrations.seeding.sowing import Sower
from dbkit.project import Project
from services.knowledge.models import Base as KnowledgeBase
from services.knowledge.seed import rows as knowledge_rows
from services.project.models import Base as ProjectBase
from services.project.seed import rows as project_rows
from services.user.models import Base as UserBase
from services.user.seed import rows as user_rows
from tests.services.conftest import ROOT

SEEDS = {
    "knowledge": (KnowledgeBase.metadata, knowledge_rows),
    "project": (ProjectBase.metadata, project_rows),
    "user": (UserBase.metadata, user_rows),
}

Contents = dict[str, list[tuple[object, ...]]]


def contents(connection: sa.Connection, tables: Iterable[sa.Table]) -> Contents:
    """Read all rows of all tables, in an order that no server decides."""
    found = {table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in tables}
    connection.rollback()
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


@pytest.fixture(scope="module")
def expected() -> Contents:
    """Give what is in the tables of all services after they are seeded: here in memory, by tables made of the models."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    found: Contents = {}
    for metadata, rows in SEEDS.values():
        metadata.create_all(engine)
        with engine.connect() as connection:
            sower = Sower(connection=connection, root=ROOT, tell=lambda *_: None, pause=lambda: None)
            sower.put(read_rows(rows(), metadata))
            found |= contents(connection, metadata.sorted_tables)
    engine.dispose()
    return found


def test_all_three_services_are_seeded_once_and_with_the_same_rows_on_every_backend(
    project: Project, migrated: sa.Engine, expected: Contents
) -> None:
    tables = [table for metadata, _ in SEEDS.values() for table in metadata.sorted_tables]
    counts = {
        name: sum(len(expected[table.name]) for table in metadata.sorted_tables)
        for name, (metadata, _) in SEEDS.items()
    }
    assert min(counts.values()) > 0
    first = migrations.seed(project)
    assert {entry.service: (entry.seeded, entry.error) for entry in first.services} == {
        name: (count, None) for name, count in counts.items()
    }
    with migrated.connect() as connection:
        assert contents(connection, tables) == expected
    second = migrations.seed(project)
    assert {entry.service: (entry.seeded, entry.error) for entry in second.services} == dict.fromkeys(SEEDS, (0, None))
    with migrated.connect() as connection:
        assert contents(connection, tables) == expected


def test_every_table_has_sample_rows_but_for_that_of_sign_ins_whose_tokens_would_be_known(expected: Contents) -> None:
    assert [name for name, rows in expected.items() if not rows] == ["sessions"]
