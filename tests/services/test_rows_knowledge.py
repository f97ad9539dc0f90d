"""What the tables of the service `knowledge` keep, and what they refuse, on every backend."""

from __future__ import annotations

import secrets
import uuid
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.knowledge.models import Bookmark, Chunk, Citation, Resource, ResourceKind, ResourceTopic, Topic
from tests.driving import on_every_driver
from tests.services.tables import count

pytestmark = [pytest.mark.driven, on_every_driver]


def a_resource(**values: object) -> Resource:
    """Make a resource."""
    defaults = {"kind": ResourceKind.BOOK, "title": "Patterns", "added_by": uuid.uuid4()}
    return Resource(**{**defaults, "content_hash": secrets.token_bytes(32), **values})


def a_chunk(**values: object) -> Chunk:
    """Make a chunk, the first unless it says otherwise."""
    return Chunk(**{"position": 1, "body": "Events first.", "token_count": 3, **values})


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


@pytest.mark.parametrize("project_id", [None, uuid.UUID(int=7)], ids=["for all", "of a project"])
def test_a_content_is_there_once_in_a_project_and_once_for_all(session: Session, project_id: uuid.UUID | None) -> None:
    content_hash = secrets.token_bytes(32)
    session.add_all([a_resource(content_hash=content_hash, project_id=uuid.uuid4()) for _ in range(2)])
    session.add(a_resource(content_hash=content_hash, project_id=project_id))
    session.flush()
    session.add(a_resource(content_hash=content_hash, project_id=project_id))

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_scope_is_the_projects_however_a_resource_is_written(session: Session) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    values = {"kind": ResourceKind.BOOK, "title": "Patterns", "added_by": one, "content_hash": one.bytes * 2}
    session.execute(sa.insert(Resource), [{**values, "project_id": one}])
    session.execute(sa.insert(Resource.__table__).values(**values, project_id=other))
    moved = a_resource(project_id=one)
    moved.project_id = None
    session.add(moved)
    session.flush()

    scopes = sa.select(Resource.scope).where(Resource.content_hash.in_([one.bytes * 2, moved.content_hash]))
    assert sorted(session.scalars(scopes)) == sorted([str(one), str(other), "all"])


def test_a_resource_comes_back_as_it_was_written(session: Session) -> None:
    values = {
        "authors": ["Gregor Hohpe", "Bobby Woolf"],
        "details": {"publisher": "ACM", "licence": "CC-BY-4.0", "editions": [1, 2]},
        "language": "de-AT",
        "content_hash": bytes(range(32)),
        "project_id": uuid.uuid4(),  # content is unique in a project
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
