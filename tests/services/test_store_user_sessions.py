"""The store of the service `user`: who is signed in, and what is written down, with every driver of every backend."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Conflict, Invalid, InvalidCursor, NotFound
from services.user.models import AccountStatus, Outcome, User
from services.user.models import Session as SignIn
from services.user.store import UserStore
from tests.driving import on_every_driver
from tests.services.clocks import NOON, Clock
from tests.services.tables import count

pytestmark = [pytest.mark.driven, on_every_driver]

DAY = timedelta(days=1)
FOREVER = timedelta.max


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands at noon."""
    return Clock()


@pytest.fixture
def store(migrated: sa.Engine, clock: Clock) -> UserStore:
    """Give the store."""
    return UserStore(lambda: Session(migrated), clock=clock)


@pytest.fixture
def user(store: UserStore) -> User:
    """Give a user with an active account."""
    return store.create_user(f"{uuid.uuid4().hex}@example.org", given_name="Ada", status=AccountStatus.ACTIVE)


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """Collect the first words of what is sent."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement.split(maxsplit=1)[0])

    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def test_a_token_is_given_once_and_only_its_hash_is_kept(store: UserStore, session: Session, user: User) -> None:
    begun = store.sign_in(user.id, lifetime=DAY, address="203.0.113.77", user_agent="Firefox")

    kept = session.get_one(SignIn, begun.session.id)
    assert kept.token_hash == hashlib.sha256(begun.token.encode()).digest()
    assert (kept.client, kept.created_at, kept.expires_at) == (
        {"network": "203.0.113.0/24", "user_agent": "Firefox"},
        NOON,
        NOON + DAY,
    )
    assert len(begun.token) == 43
    assert begun.token not in repr(begun)
    found = store.session_of(begun.token)
    assert (found.id, found.user.email, found.revoked_at) == (begun.session.id, user.email, None)
    signed_in = store.user(user.id)
    assert (signed_in.last_login_at, signed_in.version, signed_in.updated_at) == (NOON, 1, NOON)


def test_a_session_ends_by_itself(store: UserStore, clock: Clock, user: User) -> None:
    token = store.sign_in(user.id, lifetime=DAY).token
    clock.now = NOON + DAY - timedelta(microseconds=1)
    assert store.session_of(token).user_id == user.id
    clock.now = NOON + DAY

    with pytest.raises(NotFound) as caught:
        store.session_of(token)

    assert str(caught.value) == "no session 'of this token'"
    with pytest.raises(NotFound):
        store.extend_session(token, lifetime=DAY)
    for nonsense in ("", "x", "é" * 1000, "\ud800", token[:-1]):
        with pytest.raises(NotFound):
            store.session_of(nonsense)


def test_a_session_is_extended_from_now(store: UserStore, clock: Clock, user: User) -> None:
    token = store.sign_in(user.id, lifetime=DAY).token
    clock.go(hours=20)

    extended = store.extend_session(token, lifetime=DAY)

    assert (extended.expires_at, extended.last_seen_at) == (NOON + timedelta(hours=44), clock.now)
    clock.go(hours=23)
    assert store.session_of(token).id == extended.id
    with pytest.raises(Invalid, match=r"^lifetime: 0:00:00 is not positive$"):
        store.extend_session(token, lifetime=timedelta(0))
    with pytest.raises(Invalid):
        store.sign_in(user.id, lifetime=-DAY)
    for act in (
        lambda: store.extend_session(token, lifetime=FOREVER),
        lambda: store.sign_in(user.id, lifetime=FOREVER),
    ):
        with pytest.raises(Invalid, match=r"^lifetime: 999999999 days, .* goes beyond the year 9999$"):
            act()


def test_looking_a_session_up_writes_once_a_minute_at_most(
    store: UserStore, migrated: sa.Engine, clock: Clock, user: User
) -> None:
    token = store.sign_in(user.id, lifetime=DAY).token

    def looked_up() -> tuple[list[str], datetime | None]:
        with statements(migrated) as sent:
            found = store.session_of(token)
        return sent, found.last_seen_at

    assert looked_up() == (["SELECT"], NOON)
    clock.go(seconds=59)
    assert looked_up() == (["SELECT"], NOON)
    clock.go(seconds=1)
    assert looked_up() == (["SELECT", "UPDATE"], clock.now)
    assert looked_up() == (["SELECT"], clock.now)


def test_reading_writes_nothing(store: UserStore, migrated: sa.Engine, user: User) -> None:
    store.sign_in(user.id, lifetime=DAY)
    with statements(migrated) as sent:
        store.user(user.id)
        store.user_by_email(user.email)
        store.users(name_contains="ada", role="none", status=AccountStatus.ACTIVE)
        store.roles()
        store.grants(user.id)
        store.permissions(user.id)
        store.sessions(user.id)
        store.events(actor_id=user.id)

    assert set(sent) == {"SELECT"}
    assert len(sent) == 8


@pytest.mark.parametrize("status", [AccountStatus.INVITED, AccountStatus.SUSPENDED, AccountStatus.CLOSED])
def test_only_who_has_an_active_account_is_signed_in(store: UserStore, user: User, status: AccountStatus) -> None:
    token = store.sign_in(user.id, lifetime=DAY).token
    store.set_status(user.id, status, version=1)

    with pytest.raises(NotFound):
        store.session_of(token)
    with pytest.raises(NotFound):
        store.extend_session(token, lifetime=DAY)
    with pytest.raises(Conflict, match=f"^the account is {status.value}, not active$"):
        store.sign_in(user.id, lifetime=DAY)
    store.set_status(user.id, AccountStatus.ACTIVE, version=2)
    assert store.session_of(token).user_id == user.id


def test_sessions_are_ended_one_by_one_or_all_at_once(store: UserStore, clock: Clock, user: User) -> None:
    begun = []
    for _ in range(4):
        begun.append(store.sign_in(user.id, lifetime=DAY))
        clock.go(minutes=1)
    ids = [one.session.id for one in begun]
    assert [found.id for found in store.sessions(user.id)] == ids[::-1]

    store.revoke_session(ids[0])
    store.revoke_session(ids[0])
    with pytest.raises(NotFound):
        store.session_of(begun[0].token)
    assert store.revoke_sessions(user.id, keep=ids[3]) == 2
    assert [found.id for found in store.sessions(user.id)] == [ids[3]]
    assert store.revoke_sessions(user.id) == 1
    assert store.revoke_sessions(user.id) == 0
    assert store.sessions(user.id) == ()
    with pytest.raises(NotFound):
        store.revoke_session(uuid.uuid4())


def test_sessions_whose_time_is_over_are_purged_in_batches(
    store: UserStore, migrated: sa.Engine, session: Session, clock: Clock, user: User
) -> None:
    clock.now = NOON - timedelta(days=400)  # before the sessions of the other tests
    store.purge_sessions()
    for number in range(7):
        store.sign_in(user.id, lifetime=timedelta(minutes=1 + number // 5))
    clock.go(minutes=1)

    with statements(migrated) as sent:
        assert store.purge_sessions(batch=2) == 5

    assert sent.count("DELETE") == 3
    assert count(session, SignIn, user_id=user.id) == 2
    assert store.purge_sessions() == 0
    with pytest.raises(Invalid, match=r"^batch: 0 is not within 1 and 1000$"):
        store.purge_sessions(batch=0)


def test_what_happened_is_listed_the_newest_first(store: UserStore, clock: Clock) -> None:
    actor, target, request = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for number in range(5):
        store.record(
            f"role.{number}",
            Outcome.DENIED,
            actor_id=actor,
            target=("user", target),
            details={"n": number},
            request_id=request,
        )
        clock.go(seconds=1)
    store.record("sweep", Outcome.ALLOWED)

    first = store.events(actor_id=actor, limit=3)
    second = store.events(actor_id=actor, limit=3, cursor=first.cursor)

    assert [event.action for event in first.items] == ["role.4", "role.3", "role.2"]
    assert [event.action for event in second.items] == ["role.1", "role.0"]
    assert second.cursor is None
    newest = first.items[0]
    assert (newest.outcome, newest.target_type, newest.target_id, newest.details, newest.request_id) == (
        Outcome.DENIED,
        "user",
        target,
        {"n": 4},
        request,
    )
    window = store.events(actor_id=actor, since=NOON + timedelta(seconds=1), until=NOON + timedelta(seconds=3))
    assert [event.action for event in window.items] == ["role.2", "role.1"]
    with pytest.raises(InvalidCursor):
        store.events(limit=3, cursor=first.cursor)
    with pytest.raises(Invalid, match=r"^since: 2026-01-01T00:00:00 has no time zone$"):
        store.events(since=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("action", "kind", "field"),
    [("x" * 81, "user", "action"), (" ", "user", "action"), ("a", "x" * 61, "target_type")],
    ids=["long", "blank", "long kind"],
)
def test_what_cannot_be_written_down_is_refused(store: UserStore, action: str, kind: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        store.record(action, Outcome.FAILED, target=(kind, uuid.uuid4()))

    assert caught.value.field == field


def test_the_record_outlives_who_it_speaks_of(store: UserStore, user: User) -> None:
    event = store.record("user.close", Outcome.ALLOWED, actor_id=user.id)

    store.delete_user(user.id)

    assert [found.id for found in store.events(actor_id=user.id).items] == [event.id]
