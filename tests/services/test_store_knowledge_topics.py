"""What the store of the service `knowledge` does with the tree of topics, the same on every backend."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Conflict, Invalid, InvalidCursor, NotFound
from services.knowledge import topics
from services.knowledge.models import ResourceKind, Topic
from services.knowledge.store import KnowledgeStore
from tests.driving import on_every_driver
from tests.services.clocks import NOON, SECOND, Clock

pytestmark = [pytest.mark.driven, on_every_driver]

Grow = Callable[..., str]


@pytest.fixture
def store(migrated: sa.Engine) -> KnowledgeStore:
    """Give a store whose clock goes a second further each time it is read."""
    return KnowledgeStore(lambda: Session(migrated), clock=Clock(step=SECOND))


@pytest.fixture
def grow(store: KnowledgeStore) -> Grow:
    """Give what makes topics below one of a tree of its own, and gives that one's path."""

    def grow(*paths: str) -> str:
        root = uuid.uuid4().hex
        store.create_topic(root, name=root)
        for path in paths:
            above, _, part = f"{root}/{path}".rpartition("/")
            store.create_topic(part, name=part, under=above)
        return root

    return grow


def paths(root: str, found: object) -> list[str]:
    """Name topics by their paths below the root."""
    return [topic.path.removeprefix(root) for topic in found]


