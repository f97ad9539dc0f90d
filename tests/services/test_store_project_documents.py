"""The store of the service `project`, on every backend: documents, their versions, and what is said of them."""

from __future__ import annotations

import uuid
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm.exc import DetachedInstanceError

from services.errors import Conflict, Invalid, InvalidCursor, NotFound, VersionConflict
from services.project.models import DocumentStatus
from tests.driving import on_every_driver
from tests.services.clocks import NOON, Clock
from tests.services.projects import Desk, in_pages

pytestmark = [pytest.mark.driven, on_every_driver]

NOBODY = uuid.UUID(int=0)
ADA, GRACE = uuid.UUID(int=0xADA), uuid.UUID(int=0x6ACE)


@pytest.fixture
def desk(migrated: sa.Engine) -> Desk:
    return Desk(engine=migrated)


# --- documents and their versions ---------------------------------------------------------------------------------------


def test_a_new_document_is_kept_as_its_first_version(desk: Desk) -> None:
    phase = desk.phase()
    body = {"blocks": [{"text": "Où? 🏗"}], "a": 1.5}
    made = desk.document(phase, author_id=ADA, slug="context", body=body, tags=["c4"])

    text = '{"a":1.5,"blocks":[{"text":"Où? 🏗"}]}'.encode()
    for found in (made, desk.store.document(made.id)):
        assert (found.project_id, found.phase_id, found.author_id) == (phase.project_id, phase.id, ADA)
        assert (found.version, found.status, found.body, found.tags) == (1, DocumentStatus.DRAFT, body, ["c4"])
        assert (found.checksum, found.size_bytes) == (sha256(text).digest(), len(text))
    kept = desk.store.version_of(made.id, 1)
    assert (kept.title, kept.body, kept.checksum, kept.author_id) == ("Context", body, made.checksum, ADA)
    assert kept.saved_at == made.created_at


def test_each_saved_version_is_kept_as_it_was(desk: Desk) -> None:
    made = desk.document(author_id=ADA, body={"text": "one"})

    second = desk.store.save_document(made.id, version=1, by=GRACE, body={"text": "two"})
    third = desk.store.save_document(made.id, version=2, by=ADA, title="Landscape")

    assert (second.version, second.body, second.title) == (2, {"text": "two"}, "Context")
    assert (third.version, third.body, third.title) == (3, {"text": "two"}, "Landscape")
    kept = [desk.store.version_of(made.id, version) for version in (1, 2, 3)]
    assert [(one.title, one.body, one.author_id) for one in kept] == [
        ("Context", {"text": "one"}, ADA),
        ("Context", {"text": "two"}, GRACE),
        ("Landscape", {"text": "two"}, ADA),
    ]
    assert [one.saved_at for one in kept] == [made.updated_at, second.updated_at, third.updated_at]
    with pytest.raises(NotFound, match="no version '4'"):
        desk.store.version_of(made.id, 4)


def test_a_kept_version_does_not_follow_what_is_changed_in_the_document_at_hand(desk: Desk) -> None:
    with desk.store.transaction():
        made = desk.document(author_id=ADA, body={"blocks": [{"text": "one"}]})
        made.body["blocks"][0]["text"] = "changed at hand"
    second = desk.store.save_document(made.id, version=desk.store.document(made.id).version, by=ADA, title="B")
    with desk.store.transaction():
        restored = desk.store.restore_version(made.id, 1, version=second.version, by=GRACE)
        restored.body["blocks"][0]["text"] = "changed again"

    texts = [desk.store.version_of(made.id, version).body["blocks"][0]["text"] for version in (1, restored.version - 1)]
    assert texts == ["one", "one"]
    assert desk.store.document(made.id).body == {"blocks": [{"text": "changed again"}]}


def test_versions_are_listed_newest_first_without_their_bodies(desk: Desk) -> None:
    made = desk.document()
    for version in (1, 2, 3, 4):
        desk.store.save_document(made.id, version=version, by=ADA, body={"n": version})

    pages = list(in_pages(lambda cursor: desk.store.versions(made.id, limit=2, cursor=cursor)))

    assert [[one.version for one in page] for page in pages] == [[5, 4], [3, 2], [1]]
    with pytest.raises(DetachedInstanceError):
        _ = pages[0][0].body


