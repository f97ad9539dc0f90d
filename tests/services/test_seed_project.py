"""The sample rows of the service `project`: the same each time, written once, and good to try the store with."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.project import Project
from services.base import seeded_id
from services.project.models import Base, MemberRole, ProjectStatus
from services.project.seed import rows
from services.project.store import ProjectStore
from services.user.seed import PEOPLE, user_id
from tests.services.samples import assert_told, described, seed_twice


@pytest.fixture(scope="module")
def store(project: Project, migrated: sa.Engine) -> ProjectStore:
    """Give a store on the sample rows, which are there, the second time over, once."""
    assert seed_twice(project, "project") == [37, 0]
    return ProjectStore(lambda: Session(migrated))


def test_the_sample_rows_are_the_same_each_time_and_say_all_that_the_clock_or_chance_would() -> None:
    assert_told(rows, Base.metadata, "joined_at", "saved_at", "occurred_at")


def test_whoever_appears_in_the_sample_rows_is_a_sample_user() -> None:
    people = {"owner_id", "user_id", "invited_by", "author_id", "actor_id"}
    found = {described(row)[name] for row in rows() for name in people & set(described(row))}

    assert found == {user_id(person.key) for person in PEOPLE}


def test_the_sample_rows_are_found_as_the_service_finds_them(store: ProjectStore) -> None:
    warehouse = store.project_by_slug("warehouse")

    assert (warehouse.status, list(warehouse.tags)) == (ProjectStatus.ACTIVE, ["iot", "events", "倉庫"])
    assert [member.role.value for member in store.memberships(person("ada")).items] == ["owner", "reviewer"]
    assert store.may(person("linus"), warehouse.id, MemberRole.REVIEWER)
    assert not store.may(person("donald"), warehouse.id, MemberRole.REVIEWER)
    assert store.costs(warehouse.id).total == Decimal("68500.49")
    assert [phase.needs for phase in store.phases(warehouse.id)] == [[], [1], [2]]
    assert [comment.body[:10] for comment in store.mentions("linus").items] == ["The outbox"]


def test_the_sample_document_can_be_worked_on(store: ProjectStore) -> None:
    design = store.document(seeded_id("project", "documents", "design"))
    threads = store.threads(design.id).items

    assert [(len(thread.replies), thread.first.is_resolved) for thread in threads] == [(1, False), (0, True)]
    saved = store.save_document(design.id, version=1, by=person("grace"), body={**design.body})
    assert store.same_content(design.id, 1, saved.version)
    assert store.time_line(design.project_id).items[0].verb == "document.save"


def person(name: str) -> uuid.UUID:
    return seeded_id("user", "users", name)
