"""What the store of the service `knowledge` does with resources, citations and bookmarks, the same on every backend."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Conflict, Invalid, InvalidCursor, NotFound, VersionConflict
from services.knowledge.models import Chunk, Resource, ResourceKind
from services.knowledge.store import AlreadyThere, KnowledgeStore, Piece
from tests.driving import on_every_driver
from tests.services.clocks import NOON, SECOND, Clock
from tests.services.tables import count

pytestmark = [pytest.mark.driven, on_every_driver]

BOOK = ResourceKind.BOOK
USER = uuid.UUID(int=900)


@pytest.fixture
def store(migrated: sa.Engine) -> KnowledgeStore:
    """Give a store whose clock goes a second further each time it is read."""
    return KnowledgeStore(lambda: Session(migrated), clock=Clock(step=SECOND))


@pytest.fixture
def add(store: KnowledgeStore) -> Callable[..., Resource]:
    """Give what adds a resource of one project, all by itself in it."""
    project_id = uuid.uuid4()

    def add(text: str = "", **values: Any) -> Resource:
        given = {"kind": BOOK, "title": "Patterns", "project_id": project_id, **values}
        return store.add_resource(text or str(uuid.uuid4()), added_by=USER, **given)

    return add


def test_a_resource_is_what_was_said_of_it_and_what_its_text_is(store: KnowledgeStore) -> None:
    text = f"Ärger {uuid.uuid4()}"
    values = {
        "title": "Muster",
        "summary": "kurz",
        "authors": ["Ada"],
        "details": {"licence": "MIT"},
        "language": "de-AT",
        "is_public": False,
        "published_on": date(1969, 7, 20),
        "price": Decimal("0.10"),
    }

    made = store.add_resource(text, kind=BOOK, added_by=USER, **values)
    found = store.resource(made.id)

    for resource in (made, found):
        assert {name: getattr(resource, name) for name in values} == values
        assert (resource.kind, resource.added_by, resource.version, resource.scope) == (BOOK, USER, 1, "all")
        assert (resource.source_url, resource.page_count, resource.project_id) == (None, None, None)
        assert resource.content_hash == hashlib.sha256(text.encode()).digest()
        assert (resource.size_bytes, resource.created_at) == (43, NOON + SECOND)


def test_a_copy_is_refused_with_the_key_of_what_is_there(store: KnowledgeStore) -> None:
    text, one, other = str(uuid.uuid4()), uuid.uuid4(), uuid.uuid4()
    add = [
        store.add_resource(text, kind=BOOK, title="A", added_by=USER, project_id=owner) for owner in (None, one, other)
    ]

    for number, owner in enumerate((None, one, other)):
        with pytest.raises(AlreadyThere, match=f"resource '{add[number].id}' has the same content") as caught:
            store.add_resource(text, kind=BOOK, title="B", added_by=USER, project_id=owner)
        assert caught.value.resource_id == add[number].id


def test_a_copy_does_not_end_a_transaction_that_goes_on_without_it(store: KnowledgeStore) -> None:
    text, user = str(uuid.uuid4()), uuid.uuid4()
    there = store.add_resource(text, kind=BOOK, title="A", added_by=USER)

    with store.transaction():
        with pytest.raises(AlreadyThere) as caught:
            store.add_resource(text, kind=BOOK, title="B", added_by=USER)
        store.keep(caught.value.resource_id, user_id=user)

    assert [item.resource_id for item in store.bookmarks(user).items] == [there.id]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": "x" * 301}, "title"),
        ({"title": " "}, "title"),
        ({"title": None}, "title"),
        ({"kind": "poem"}, "kind"),
        ({"language": "x" * 36}, "language"),
        ({"summary": "a\0b"}, "summary"),
        ({"price": Decimal("0.001")}, "price"),
        ({"quality_score": float("nan")}, "quality_score"),
        ({"page_count": 2**31}, "page_count"),
        ({"details": {"a": object()}}, "details"),
        ({"id": uuid.UUID(int=1)}, "id"),
        ({"scope": "all"}, "scope"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_name(
    add: Callable[..., Resource], store: KnowledgeStore, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as added:
        add(**values)
    with pytest.raises(Invalid) as updated:
        store.update_resource(uuid.uuid4(), version=1, **values)

    assert (added.value.field, updated.value.field) == (field, field)


def test_who_has_seen_the_newest_version_changes_it_and_others_do_not(
    store: KnowledgeStore, add: Callable[..., Resource]
) -> None:
    resource = add()

    changed = store.update_resource(resource.id, version=1, title="New", details={"a": [1]}, language="en")
    with pytest.raises(VersionConflict) as caught:
        store.update_resource(resource.id, version=1, title="Newer")

    assert (changed.title, changed.details, changed.language, changed.version) == ("New", {"a": [1]}, "en", 2)
    assert changed.updated_at > resource.updated_at
    assert (caught.value.expected, caught.value.found) == (1, 2)
    assert store.resource(resource.id).title == "New"
    with pytest.raises(NotFound, match="no resource"):
        store.update_resource(uuid.uuid4(), version=1, title="None")


def test_a_resource_that_goes_to_another_project_is_unique_there(store: KnowledgeStore) -> None:
    text, owner = str(uuid.uuid4()), uuid.uuid4()
    for_all = store.add_resource(text, kind=BOOK, title="A", added_by=USER)
    store.add_resource(text, kind=BOOK, title="B", added_by=USER, project_id=owner)

    with pytest.raises(Conflict):
        store.update_resource(for_all.id, version=1, project_id=owner)
    moved = store.update_resource(for_all.id, version=1, project_id=USER)

    assert moved.scope == str(USER)
    assert store.add_resource(text, kind=BOOK, title="C", added_by=USER).scope == "all"


def test_a_list_is_read_page_by_page_the_newest_first(store: KnowledgeStore, add: Callable[..., Resource]) -> None:
    made = [add() for _ in range(5)]
    mine = {"project_id": made[0].project_id}

    first = store.resources(**mine, limit=2)
    second = store.resources(**mine, limit=2, cursor=first.cursor)
    third = store.resources(**mine, limit=2, cursor=second.cursor)

    assert [[item.id for item in page.items] for page in (first, second, third)] == [
        [made[4].id, made[3].id],
        [made[2].id, made[1].id],
        [made[0].id],
    ]
    assert third.cursor is None
    with pytest.raises(InvalidCursor):
        store.resources(limit=2, cursor=first.cursor)
    with pytest.raises(InvalidCursor):
        store.resources(**mine, limit=2, cursor=f"A{first.cursor}")
    with pytest.raises(Invalid, match="limit: 201 is not within 1 and 200"):
        store.resources(**mine, limit=201)


def test_a_list_is_of_what_matches_all_of_its_filter(store: KnowledgeStore, add: Callable[..., Resource]) -> None:
    path = str(uuid.uuid4())
    store.create_topic(path, name="Top")
    for part in ("ü", "üc"):
        store.create_topic(part, name=part, under=path)
    public = add(language="en", kind=ResourceKind.VIDEO)
    private = add(language="en", is_public=False)
    other = add(project_id=uuid.uuid4(), is_public=False)
    store.file_under(public.id, f"{path}/ü")
    store.file_under(private.id, f"{path}/üc")
    mine = public.project_id

    def ids(**values: Any) -> list[uuid.UUID]:
        return [item.id for item in store.resources(**values).items]

    assert ids(project_id=mine, language="en") == [private.id, public.id]
    assert ids(project_id=mine, language="de") == []
    assert ids(project_id=mine, kind=ResourceKind.VIDEO) == [public.id]
    assert ids(project_id=mine, is_public=False) == [private.id]
    assert ids(topic=path) == [private.id, public.id]
    assert ids(topic=f"{path}/ü") == ids(topic=f"{path}/u\N{COMBINING DIAERESIS}") == [public.id]
    assert ids(topic=path, readable_in=uuid.uuid4()) == [public.id]
    assert ids(topic=path, readable_in=mine) == [private.id, public.id]
    assert ids(project_id=mine, readable_in=other.project_id) == [public.id]
    with pytest.raises(Invalid, match=r"^title: there is no such field$"):
        ids(title="A")
    with pytest.raises(Invalid, match=r"^kind: 'poem' "):
        ids(kind="poem")


@pytest.mark.parametrize("text", ["straße", "STRASSE", "Über", "ÜBER", "100%", "_x", "ﬁne", "FINE"])
def test_a_text_in_the_title_is_found_in_whatever_case(
    store: KnowledgeStore, add: Callable[..., Resource], text: str
) -> None:
    title = "Über die Straße, 100% _x fine"
    made = [add(title=title), add(title="Uber Strase 100 ax"), add(title=title.upper()), add(title="x" * 300)]
    wanted = {"project_id": made[0].project_id, "title_contains": text}

    first = store.resources(**wanted, limit=1)
    second = store.resources(**wanted, limit=1, cursor=first.cursor)

    assert [item.id for page in (first, second) for item in page.items] == [made[2].id, made[0].id]
    assert second.cursor is None


def test_titles_are_looked_through_beyond_what_is_read_at_once(
    store: KnowledgeStore, add: Callable[..., Resource], session: Session
) -> None:
    wanted = add(title="needle")
    at = NOON - timedelta(days=1)
    more = [
        {"kind": BOOK, "title": "needle" if n == 420 else f"{n}", "added_by": USER, "project_id": wanted.project_id}
        | {"content_hash": n.to_bytes(32), "created_at": at - timedelta(seconds=n)}
        for n in range(450)
    ]
    session.execute(sa.insert(Resource), more)
    session.commit()

    page = store.resources(project_id=wanted.project_id, title_contains="needle", limit=1)
    last = store.resources(project_id=wanted.project_id, title_contains="needle", limit=1, cursor=page.cursor)

    assert ([item.id for item in page.items], last.cursor) == ([wanted.id], None)
    assert [item.created_at for item in last.items] == [at - timedelta(seconds=420)]


def test_what_hangs_on_a_resource_goes_with_it(
    store: KnowledgeStore, add: Callable[..., Resource], session: Session
) -> None:
    resource, document_id = add(), uuid.uuid4()
    chunk = store.replace_chunks(resource.id, [Piece(body="Events first.", token_count=3)])[0]
    store.cite(chunk.id, document_id=document_id, marker="[1]", quote="Events", created_by=USER)
    store.keep(resource.id, user_id=resource.id)

    store.delete_resource(resource.id)

    assert store.citations_in(document_id).items == ()
    assert store.bookmarks(resource.id).items == ()
    assert count(session, Chunk, resource_id=resource.id) == 0
    for lost in (lambda: store.resource(resource.id), lambda: store.delete_resource(resource.id)):
        with pytest.raises(NotFound, match=f"no resource '{resource.id}'"):
            lost()


def test_several_operations_are_one_transaction(store: KnowledgeStore, add: Callable[..., Resource]) -> None:
    made: list[uuid.UUID] = []

    def bring_in_and_fail() -> None:
        with store.transaction():
            made.append(add().id)
            store.replace_chunks(made[0], [Piece(body="a", token_count=1)])
            store.cite(uuid.uuid4(), document_id=uuid.uuid4(), marker="[1]", quote="", created_by=USER)

    with pytest.raises(NotFound, match="no chunk"):
        bring_in_and_fail()
    with pytest.raises(NotFound, match=f"no resource '{made[0]}'"):
        store.resource(made[0])


def test_a_marker_stands_for_one_citation_in_a_document(store: KnowledgeStore, add: Callable[..., Resource]) -> None:
    chunks = store.replace_chunks(add().id, [Piece(body=body, token_count=1) for body in "ab"])
    one, other = uuid.uuid4(), uuid.uuid4()
    made = [
        store.cite(
            chunk.id, document_id=document, marker=marker, quote="…", created_by=USER, pages=[1, 2], confidence=0.5
        )
        for chunk, document, marker in [(chunks[0], one, "[1]"), (chunks[1], one, "[2]"), (chunks[0], other, "[1]")]
    ]

    with pytest.raises(Conflict, match=r"marker '\[1\]' stands for something else in document"):
        store.cite(chunks[1].id, document_id=one, marker="[1]", quote="…", created_by=USER)

    assert [item.id for item in store.citations_in(one).items] == [made[0].id, made[1].id]
    assert [item.id for item in store.citations_of(chunks[0].id).items] == [made[0].id, made[2].id]
    first = store.citations_in(one, limit=1)
    assert [item.marker for item in store.citations_in(one, limit=1, cursor=first.cursor).items] == ["[2]"]
    assert (made[0].pages, made[0].locator, made[0].confidence) == ([1, 2], None, 0.5)
    store.withdraw(made[0].id)
    assert [item.id for item in store.citations_in(one).items] == [made[1].id]
    with pytest.raises(NotFound, match="no citation"):
        store.withdraw(made[0].id)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"marker": "x" * 41}, "marker"), ({"marker": ""}, "marker"), ({"confidence": 1.1}, "confidence")],
)
def test_a_citation_that_cannot_be_kept_says_why(store: KnowledgeStore, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        store.cite(uuid.uuid4(), document_id=USER, **{"marker": "[1]", "quote": "…", "created_by": USER, **values})

    assert caught.value.field == field


def test_a_user_keeps_a_resource_once_on_a_shelf_and_with_labels(
    store: KnowledgeStore, add: Callable[..., Resource]
) -> None:
    user, made = uuid.uuid4(), [add() for _ in range(3)]
    kept = [store.keep(resource.id, user_id=user, labels=["a"], note="x") for resource in made]

    with pytest.raises(Conflict, match=f"user '{user}' keeps resource '{made[0].id}' already"):
        store.keep(made[0].id, user_id=user)
    moved = store.put_on_shelf(made[0].id, user_id=user, shelf="späti")
    labelled = store.label(made[0].id, user_id=user, labels=["b", "ä", "b"])

    assert [(kept[0].shelf, kept[0].labels), (moved.shelf, moved.labels)] == [("inbox", ["a"]), ("späti", ["a"])]
    assert (labelled.shelf, labelled.labels, labelled.note, labelled.created_at) == (
        "späti",
        ["b", "ä"],
        "x",
        NOON + 4 * SECOND,
    )
    assert [item.id for item in store.bookmarks(user, shelf="inbox").items] == [kept[2].id, kept[1].id]
    first = store.bookmarks(user, limit=2)
    assert [item.id for item in store.bookmarks(user, limit=2, cursor=first.cursor).items] == [kept[0].id]
    store.let_go(made[0].id, user_id=user)
    for lost in (
        lambda: store.let_go(made[0].id, user_id=user),
        lambda: store.put_on_shelf(made[0].id, user_id=user, shelf="a"),
        lambda: store.label(made[0].id, user_id=user, labels=[]),
    ):
        with pytest.raises(NotFound, match="no bookmark"):
            lost()
    with pytest.raises(NotFound, match="no resource"):
        store.keep(uuid.uuid4(), user_id=user)
    with pytest.raises(Invalid, match="shelf: it is blank"):
        store.put_on_shelf(made[1].id, user_id=user, shelf="  ")
