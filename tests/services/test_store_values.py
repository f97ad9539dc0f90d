"""Values that mean nothing are refused by their names, by all three stores and on every backend, and nothing of them stays."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Invalid
from services.knowledge.models import ResourceKind
from services.knowledge.store import KnowledgeStore, Piece
from services.project.models import MemberRole
from services.user.models import Outcome
from services.user.store import UserStore
from tests.services.projects import Desk

ID = uuid.UUID(int=7)
BOOK: Final[dict[str, Any]] = {"kind": ResourceKind.BOOK, "title": "A", "added_by": ID}
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused


@pytest.fixture
def users(migrated: sa.Engine) -> UserStore:
    """Give the store of users."""
    return UserStore(lambda: Session(migrated))


@pytest.fixture
def desk(migrated: sa.Engine) -> Desk:
    """Give the store of projects."""
    return Desk(engine=migrated)


@pytest.fixture
def knowledge(migrated: sa.Engine) -> KnowledgeStore:
    """Give the store of what is known."""
    return KnowledgeStore(lambda: Session(migrated))


def assert_refused(act: Callable[..., object], refusals: list[tuple[dict[str, Any], str]]) -> None:
    """Require that each of the values is refused with these words."""
    for values, said in refusals:
        with pytest.raises(Invalid) as caught:
            act(**values)
        assert str(caught.value) == said, values


def test_what_a_user_cannot_be_is_refused(users: UserStore) -> None:
    user = users.create_user(f"{uuid.uuid4().hex}@example.org", given_name="Ada")

    profile = [
        ({"hourly_rate": Decimal("-0.01")}, "hourly_rate: -0.01 is less than nothing"),
        ({"hourly_rate": -1}, "hourly_rate: -1.00 is less than nothing"),
        ({"skills": ["C4", " "]}, "skills: one of them is blank"),
    ]
    assert_refused(lambda **values: users.create_user("new@example.org", **{"given_name": "Ada", **values}), profile)
    assert_refused(lambda **values: users.update_profile(user.id, version=1, **values), profile)
    assert_refused(
        lambda **values: users.update_user(user.id, version=1, **values),
        [({"password_hash": " "}, "password_hash: it is blank")],
    )
    assert_refused(
        lambda permissions: users.create_role("role", permissions=permissions),
        [
            ({"permissions": "read"}, "permissions: it is one text, not several"),
            ({"permissions": ["read", ""]}, "permissions: one of them is blank"),
        ],
    )
    assert_refused(
        lambda **values: users.record("x", Outcome.ALLOWED, **values),
        [({"target": (" ", ID)}, "target_type: it is blank")],
    )
    assert_refused(
        users.purge_sessions,
        [
            ({"ended_before": NAIVE}, "ended_before: 2026-01-01T00:00:00 has no time zone"),
            ({"batch": 0}, "batch: 0 is not within 1 and 1000"),
        ],
    )

    assert users.user(user.id).version == 1
    assert users.update_profile(user.id, version=1, hourly_rate=Decimal(0)).profile.hourly_rate == 0  # type: ignore[union-attr]


def test_what_a_project_cannot_have_is_refused(desk: Desk) -> None:
    project = desk.project()
    phase = desk.phase(project)

    assert_refused(
        lambda **values: desk.store.add_member(project.id, ID, MemberRole.VIEWER, **values),
        [
            ({"capacity_percent": -1}, "capacity_percent: -1 is not within 0 and 100"),
            ({"capacity_percent": 101}, "capacity_percent: 101 is not within 0 and 100"),
        ],
    )
    assert_refused(
        lambda **values: desk.store.update_project(project.id, version=1, **values),
        [
            ({"budget": Decimal("-0.01")}, "budget: -0.01 is less than nothing"),
            ({"tags": [""]}, "tags: one of them is blank"),
        ],
    )
    assert_refused(
        lambda **values: desk.phase(project, **values),
        [({"cost_estimate": Decimal("-0.01")}, "cost_estimate: -0.01 is less than nothing")],
    )
    assert_refused(
        lambda **values: desk.document(phase, **values),
        [({"tags": ["c4", " "]}, "tags: one of them is blank"), ({"title": " "}, "title: it is blank")],
    )
    with pytest.raises(Invalid, match=r"^role: 'king' "):
        desk.store.may(ID, project.id, "king")  # type: ignore[arg-type] # what is refused

    assert desk.time_line(project.id) == ["project.create", "phase.add"]
    for percent in (0, 100):
        assert desk.store.add_member(project.id, uuid.uuid4(), MemberRole.VIEWER, capacity_percent=percent)


def test_what_a_resource_cannot_be_is_refused(knowledge: KnowledgeStore) -> None:
    text = uuid.uuid4().hex
    resource = knowledge.add_resource(f"{text} there", **BOOK, page_count=0, price=Decimal(0), quality_score=1)

    details = [
        ({"page_count": -1}, "page_count: -1 is less than nothing"),
        ({"price": Decimal("-0.01")}, "price: -0.01 is less than nothing"),
        ({"quality_score": -0.1}, "quality_score: -0.1 is not within 0 and 1"),
        ({"quality_score": 1.1}, "quality_score: 1.1 is not within 0 and 1"),
        ({"language": "de_CH"}, "language: 'de_CH' is no language tag such as 'de-CH'"),
        ({"authors": [""]}, "authors: one of them is blank"),
        ({"source_url": " "}, "source_url: it is blank"),
    ]
    assert_refused(lambda **values: knowledge.add_resource(text, **{**BOOK, **values}), details)
    assert_refused(lambda **values: knowledge.update_resource(resource.id, version=1, **values), details)
    assert knowledge.resource(resource.id).version == 1


def test_what_cannot_be_known_of_a_resource_is_refused(knowledge: KnowledgeStore) -> None:
    text = uuid.uuid4().hex
    resource = knowledge.add_resource(f"{text} there", **BOOK)

    assert_refused(
        lambda **values: knowledge.replace_chunks(resource.id, [Piece(**{"body": "a", "token_count": 1, **values})]),
        [
            ({"token_count": -1}, "token_count: -1 is less than nothing"),
            ({"pages": (3, -1)}, "pages: -1 is less than nothing"),
        ],
    )
    assert_refused(
        lambda **values: knowledge.cite(ID, document_id=ID, marker="[1]", quote="a", created_by=ID, **values),
        [
            ({"pages": [-1]}, "pages: -1 is less than nothing"),
            ({"confidence": -0.1}, "confidence: -0.1 is not within 0 and 1"),
        ],
    )
    assert_refused(
        lambda **values: knowledge.keep(resource.id, user_id=ID, **values),
        [
            ({"labels": "read"}, "labels: it is one text, not several"),
            ({"labels": [" "]}, "labels: one of them is blank"),
            ({"shelf": " "}, "shelf: it is blank"),
        ],
    )
    assert_refused(
        lambda synonyms: knowledge.create_topic(text, name="A", synonyms=synonyms),
        [
            ({"synonyms": "cqs"}, "synonyms: it is one text, not several"),
            ({"synonyms": [""]}, "synonyms: one of them is blank"),
        ],
    )
    assert_refused(
        lambda relevance: knowledge.file_under(resource.id, text, relevance=relevance),
        [({"relevance": 1.5}, "relevance: 1.5 is not within 0 and 1")],
    )

    assert knowledge.resource(resource.id).version == 1
    assert knowledge.chunks(resource.id).items == ()
