"""The sample rows of the service `knowledge`: the same each time, written once, and good to try the store with."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.project import Project
from services.base import seeded_id
from services.knowledge.models import Base
from services.knowledge.seed import rows
from services.knowledge.store import KnowledgeStore
from tests.services.samples import assert_told, seed_twice


@pytest.fixture(scope="module")
def store(project: Project, migrated: sa.Engine) -> KnowledgeStore:
    """Give a store on the sample rows, which are there, the second time over, once."""
    assert seed_twice(project, "knowledge") == [28, 0]
    return KnowledgeStore(lambda: Session(migrated))


def test_the_sample_rows_are_the_same_each_time_and_say_all_that_the_clock_or_chance_would() -> None:
    assert_told(rows, Base.metadata)


def test_the_sample_rows_are_found_as_the_service_finds_them(store: KnowledgeStore) -> None:
    ada, warehouse = seeded_id("user", "users", "ada"), seeded_id("project", "projects", "warehouse")

    titles = [item.title for item in store.resources().items]
    assert titles == [
        "Stock movements of one year",
        "Getrennt lesen und schreiben",
        "What a replica may say",
        "A sourcebook of message patterns",
    ]
    assert [item.added_by for item in store.resources(project_id=warehouse).items] == [ada]
    assert [item.language for item in store.resources(topic="architecture").items] == ["de", "en"]
    assert [topic.path for topic in store.search_topics("REPLICAS")] == ["storage/replication"]
    assert [item.shelf for item in store.bookmarks(seeded_id("user", "users", "grace")).items] == ["to read"]


def test_each_sample_chunk_is_nearest_to_itself(store: KnowledgeStore) -> None:
    warehouse = seeded_id("project", "projects", "warehouse")
    chunks = [
        chunk
        for item in store.resources().items
        for chunk in store.chunks(item.id).items
        if chunk.embedding is not None
    ]

    found = [
        store.nearest(chunk.embedding or [], model="sample-8", limit=1, project_id=warehouse)[0].chunk.id
        for chunk in chunks
    ]

    assert found == [chunk.id for chunk in chunks]
    assert len(found) == 7