def test_versions_are_compared_by_what_they_say(desk: Desk) -> None:
    made = desk.document(body={"a": 1, "b": 2})
    desk.store.save_document(made.id, version=1, by=ADA, body={"b": 2, "a": 1}, title="Other")
    desk.store.save_document(made.id, version=2, by=ADA, body={"a": 1, "b": 3})

    assert desk.store.same_content(made.id, 1, 2)
    assert not desk.store.same_content(made.id, 2, 3)
    with pytest.raises(NotFound, match="no version '9'"):
        desk.store.same_content(made.id, 1, 9)


def test_a_restored_version_is_saved_as_a_new_one(desk: Desk) -> None:
    made = desk.document(body={"text": "one"})
    desk.store.save_document(made.id, version=1, by=ADA, body={"text": "two"}, title="Landscape")

    restored = desk.store.restore_version(made.id, 1, version=2, by=GRACE)

    for found in (restored, desk.store.document(made.id), desk.store.version_of(made.id, 3)):
        assert (found.version, found.title, found.body) == (3, "Context", {"text": "one"})
        assert found.checksum == made.checksum
    assert desk.store.version_of(made.id, 3).author_id == GRACE
    assert desk.store.version_of(made.id, 2).body == {"text": "two"}
    with pytest.raises(NotFound, match="no version '7'"):
        desk.store.restore_version(made.id, 7, version=3, by=GRACE)
    with pytest.raises(VersionConflict):
        desk.store.restore_version(made.id, 1, version=2, by=GRACE)


def test_what_is_changed_in_a_document_that_was_given_changes_no_kept_version(desk: Desk) -> None:
    made = desk.document(body={"text": ["one"]})

    with desk.store.transaction():
        saved = desk.store.save_document(made.id, version=1, by=ADA, body={"text": ["two"]})
        saved.body["text"].append("three")

    assert desk.store.version_of(made.id, 2).body == {"text": ["two"]}


def test_who_has_seen_an_old_version_saves_nothing(desk: Desk) -> None:
    made = desk.document(body={"text": "one"})
    desk.store.save_document(made.id, version=1, by=ADA, body={"text": "theirs"})

    with pytest.raises(VersionConflict) as caught:
        desk.store.save_document(made.id, version=1, by=GRACE, body={"text": "mine"})
    with pytest.raises(VersionConflict):
        desk.store.delete_document(made.id, version=1)

    assert (caught.value.expected, caught.value.found) == (1, 2)
    assert desk.store.document(made.id).body == {"text": "theirs"}
    assert [one.version for one in desk.store.versions(made.id).items] == [2, 1]


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"title": "t" * 201}, "title", "201 characters"),
        ({"title": ""}, "title", "blank"),
        ({"body": ["no", "object"]}, "body", "list"),
        ({"body": {"a": float("nan")}}, "body", "nan"),
        ({"body": {"a": "\ud800"}}, "body", "surrogate"),
        ({"body": {"a": "b" * 524_281}}, "body", "it has 524289 bytes"),
        ({"tags": "c4"}, "tags", "not a list"),
        ({"size_bytes": 7}, "size_bytes", "no such field"),
        ({"slug": "other"}, "slug", "no such field"),
    ],
    ids=["long title", "blank title", "list", "nan", "surrogate", "large", "text for tags", "size", "slug"],
)
def test_a_value_that_cannot_be_kept_is_refused_by_its_name(
    desk: Desk, values: dict[str, Any], field: str, said: str
) -> None:
    made = desk.document()

    with pytest.raises(Invalid, match=said) as caught:
        desk.store.save_document(made.id, version=1, by=ADA, **values)

    assert caught.value.field == field
    assert desk.store.document(made.id).version == 1


def test_the_largest_body_comes_back_whatever_it_is_made_of(desk: Desk) -> None:
    body = {"nn": [1] * 262_140}
    made = desk.document(body=body)

    assert made.size_bytes == 524_288
    assert desk.store.document(made.id).body == body
    assert desk.store.version_of(made.id, 1).body == body