def test_a_topic_stands_where_it_was_put(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a")

    made = store.create_topic("ü%_", name="Ü", under=f"{root}/a", description="…", synonyms=["U", "Ue"])
    found = store.topic(f"{root}/a/ü%_")

    for topic in (made, found):
        assert (topic.path, topic.depth, topic.name) == (f"{root}/a/ü%_", 2, "Ü")
        assert (topic.description, topic.synonyms) == ("…", ["U", "Ue"])
    assert store.topic(f"{root}/a/u\N{COMBINING DIAERESIS}%_").id == made.id


@pytest.mark.parametrize(
    ("part", "name", "field"),
    [
        ("a/b", "A", "part"),
        ("", "A", "path"),
        (" a", "A", "path"),
        ("a ", "A", "path"),
        ("a\tb", "A", "path"),
        ("a\0", "A", "path"),
        ("\ud800", "A", "path"),
        ("x" * 368, "A", "path"),
        ("a", "", "name"),
        ("a", "x" * 121, "name"),
    ],
)
def test_a_topic_that_cannot_be_kept_says_why(
    store: KnowledgeStore, grow: Grow, part: str, name: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        store.create_topic(part, name=name, under=grow())

    assert caught.value.field == field


def test_a_topic_needs_one_above_it_and_a_path_of_its_own(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a")

    with pytest.raises(NotFound, match=f"no topic '{root}/b'"):
        store.create_topic("c", name="C", under=f"{root}/b")
    with pytest.raises(Conflict, match=f"topic '{root}/a' is there already"):
        store.create_topic("a", name="A", under=root)
    with pytest.raises(NotFound):
        store.topic(f"{root}/A")


def test_a_branch_is_what_begins_with_the_path_and_a_slash(store: KnowledgeStore, grow: Grow) -> None:
    root = grow(
        "a", "a/b", "a/b/c", "a/b/ü", "a/b-c", "a/bc", "a/b%", "a/b_", "a/b0", "a/B", "a/b/\U0001f388", "a/b/c/d"
    )
    branch = f"{root}/a/b"

    below = ["", "/c", "/c/d", "/ü", "/\U0001f388"]
    assert paths(branch, store.branch(branch).items) == below
    assert paths(branch, store.topics_under(branch).items) == ["/c", "/ü", "/\U0001f388"]
    assert paths(root, store.branch(f"{root}/a/b%").items) == ["/a/b%"]
    assert paths(root, store.topics_under(root).items) == ["/a"]
    beside = ["/B", "/b", "/b%", "/b-c", "/b0", "/b_", "/bc"]
    assert paths(f"{root}/a", store.topics_under(f"{root}/a").items) == beside
    assert store.branch(f"{root}/none").items == ()


def test_a_branch_is_read_page_by_page(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a", "b", "c")

    first = store.branch(root, limit=3)
    second = store.branch(root, limit=3, cursor=first.cursor)

    assert [paths(root, page.items) for page in (first, second)] == [["", "/a", "/b"], ["/c"]]
    assert second.cursor is None
    with pytest.raises(InvalidCursor):
        store.topics_under(root, limit=3, cursor=first.cursor)


def test_topics_at_the_top_have_none_above(store: KnowledgeStore, grow: Grow) -> None:
    root, found, cursor = grow("a"), [], None
    while cursor is not None or not found:
        page = store.topics_under(cursor=cursor)
        found += [topic.path for topic in page.items]
        cursor = page.cursor

    assert root in found
    assert [path for path in found if "/" in path] == []
    assert found == sorted(found)


def test_a_branch_moves_with_all_that_stands_below_it(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a", "a/b", "a/b/c", "a/b/c/d", "a/bc", "z")
    before = {topic.id: topic.path for topic in store.branch(f"{root}/a/b").items}

    moved = store.move_topic(f"{root}/a/b", to=f"{root}/z/ü")
    branch = store.branch(f"{root}/z/ü").items

    assert (moved.path, moved.depth, moved.updated_at > NOON) == (f"{root}/z/ü", 2, True)
    assert [(path, topic.depth) for path, topic in zip(paths(root, branch), branch, strict=True)] == [
        ("/z/ü", 2),
        ("/z/ü/c", 3),
        ("/z/ü/c/d", 4),
    ]
    assert {topic.id for topic in branch} == set(before)
    assert paths(root, store.branch(f"{root}/a").items) == ["/a", "/a/bc"]


def test_a_branch_is_renamed_at_the_top(store: KnowledgeStore, grow: Grow) -> None:
    root, name = grow("a"), uuid.uuid4().hex

    assert store.move_topic(root, to=name).depth == 0
    assert paths(name, store.branch(name).items) == ["", "/a"]
    assert store.branch(root).items == ()


def test_what_was_read_in_the_transaction_knows_that_it_has_moved(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a", "a/b", "c")

    with store.transaction():
        child = store.topic(f"{root}/a/b")
        store.move_topic(f"{root}/a", to=f"{root}/c/a")

    assert (child.path, child.depth) == (f"{root}/c/a/b", 3)


@pytest.mark.parametrize(
    ("path", "to", "error", "message"),
    [
        ("/a", "/a", Invalid, "to: .* is within the branch"),
        ("/a", "/a/b/c", Invalid, "to: .* is within the branch"),
        ("/a", "/z", Conflict, "/z' is there already"),
        ("/a/b", "/a", Conflict, "/a' is there already"),
        ("/a", "/none/a", NotFound, "/none'"),
        ("/none", "/y", NotFound, "/none'"),
        ("/a", "/" + "y" * 360, Invalid, "to: a path of 40[0-9] characters is longer than 400"),
        ("/a", "/y//", Invalid, "to: "),
    ],
)
def test_a_branch_that_cannot_move_stays(
    store: KnowledgeStore, grow: Grow, path: str, to: str, error: type[Exception], message: str
) -> None:
    root = grow("a", "a/b", "a/b/cdefghi", "z")

    with pytest.raises(error, match=message):
        store.move_topic(root + path, to=root + to)

    assert paths(root, store.branch(root).items) == ["", "/a", "/a/b", "/a/b/cdefghi", "/z"]


def test_a_branch_is_removed_and_its_resources_stay(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a", "a/b", "a/bc")
    resource = store.add_resource(root, kind=ResourceKind.BOOK, title="A", added_by=uuid.uuid4())
    store.file_under(resource.id, f"{root}/a/b")

    assert store.remove_topic(f"{root}/a") == 3
    assert paths(root, store.branch(root).items) == [""]
    assert store.topics_of(resource.id) == []
    with pytest.raises(NotFound):
        store.remove_topic(f"{root}/a")


def test_topics_are_found_by_name_synonym_and_path_the_nearest_first(store: KnowledgeStore, grow: Grow) -> None:
    word = f"q{uuid.uuid4().hex[:8]}ß"
    root = grow("a", "b", "c", f"{word}-x", "e", "f")
    with store.transaction() as session:
        for path, name, synonyms in [
            ("a", f"in {word} within", []),
            ("b", "B", ["other", f"{word}-like"]),
            ("c", word.upper(), []),
            ("e", "E", [word]),
        ]:
            topic = session.scalars(sa.select(Topic).where(Topic.path == f"{root}/{path}")).one()
            topic.name, topic.synonyms = name, synonyms

    for text in (word, word.upper(), f" {word[:-1]}SS "):
        found = store.search_topics(text)
        assert paths(root, found) == ["/c", "/e", "/b", f"/{word}-x", "/a"]
    assert paths(root, store.search_topics(word, limit=2)) == ["/c", "/e"]
    assert store.search_topics(f"{word}%") == []
    for limit, text in ((0, "a"), (201, "a"), (1, " ")):
        with pytest.raises(Invalid):
            store.search_topics(text, limit=limit)


def test_a_topic_that_is_removed_while_it_is_looked_for_is_no_error(
    store: KnowledgeStore, grow: Grow, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, all_topics = grow(), topics._all_topics

    def read(session: Session) -> Iterator[Any]:
        yield from all_topics(session)
        Context().run(store.remove_topic, root)  # outside of this transaction

    monkeypatch.setattr(topics, "_all_topics", read)
    # whether it was seen before is the backend's to say
    assert [topic.path for topic in store.search_topics(root)] in ([], [root])
    assert store.branch(root).items == ()


def test_a_resource_is_filed_under_topics_by_relevance(store: KnowledgeStore, grow: Grow) -> None:
    root = grow("a", "b", "c")
    resource = store.add_resource(root, kind=ResourceKind.BOOK, title="A", added_by=uuid.uuid4())

    for part, relevance in (("c", 0.25), ("b", 0.75), ("a", 0.75), ("c", 1.0)):
        store.file_under(resource.id, f"{root}/{part}", relevance=relevance)
    store.take_from(resource.id, f"{root}/b")

    filed = [(topic.path.removeprefix(root), relevance) for topic, relevance in store.topics_of(resource.id)]
    assert filed == [("/c", 1.0), ("/a", 0.75)]
    with pytest.raises(NotFound):
        store.take_from(resource.id, f"{root}/b")
    with pytest.raises(NotFound, match="no topic"):
        store.file_under(resource.id, f"{root}/none")
    with pytest.raises(NotFound, match="no resource"):
        store.file_under(uuid.uuid4(), f"{root}/a")
    with pytest.raises(Invalid, match=r"relevance: 1\.5 is not within 0 and 1"):
        store.file_under(resource.id, f"{root}/a", relevance=1.5)
