"""What the tables of the service `project` keep, and what they refuse, on every backend."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.project.models import (
    Activity,
    Comment,
    Document,
    DocumentKind,
    DocumentStatus,
    Member,
    MemberRole,
    Phase,
    PhaseKind,
    Project,
    SubjectType,
    Visibility,
)
from tests.driving import on_every_driver
from tests.services.tables import count

pytestmark = [pytest.mark.driven, on_every_driver]


def a_project(**values: object) -> Project:
    """Make a project whose slug no other has."""
    return Project(**{"owner_id": uuid.uuid4(), "slug": str(uuid.uuid4()), "name": "Warehouse", **values})


def a_phase(**values: object) -> Phase:
    """Make a phase, the first unless it says otherwise."""
    return Phase(**{"position": 1, "name": "Design", "kind": PhaseKind.DESIGN, **values})


def a_document(**values: object) -> Document:
    """Make a document."""
    defaults = {"author_id": uuid.uuid4(), "slug": "context", "title": "Context", "kind": DocumentKind.DIAGRAM}
    return Document(**{**defaults, **values})


def test_deleting_a_project_deletes_everything_in_it(session: Session) -> None:
    document = a_document(comments=[Comment(thread_id=uuid.uuid4(), author_id=uuid.uuid4(), body="Why?")])
    project = a_project(
        members=[Member(user_id=uuid.uuid4(), role=MemberRole.OWNER)],
        phases=[a_phase(documents=[document])],
        activities=[Activity(verb="project.create", subject_type=SubjectType.PROJECT)],
    )
    session.add(project)
    session.commit()
    project_id, document_id = project.id, document.id

    session.execute(sa.delete(Project).where(Project.id == project_id))
    session.commit()

    assert [count(session, model, project_id=project_id) for model in (Member, Phase, Document, Activity)] == [
        0,
        0,
        0,
        0,
    ]
    assert count(session, Comment, document_id=document_id) == 0


def test_a_document_cannot_lie_in_a_phase_of_another_project(session: Session) -> None:
    mine, other = a_project(), a_project(phases=[a_phase()])
    session.add_all([mine, other])
    session.flush()
    session.execute(
        sa.insert(Document).values(
            id=uuid.uuid4(),
            project_id=other.id,
            phase_id=other.phases[0].id,
            author_id=uuid.uuid4(),
            slug="context",
            title="Context",
            kind=DocumentKind.DIAGRAM,
        )
    )

    with pytest.raises(IntegrityError):
        session.execute(sa.update(Document).where(Document.project_id == other.id).values(project_id=mine.id))


@pytest.mark.parametrize(
    "twice",
    [
        lambda: {"phases": [a_phase(), a_phase()]},
        lambda: {"phases": [a_phase(documents=[a_document(), a_document()])]},
    ],
    ids=["position of a phase", "slug of a document"],
)
def test_what_is_unique_in_a_project_cannot_be_there_twice(
    session: Session, twice: Callable[[], dict[str, object]]
) -> None:
    session.add(a_project(**twice()))

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_user_joins_a_project_once(session: Session) -> None:
    user_id = uuid.uuid4()
    project = a_project(members=[Member(user_id=user_id, role=MemberRole.OWNER)])
    session.add(project)
    session.commit()

    with pytest.raises(IntegrityError):
        session.execute(sa.insert(Member).values(project_id=project.id, user_id=user_id, role=MemberRole.VIEWER))


def test_a_project_comes_back_as_it_was_written(session: Session) -> None:
    values = {
        "summary": "A warehouse that tells where things are.",
        "visibility": Visibility.TEAM,
        "tags": ["iot", "überblick", "日本"],
        "settings": {"grid": {"size": 8, "snap": True}},
        "budget": Decimal("123456789012.34"),
        "starts_on": date(2024, 2, 29),
        "archived_at": datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    }
    project = a_project(**values)
    session.add(project)
    session.commit()
    session.expire_all()

    assert {key: getattr(project, key) for key in values} == values


def test_a_phase_and_its_document_come_back_as_they_were_written(session: Session) -> None:
    document = {
        "status": DocumentStatus.IN_REVIEW,
        "body": {"blocks": [{"type": "text", "text": "Où? 🏗"}, {"type": "list", "items": [1, 2.5, None]}]},
        "tags": [],
        "checksum": bytes(32),
        "size_bytes": 2**40,
    }
    phase = {"needs": [3, 1, 2], "is_milestone": True, "cost_estimate": Decimal("0.01"), "ends_on": date(9999, 12, 31)}
    project = a_project(phases=[a_phase(**phase, documents=[a_document(**document)])])
    session.add(project)
    session.commit()
    session.expire_all()
    kept = project.phases[0]

    assert {key: getattr(kept, key) for key in phase} == phase
    assert {key: getattr(kept.documents[0], key) for key in document} == document


def test_a_comment_on_the_whole_document_has_no_anchor(session: Session) -> None:
    comment = Comment(thread_id=uuid.uuid4(), author_id=uuid.uuid4(), body="Good.", anchor=None)
    session.add(a_project(phases=[a_phase(documents=[a_document(comments=[comment])])]))
    session.commit()

    found = session.scalars(sa.select(Comment.id).where(Comment.id == comment.id, Comment.anchor.is_(None))).all()

    assert found == [comment.id]