def test_a_slug_is_taken_once_in_a_phase(desk: Desk) -> None:
    phase = desk.phase()
    desk.document(phase, slug="context")

    with pytest.raises(Conflict, match="the phase has a document 'context' already"):
        desk.document(phase, slug="context")
    assert desk.document(slug="context").slug == "context"
    with pytest.raises(NotFound, match="no phase"):
        desk.store.create_document(NOBODY, author_id=ADA, slug="a", title="A", kind=desk.document().kind)


def test_a_document_moves_along_and_nowhere_else(desk: Desk) -> None:
    made = desk.document()
    draft, review, approved, superseded = DocumentStatus

    for version, status in enumerate([review, draft, review, approved, superseded], start=1):
        assert desk.store.change_status(made.id, status, version=version, by=ADA).status is status

    assert (desk.store.document(made.id).status, desk.store.document(made.id).version) == (superseded, 6)
    assert [one.version for one in desk.store.versions(made.id).items] == [1]
    other = desk.document()
    for status in (draft, approved, superseded):
        with pytest.raises(Conflict, match=f"a document that is draft cannot become {status}"):
            desk.store.change_status(other.id, status, version=1)
    with pytest.raises(VersionConflict):
        desk.store.change_status(other.id, review, version=2)
    with pytest.raises(Invalid, match="status"):
        desk.store.change_status(other.id, "lost", version=1)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        desk.store.change_status(NOBODY, review, version=1)


def test_documents_are_listed_by_all_that_is_asked_without_their_bodies(desk: Desk) -> None:
    phase, author = desk.phase(), uuid.uuid4()
    first = desk.document(phase, author_id=author)
    second = desk.document(phase, author_id=author)
    desk.store.change_status(second.id, DocumentStatus.IN_REVIEW, version=1)
    elsewhere = desk.document(author_id=author)

    def ids(**wanted: Any) -> list[uuid.UUID]:
        return [one.id for one in desk.store.documents(**wanted).items]

    assert ids(author_id=author) == [elsewhere.id, second.id, first.id]
    assert ids(project_id=phase.project_id) == [second.id, first.id]
    assert ids(phase_id=phase.id, status=DocumentStatus.IN_REVIEW) == [second.id]
    assert ids(project_id=phase.project_id, status=DocumentStatus.APPROVED) == []
    with pytest.raises(DetachedInstanceError):
        _ = desk.store.documents(author_id=author).items[0].body


def test_a_deleted_document_takes_versions_and_comments_with_it(desk: Desk) -> None:
    made = desk.document(author_id=ADA)
    desk.store.add_comment(made.id, author_id=ADA, body="Why?")

    desk.store.delete_document(made.id, version=1, by=ADA)

    with pytest.raises(NotFound):
        desk.store.document(made.id)
    assert desk.store.versions(made.id).items == ()
    assert desk.store.threads(made.id).items == ()
    assert desk.time_line(made.project_id)[-2:] == ["comment.add", "document.delete"]


# --- comments -----------------------------------------------------------------------------------------------------------


def test_threads_are_listed_with_their_comments_in_order(desk: Desk) -> None:
    made = desk.document()
    one, two, three = (desk.store.add_comment(made.id, author_id=ADA, body=body) for body in ("One?", "Two?", "Three?"))
    for thread, body in [(three, "c"), (one, "a"), (one, "b")]:
        desk.store.reply(thread.id, author_id=GRACE, body=body)
    desk.store.add_comment(desk.document().id, author_id=ADA, body="Elsewhere")

    pages = list(in_pages(lambda cursor: desk.store.threads(made.id, limit=2, cursor=cursor)))

    assert [[(one.first.body, [reply.body for reply in one.replies]) for one in page] for page in pages] == [
        [("One?", ["a", "b"]), ("Two?", [])],
        [("Three?", ["c"])],
    ]
    assert two.thread_id == two.id
    assert [reply.thread_id for reply in pages[0][0].replies] == [one.id, one.id]


