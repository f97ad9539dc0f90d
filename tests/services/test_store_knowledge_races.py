"""Two who work on the knowledge at one moment, on every backend: one waits for the other, and nothing falls between them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Conflict, NotFound, VersionConflict
from services.knowledge.models import Resource, ResourceKind
from services.knowledge.store import AlreadyThere, KnowledgeStore, Piece
from tests.services import meanwhile as races

USER = uuid.UUID(int=900)


@pytest.fixture
def store(migrated: sa.Engine) -> KnowledgeStore:
    return KnowledgeStore(lambda: Session(migrated))


@pytest.fixture
def meanwhile(store: KnowledgeStore, migrated: sa.Engine) -> Callable[..., Future[Any]]:
    """Give what does one thing in a transaction that stays open until another thread waits with the other."""
    return partial(races.meanwhile, migrated, store)


def a_resource(store: KnowledgeStore, text: str = "") -> Resource:
    return store.add_resource(text or str(uuid.uuid4()), kind=ResourceKind.BOOK, title="A", added_by=USER)


def a_tree(store: KnowledgeStore) -> str:
    """Make a topic with `a`, `a/b` and `z` below it, and give its path."""
    root = uuid.uuid4().hex
    store.create_topic(root, name="Root")
    for part, under in (("a", root), ("b", f"{root}/a"), ("z", root)):
        store.create_topic(part, name=part, under=under)
    return root


def paths(store: KnowledgeStore, root: str) -> list[str]:
    return [topic.path.removeprefix(root) for topic in store.branch(root).items]


def test_of_two_who_bring_in_the_same_the_second_is_told_what_is_there(
    store: KnowledgeStore, meanwhile: Callable[..., Future[Resource]]
) -> None:
    text, made = str(uuid.uuid4()), []

    outcome = meanwhile(lambda: made.append(a_resource(store, text)), lambda: a_resource(store, text))

    with pytest.raises(AlreadyThere) as caught:
        outcome.result()
    assert [caught.value.resource_id] == [resource.id for resource in made]


def test_of_two_who_change_a_resource_one_is_told(
    store: KnowledgeStore, meanwhile: Callable[..., Future[Resource]]
) -> None:
    made = a_resource(store)

    outcome = meanwhile(
        lambda: store.update_resource(made.id, version=1, title="First"),
        lambda: store.update_resource(made.id, version=1, title="Second"),
    )

    with pytest.raises(VersionConflict):
        outcome.result()
    assert store.resource(made.id).title == "First"


def test_a_topic_is_not_put_below_one_that_has_moved_away(
    store: KnowledgeStore, meanwhile: Callable[..., Future[object]]
) -> None:
    root = a_tree(store)

    outcome = meanwhile(
        lambda: store.move_topic(f"{root}/a", to=f"{root}/z/a"),
        lambda: store.create_topic("c", name="C", under=f"{root}/a/b"),
    )

    with pytest.raises(NotFound, match=f"no topic '{root}/a/b'"):
        outcome.result()
    assert paths(store, root) == ["", "/z", "/z/a", "/z/a/b"]


def test_topics_that_were_just_put_below_one_move_with_it(
    store: KnowledgeStore, meanwhile: Callable[..., Future[object]]
) -> None:
    root = a_tree(store)

    def two_levels() -> None:
        store.create_topic("c", name="C", under=f"{root}/a/b")
        store.create_topic("d", name="D", under=f"{root}/a/b/c")

    outcome = meanwhile(two_levels, lambda: store.move_topic(f"{root}/a", to=f"{root}/z/a"))

    assert outcome.exception() is None
    assert paths(store, root) == ["", "/z", "/z/a", "/z/a/b", "/z/a/b/c", "/z/a/b/c/d"]


def test_of_two_branches_that_move_to_one_place_one_stays(
    store: KnowledgeStore, meanwhile: Callable[..., Future[object]]
) -> None:
    root = a_tree(store)

    outcome = meanwhile(
        lambda: store.move_topic(f"{root}/a/b", to=f"{root}/c"), lambda: store.move_topic(f"{root}/z", to=f"{root}/c")
    )

    with pytest.raises(Conflict, match=f"topic '{root}/c' is there already"):
        outcome.result()
    assert paths(store, root) == ["", "/a", "/c", "/z"]


def test_of_two_who_replace_chunks_the_last_one_has_them(
    store: KnowledgeStore, meanwhile: Callable[..., Future[object]]
) -> None:
    made = a_resource(store)

    outcome = meanwhile(
        lambda: store.replace_chunks(made.id, [Piece(body="first", token_count=1)] * 3),
        lambda: store.replace_chunks(made.id, [Piece(body="second", token_count=1)] * 2),
    )

    assert outcome.exception() is None
    assert [(one.position, one.body) for one in store.chunks(made.id).items] == [(1, "second"), (2, "second")]


def test_a_chunk_that_is_cited_at_this_moment_does_not_go(
    store: KnowledgeStore, meanwhile: Callable[..., Future[object]]
) -> None:
    made, document_id = a_resource(store), uuid.uuid4()
    chunk = store.replace_chunks(made.id, [Piece(body="a", token_count=1)])[0]

    outcome = meanwhile(
        lambda: store.cite(chunk.id, document_id=document_id, marker="[1]", quote="a", created_by=USER),
        lambda: store.replace_chunks(made.id, []),
    )

    with pytest.raises(Conflict, match="has 1 citations"):
        outcome.result()
    assert [one.chunk_id for one in store.citations_in(document_id).items] == [chunk.id]


def test_a_user_who_keeps_a_resource_twice_at_once_keeps_it_once(
    store: KnowledgeStore, meanwhile: Callable[..., Future[object]]
) -> None:
    made, user = a_resource(store), uuid.uuid4()

    outcome = meanwhile(
        lambda: store.keep(made.id, user_id=user, shelf="a"), lambda: store.keep(made.id, user_id=user, shelf="b")
    )

    with pytest.raises(Conflict, match=f"user '{user}' keeps resource '{made.id}' already"):
        outcome.result()
    assert [one.shelf for one in store.bookmarks(user).items] == ["a"]
