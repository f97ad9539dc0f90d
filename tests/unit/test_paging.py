"""Keyset pages: every row once and in order, whatever the rows are, and no cursor but the list's own."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import dbkit.types as dbt
from services.errors import Invalid, InvalidCursor
from services.paging import Keyset, Page

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
REFUSED = r"^cursor: it is not from this list; begin at the first page$"


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True)
    at: Mapped[datetime] = mapped_column(dbt.UtcDateTime())
    title: Mapped[str] = mapped_column(dbt.String(40))
    rank: Mapped[int] = mapped_column(dbt.Integer())
    mood: Mapped[str | None] = mapped_column(dbt.String(40))


class Letter(Base):
    __tablename__ = "letters"
    id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True)
    at: Mapped[datetime] = mapped_column(dbt.UtcDateTime())


OLDEST: Keyset[Note] = Keyset(columns=(Note.at, Note.id))
NEWEST: Keyset[Note] = Keyset(columns=(Note.at, Note.id), descending=True)


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    made = sa.create_engine("sqlite://")
    Base.metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def a_note(number: int, **values: object) -> Note:
    fixed = {"id": uuid.UUID(int=number), "at": AT + timedelta(seconds=number // 2), "title": "t", "rank": number}
    return Note(**{**fixed, **values})


def pages(session: Session, keyset: Keyset[Note], limit: int) -> Iterator[Page[Note]]:
    cursor = None
    while True:
        page = keyset.page(session, sa.select(Note), limit=limit, cursor=cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


def first_cursor(session: Session, keyset: Keyset[Note] = OLDEST, **asked: object) -> str:
    session.add_all([a_note(number) for number in range(3)])
    cursor = keyset.page(session, sa.select(Note), limit=1, cursor=None, **asked).cursor
    assert cursor is not None
    return cursor


MOMENTS = some.integers(-(10**16), 10**16).map(lambda number: AT + timedelta(microseconds=number))
TITLES = some.text(some.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
ROWS = some.lists(
    some.tuples(some.uuids(), some.one_of(some.just(AT), MOMENTS), TITLES, some.integers(-(2**31), 2**31 - 1)),
    max_size=12,
    unique_by=lambda row: row[0],
)


@settings(max_examples=40)
@given(rows=ROWS, limit=some.integers(1, 5), descending=some.booleans(), by=some.sampled_from(["at", "title", "rank"]))
def test_every_row_comes_once_and_in_order(
    engine: sa.Engine, rows: list[tuple[uuid.UUID, datetime, str, int]], limit: int, descending: bool, by: str
) -> None:
    keyset: Keyset[Note] = Keyset(columns=(getattr(Note, by), Note.id), descending=descending)
    with Session(engine) as session:
        session.add_all([Note(id=id_, at=at, title=title, rank=rank) for id_, at, title, rank in rows])
        session.flush()

        found = list(pages(session, keyset, limit))

        seen = [note for page in found for note in page.items]
        # text by its UTF-8 bytes, as all backends compare it
        order = {"at": lambda one: one.at, "title": lambda one: one.title.encode(), "rank": lambda one: one.rank}[by]
        assert seen == sorted(seen, key=lambda one: (order(one), one.id.bytes), reverse=descending)
        assert {note.id for note in seen} == {row[0] for row in rows}
        assert len(seen) == len(rows)
        assert all(len(page.items) == limit for page in found[:-1])


def test_pages_are_what_they_were_asked_for(session: Session) -> None:
    session.add_all([a_note(number) for number in range(5)])

    assert [[one.rank for one in page.items] for page in pages(session, OLDEST, 2)] == [[0, 1], [2, 3], [4]]
    assert [[one.rank for one in page.items] for page in pages(session, NEWEST, 2)] == [[4, 3], [2, 1], [0]]
    assert [[one.rank for one in page.items] for page in pages(session, OLDEST, 5)] == [[0, 1, 2, 3, 4]]


def test_what_comes_and_goes_in_between_neither_repeats_nor_hides_a_row(session: Session) -> None:
    session.add_all([a_note(number) for number in range(4)])
    first = OLDEST.page(session, sa.select(Note), limit=2, cursor=None)
    session.delete(first.items[1])
    session.add(a_note(100, at=AT - timedelta(days=1)))
    session.flush()

    second = OLDEST.page(session, sa.select(Note), limit=2, cursor=first.cursor)

    assert [one.rank for one in second.items] == [2, 3]


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_1_to_200_rows(session: Session, limit: int) -> None:
    with pytest.raises(Invalid, match=f"^limit: {limit} is not within 1 and 200$"):
        OLDEST.page(session, sa.select(Note), limit=limit, cursor=None)


def test_a_cursor_with_any_character_changed_is_refused(session: Session) -> None:
    cursor = first_cursor(session)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    for place, letter in enumerate(cursor):
        other = letters[(letters.index(letter) + 1) % 64]
        for changed in (cursor[:place] + other + cursor[place + 1 :], cursor[:place] + cursor[place + 1 :]):
            with pytest.raises(InvalidCursor, match=REFUSED):
                OLDEST.page(session, sa.select(Note), limit=1, cursor=changed)


@given(
    cursor=some.one_of(
        some.text(max_size=60), some.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    )
)
def test_nonsense_is_refused(engine: sa.Engine, cursor: str) -> None:
    with Session(engine) as session, pytest.raises(InvalidCursor, match=REFUSED):
        OLDEST.page(session, sa.select(Note), limit=1, cursor=cursor)


def test_a_cursor_of_another_list_is_refused(session: Session) -> None:
    cursor = first_cursor(session, asked=("draft", None))
    letters: Keyset[Letter] = Keyset(columns=(Letter.at, Letter.id))
    ranked: Keyset[Note] = Keyset(columns=(Note.rank, Note.id))

    assert OLDEST.page(session, sa.select(Note), limit=1, cursor=cursor, asked=("draft", None)).items[0].rank == 1
    for keyset, model, asked in (
        (OLDEST, Note, ()),
        (OLDEST, Note, ("draft",)),
        (OLDEST, Note, ("draft", "None")),
        (OLDEST, Note, ("final", None)),
        (NEWEST, Note, ("draft", None)),
        (letters, Letter, ("draft", None)),
        (ranked, Note, ("draft", None)),
    ):
        with pytest.raises(InvalidCursor, match=REFUSED):
            keyset.page(session, sa.select(model), limit=1, cursor=cursor, asked=asked)


def test_a_cursor_that_was_signed_with_another_key_is_refused(session: Session) -> None:
    mine: Keyset[Note] = Keyset(columns=(Note.at, Note.id), key=b"one secret")
    theirs: Keyset[Note] = Keyset(columns=(Note.at, Note.id), key=b"another")
    cursor = first_cursor(session, mine)

    assert mine.page(session, sa.select(Note), limit=1, cursor=cursor).items[0].rank == 1
    for keyset in (theirs, OLDEST):
        with pytest.raises(InvalidCursor, match=REFUSED):
            keyset.page(session, sa.select(Note), limit=1, cursor=cursor)


@pytest.mark.parametrize(
    "data",
    [
        "[]",
        "5",
        "null",
        '{"at":"2026-01-01T00:00:00+00:00"}',
        '["2026",{"id":"00000000-0000-0000-0000-000000000001"}]',
        '[{"at":"2026-01-01T00:00:00"},{"id":"00000000-0000-0000-0000-000000000001"}]',
        '[{"at":"yesterday"},{"id":"00000000-0000-0000-0000-000000000001"}]',
        '[{"at":"2026-01-01T00:00:00+00:00"},{"id":7}]',
        '[{"at":5},{"id":"00000000-0000-0000-0000-000000000001"}]',
        '[{"on":"2026-01-01"},{"id":"00000000-0000-0000-0000-000000000001"}]',
        '[{"at":"2026-01-01T00:00:00+00:00"}]',
        '[{"at":"2026-01-01T00:00:00+00:00"},{"id":"00000000-0000-0000-0000-000000000001"},1]',
        "[{},{}]",
        "[" * 100_000,
        "{",
        "\ufeff[]",
    ],
)
def test_a_cursor_of_another_time_is_refused_though_it_is_signed(session: Session, data: str) -> None:
    name = repr([*map(str, OLDEST.columns), False])
    raw = data.encode()
    cursor = base64.urlsafe_b64encode(OLDEST._digest(raw, name) + raw).decode().rstrip("=")

    with pytest.raises(InvalidCursor, match=REFUSED):
        OLDEST.page(session, sa.select(Note), limit=1, cursor=cursor)


def test_a_moment_of_another_zone_is_the_same_moment(session: Session) -> None:
    session.add_all([a_note(number) for number in range(4)])
    name, zone = repr([*map(str, OLDEST.columns), False]), timezone(timedelta(hours=5))
    raw = json.dumps([{"at": AT.astimezone(zone).isoformat()}, {"id": str(uuid.UUID(int=1))}]).encode()
    cursor = base64.urlsafe_b64encode(OLDEST._digest(raw, name) + raw).decode().rstrip("=")

    assert OLDEST.page(session, sa.select(Note), limit=1, cursor=cursor).items[0].rank == 2


def test_rows_are_kept_by_a_rule_that_no_server_knows(session: Session) -> None:
    session.add_all([a_note(number, title="odd" if number % 2 else "even") for number in range(450)])

    def kept(cursor: str | None) -> Page[Note]:
        return OLDEST.page(session, sa.select(Note), limit=100, cursor=cursor, keep=lambda one: one.title == "odd")

    first = kept(None)
    second = kept(first.cursor)
    third = kept(second.cursor)

    assert [one.rank for page in (first, second, third) for one in page.items] == list(range(1, 450, 2))
    assert (len(first.items), len(second.items), len(third.items), third.cursor) == (100, 100, 25, None)


def test_an_order_by_what_may_be_missing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Note.mood may be NULL, and no page begins behind that$"):
        Keyset(columns=(Note.mood, Note.id))


@pytest.mark.parametrize("keyset", [OLDEST, NEWEST], ids=["ascending", "descending"])
def test_a_page_enters_the_index_where_it_begins(session: Session, keyset: Keyset[Note]) -> None:
    session.execute(sa.text("CREATE INDEX IF NOT EXISTS ix_notes_at_id ON notes (at, id)"))
    query = keyset._ordered(sa.select(Note.id), [AT, uuid.UUID(int=1)]).limit(10)
    text = str(query.compile(session.connection(), compile_kwargs={"literal_binds": True}))

    plan = [row[3] for row in session.execute(sa.text(f"EXPLAIN QUERY PLAN {text}".replace(":", "\\:")))]

    sign = "<" if keyset.descending else ">"
    assert plan == [f"SEARCH notes USING COVERING INDEX ix_notes_at_id (at{sign}?)"]