def test_threads_of_one_moment_are_listed_by_their_ids(desk: Desk) -> None:
    still = Desk(engine=desk.engine, clock=Clock())
    made = still.document()
    threads = [still.store.add_comment(made.id, author_id=ADA, body="?").id for _ in range(5)]

    pages = in_pages(lambda cursor: desk.store.threads(made.id, limit=2, cursor=cursor))

    assert [one.first.id for page in pages for one in page] == sorted(threads)


def test_a_resolved_thread_is_told_by_its_first_comment(desk: Desk) -> None:
    made = desk.document()
    first, second = (desk.store.add_comment(made.id, author_id=ADA, body="?") for _ in range(2))

    resolved = desk.store.resolve_thread(first.id, by=GRACE)
    desk.store.resolve_thread(first.id, by=GRACE)

    def ids(is_resolved: bool) -> list[uuid.UUID]:
        return [one.first.id for one in desk.store.threads(made.id, is_resolved=is_resolved).items]

    assert resolved.is_resolved
    assert (ids(is_resolved=True), ids(is_resolved=False)) == ([first.id], [second.id])
    desk.store.resolve_thread(first.id, is_resolved=False)
    assert ids(is_resolved=False) == [first.id, second.id]
    assert desk.time_line(made.project_id)[-2:] == ["comment.resolve", "comment.reopen"]


def test_a_reply_is_no_thread(desk: Desk) -> None:
    first = desk.store.add_comment(desk.document().id, author_id=ADA, body="?")
    reply = desk.store.reply(first.id, author_id=GRACE, body="!")

    for thread_id in (reply.id, NOBODY):
        with pytest.raises(NotFound, match=f"no thread '{thread_id}'"):
            desk.store.reply(thread_id, author_id=ADA, body="?")
        with pytest.raises(NotFound):
            desk.store.resolve_thread(thread_id)
    with pytest.raises(NotFound, match="no document"):
        desk.store.add_comment(NOBODY, author_id=ADA, body="?")


def test_comments_are_found_by_whom_they_mention(desk: Desk) -> None:
    name = f"ada-{uuid.uuid4()}"
    here, there = desk.document(), desk.document()
    one = desk.store.add_comment(
        here.id, author_id=ADA, body="1", mentions=["grace", name, "grace"], anchor={"block": 3}
    )
    two = desk.store.reply(one.id, author_id=ADA, body="2", mentions=[name])
    three = desk.store.add_comment(there.id, author_id=ADA, body="3", mentions=[name])
    desk.store.add_comment(there.id, author_id=ADA, body="4", mentions=[name.upper(), f"{name} "])

    pages = list(in_pages(lambda cursor: desk.store.mentions(name, limit=2, cursor=cursor)))

    assert [[comment.id for comment in page] for page in pages] == [[three.id, two.id], [one.id]]
    assert (list(pages[1][0].mentions), pages[1][0].anchor) == (["grace", name], {"block": 3})
    mine = desk.store.mentions(name, project_id=here.project_id)
    assert [comment.id for comment in mine.items] == [two.id, one.id]
    with pytest.raises(InvalidCursor):
        desk.store.mentions("grace", cursor=desk.store.mentions(name, limit=1).cursor)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"body": " "}, "body"),
        ({"body": "a\0"}, "body"),
        ({"body": "b" * 65_537}, "body"),
        ({"anchor": {"a": "b" * 65_536}}, "anchor"),
        ({"mentions": ["m" * 201]}, "mentions"),
    ],
    ids=["blank", "NUL", "long", "large anchor", "long mention"],
)
def test_a_comment_that_cannot_be_kept_is_refused_by_what_is_wrong(
    desk: Desk, values: dict[str, Any], field: str
) -> None:
    made = desk.document()

    with pytest.raises(Invalid) as caught:
        desk.store.add_comment(made.id, **{"author_id": ADA, "body": "?", **values})

    assert caught.value.field == field
    assert desk.store.threads(made.id).items == ()


def test_a_comment_leaves_its_document_as_it_was(desk: Desk) -> None:
    made = desk.document()
    comment = desk.store.add_comment(made.id, author_id=ADA, body="?")

    found = desk.store.document(made.id)

    assert (found.version, found.updated_at) == (1, made.updated_at)
    assert comment.created_at > made.updated_at > NOON
