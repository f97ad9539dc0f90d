"""What the services' tables keep, and what they refuse, on every backend."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.exc import StaleDataError

import dbkit.types as dbt
from services.knowledge.models import Bookmark, Chunk, Citation, Resource, ResourceKind, ResourceTopic, Topic
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
from services.user.models import AccountStatus, AuditEvent, Outcome, Profile, Role, User, UserRole
from services.user.models import Session as SignIn
from tests.driving import on_every_driver

pytestmark = [pytest.mark.driven, on_every_driver]


@pytest.fixture
def session(migrated: sa.Engine) -> Iterator[Session]:
    """Give a session on a database that holds the tables of all services."""
    with Session(migrated) as session:
        yield session


def count(session: Session, model: type[DeclarativeBase], **values: object) -> int:
    """Count the rows that have these values."""
    return session.scalars(sa.select(sa.func.count()).select_from(model).filter_by(**values)).one()


def a_user(**values: object) -> User:
    """Make a user whose address nobody else has."""
    return User(**{"email": f"{uuid.uuid4()}@example.org", **values})


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


def a_resource(**values: object) -> Resource:
    """Make a resource."""
    defaults = {"kind": ResourceKind.BOOK, "title": "Patterns", "added_by": uuid.uuid4()}
    return Resource(**{**defaults, "content_hash": secrets.token_bytes(32), **values})


def a_chunk(**values: object) -> Chunk:
    """Make a chunk, the first unless it says otherwise."""
    return Chunk(**{"position": 1, "body": "Events first.", "token_count": 3, **values})


# --- user -------------------------------------------------------------------------------------------------------------


def test_deleting_a_user_deletes_what_is_theirs_and_keeps_the_record(session: Session) -> None:
    role = Role(name=str(uuid.uuid4()))
    user = a_user(profile=Profile(full_name="Ada Lovelace"), roles=[UserRole(role=role)])
    user.sessions = [SignIn(token_hash=secrets.token_bytes(32), expires_at=datetime.now(UTC))]
    session.add_all([user, role])
    session.flush()
    session.add(AuditEvent(actor_id=user.id, action="role.grant", outcome=Outcome.ALLOWED))
    session.commit()
    user_id, role_id = user.id, role.id

    session.execute(sa.delete(User).where(User.id == user_id))
    session.commit()

    assert [count(session, model, user_id=user_id) for model in (Profile, UserRole, SignIn)] == [0, 0, 0]
    assert count(session, AuditEvent, actor_id=user_id) == 1
    assert count(session, Role, id=role_id) == 1


def test_a_role_that_somebody_holds_cannot_be_deleted(session: Session) -> None:
    role = Role(name=str(uuid.uuid4()))
    session.add(a_user(roles=[UserRole(role=role)]))
    session.commit()

    with pytest.raises(IntegrityError):
        session.execute(sa.delete(Role).where(Role.id == role.id))


def test_two_accounts_cannot_have_one_address(session: Session) -> None:
    first = a_user()
    session.add(first)
    session.commit()
    session.add(a_user(email=first.email))

    with pytest.raises(IntegrityError):
        session.flush()


@pytest.mark.parametrize("other", ["JOSÉ", "jose", "josé "], ids=["case", "accent", "trailing blank"])
def test_unique_text_is_compared_exactly(session: Session, other: str) -> None:
    start = uuid.uuid4()
    session.add_all([Role(name=f"{start}josé"), Role(name=f"{start}{other}")])
    session.commit()

    assert session.scalars(sa.select(Role.name).where(Role.name == f"{start}josé")).all() == [f"{start}josé"]


def test_two_sign_ins_cannot_have_one_token(session: Session) -> None:
    token_hash = secrets.token_bytes(32)
    expires_at = datetime.now(UTC)
    user = a_user(sessions=[SignIn(token_hash=token_hash, expires_at=expires_at) for _ in range(2)])
    session.add(user)

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_profile_needs_its_user(session: Session) -> None:
    session.add(Profile(user_id=uuid.uuid4(), full_name="Nobody"))

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_row_written_without_the_models_gets_the_defaults(session: Session) -> None:
    user_id = uuid.uuid4()
    users = sa.table("users", sa.column("id", dbt.Uuid()), sa.column("email", dbt.String(320)))
    profiles = sa.table("profiles", sa.column("user_id", dbt.Uuid()), sa.column("full_name", dbt.String(200)))
    session.execute(users.insert().values(id=user_id, email=f"{user_id}@example.org"))
    session.execute(profiles.insert().values(user_id=user_id, full_name="Grace Hopper"))
    session.commit()

    user = session.get_one(User, user_id)
    profile = session.get_one(Profile, user_id)

    assert (user.status, user.is_staff, user.version) == (AccountStatus.INVITED, False, 1)
    assert (profile.locale, profile.time_zone, profile.skills, profile.settings) == ("en", "UTC", [], {})
    assert abs(user.created_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert user.created_at.tzinfo is UTC


def test_who_has_seen_an_old_version_cannot_overwrite_a_newer_one(migrated: sa.Engine) -> None:
    with Session(migrated, expire_on_commit=False) as mine, Session(migrated) as theirs:
        user = a_user()
        mine.add(user)
        mine.commit()
        theirs.get_one(User, user.id).status = AccountStatus.ACTIVE
        theirs.commit()
        user.is_staff = True

        with pytest.raises(StaleDataError):
            mine.flush()


def test_a_profile_comes_back_as_it_was_written(session: Session) -> None:
    values = {
        "full_name": "Zoë 山田 🏗",
        "biography": "long " * 20_000,
        "avatar": bytes(range(256)) * 400,
        "skills": ["UML", "C4", 'quote " and \\ slash', ""],
        "settings": {"theme": "dark", "panes": [1, 2, {"open": True}], "none": None, "ratio": 0.5},
        "hourly_rate": Decimal("12345678.90"),
    }
    user = a_user(profile=Profile(**values))
    session.add(user)
    session.commit()
    session.expire_all()

    assert {key: getattr(user.profile, key) for key in values} == values


# --- project ----------------------------------------------------------------------------------------------------------


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


# --- knowledge --------------------------------------------------------------------------------------------------------


def test_deleting_a_resource_deletes_what_hangs_on_it_and_keeps_its_topics(session: Session) -> None:
    topic = Topic(path=str(uuid.uuid4()), name="Events", depth=0)
    citation = Citation(document_id=uuid.uuid4(), marker="[1]", quote="Events first.", created_by=uuid.uuid4())
    resource = a_resource(
        topics=[ResourceTopic(topic=topic)],
        chunks=[a_chunk(citations=[citation])],
        bookmarks=[Bookmark(user_id=uuid.uuid4())],
    )
    session.add(resource)
    session.commit()
    resource_id, document_id, topic_id = resource.id, citation.document_id, topic.id

    session.execute(sa.delete(Resource).where(Resource.id == resource_id))
    session.commit()

    assert [count(session, model, resource_id=resource_id) for model in (ResourceTopic, Chunk, Bookmark)] == [0, 0, 0]
    assert count(session, Citation, document_id=document_id) == 0
    assert count(session, Topic, id=topic_id) == 1


def test_a_topic_has_a_path_of_its_own(session: Session) -> None:
    path = f"{uuid.uuid4()}/{'ü' * 300}"
    session.add_all([Topic(path=path, name="Patterns", depth=1) for _ in range(2)])

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_user_keeps_a_resource_once(session: Session) -> None:
    user_id = uuid.uuid4()
    session.add(a_resource(bookmarks=[Bookmark(user_id=user_id), Bookmark(user_id=user_id)]))

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_marker_stands_for_one_citation_in_a_document(session: Session) -> None:
    document_id = uuid.uuid4()
    citations = [Citation(document_id=document_id, marker="[1]", quote="…", created_by=uuid.uuid4()) for _ in range(2)]
    session.add(a_resource(chunks=[a_chunk(citations=citations)]))

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_resource_comes_back_as_it_was_written(session: Session) -> None:
    values = {
        "authors": ["Gregor Hohpe", "Bobby Woolf"],
        "details": {"language": "en", "licence": "CC-BY-4.0", "editions": [1, 2]},
        "content_hash": bytes(range(32)),
        "is_public": False,
        "published_on": date(1969, 7, 20),
        "page_count": 2**31 - 1,
        "size_bytes": 2**63 - 1,
        "quality_score": 0.1 + 0.2,
        "price": Decimal("0.10"),
    }
    resource = a_resource(**values)
    session.add(resource)
    session.commit()
    session.expire_all()

    assert {key: getattr(resource, key) for key in values} == values


def test_an_embedding_comes_back_to_the_last_bit(session: Session) -> None:
    embedding = [(-1) ** i / (i + 3) for i in range(1536)]
    resource = a_resource(chunks=[a_chunk(embedding=embedding, pages=[41, 42]), a_chunk(position=2)])
    session.add(resource)
    session.commit()
    session.expire_all()

    assert [(chunk.embedding, chunk.pages) for chunk in resource.chunks] == [(embedding, [41, 42]), (None, [])]
