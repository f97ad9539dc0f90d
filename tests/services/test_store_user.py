"""The store of the service `user`: accounts, profiles and roles, with every driver of every backend."""

from __future__ import annotations

import unicodedata
import uuid
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Conflict, Invalid, InvalidCursor, NotFound, VersionConflict
from services.user.models import AccountStatus, Profile, User, UserRole
from services.user.models import Session as SignIn
from services.user.store import UserStore
from tests.driving import on_every_driver
from tests.services.clocks import NOON, Clock
from tests.services.tables import count

pytestmark = [pytest.mark.driven, on_every_driver]


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands at noon."""
    return Clock()


@pytest.fixture
def store(migrated: sa.Engine, clock: Clock) -> UserStore:
    """Give the store."""
    return UserStore(lambda: Session(migrated), clock=clock)


def address() -> str:
    """Make an address that nobody else has."""
    return f"{uuid.uuid4().hex}@example.org"


def a_user(store: UserStore, email: str = "", **profile: object) -> User:
    """Open an active account."""
    return store.create_user(
        email or address(), **{"given_name": "Ada", **profile}, password_hash="$x$hash", status=AccountStatus.ACTIVE
    )


def test_a_user_comes_back_with_its_profile(store: UserStore) -> None:
    email = address()
    made = store.create_user(
        f" {email.upper()} ",
        given_name=" Ada  King ",
        family_name="Lovelace",
        time_zone="Europe/London",
        skills=["UML"],
        password_hash="$x$hash",
        is_staff=True,
    )

    found = store.user(made.id)

    assert (found.email, found.password_hash, found.status, found.is_staff, found.version) == (
        email,
        "$x$hash",
        AccountStatus.INVITED,
        True,
        1,
    )
    assert (found.created_at, found.updated_at, found.last_login_at) == (NOON, NOON, None)
    assert found.profile is not None
    assert (found.profile.given_name, found.profile.family_name, found.profile.full_name) == (
        "Ada King",
        "Lovelace",
        "Ada King Lovelace",
    )
    assert (found.profile.locale, found.profile.time_zone, found.profile.skills, found.profile.settings) == (
        "en",
        "Europe/London",
        ["UML"],
        {},
    )
    assert made.profile is not None
    assert (made.email, made.version, made.profile.full_name) == (email, 1, "Ada King Lovelace")


def test_a_user_is_found_by_the_address_in_any_case(store: UserStore) -> None:
    user = a_user(store, email := f"josé.{address()}")

    assert store.user_by_email(email.upper()).id == user.id
    assert store.user_by_email(unicodedata.normalize("NFD", email)).id == user.id
    with pytest.raises(NotFound, match=r"^no user 'nobody@example.org'$"):
        store.user_by_email("nobody@example.org")
    with pytest.raises(NotFound):
        store.user_by_email("x" * 1000)


def test_an_address_in_another_case_is_taken(store: UserStore) -> None:
    user = a_user(store)
    other = a_user(store)

    with pytest.raises(Conflict, match=f"^the address '{user.email}' is taken$"):
        a_user(store, user.email.upper())
    with pytest.raises(Conflict, match=f"^the address '{user.email}' is taken$"):
        store.update_user(other.id, email=user.email.title(), version=1)

    assert store.user(other.id).version == 1


def test_what_cannot_be_kept_is_refused_by_the_name_of_its_field(store: UserStore) -> None:
    user = a_user(store)
    for act, field in (
        (lambda: a_user(store, "ada@example"), "email"),
        (lambda: a_user(store, time_zone="Europe/Atlantis"), "time_zone"),
        (lambda: a_user(store, job_title="x" * 121), "job_title"),
        (lambda: store.update_user(user.id, email=f"{'x' * 400}@example.org", version=1), "email"),
        (lambda: store.update_user(user.id, password_hash="x" * 256, version=1), "password_hash"),
        (lambda: store.update_profile(user.id, locale="de_CH", version=1), "locale"),
        (lambda: store.set_status(user.id, "asleep", version=1), "status"),
    ):
        with pytest.raises(Invalid) as caught:
            act()
        assert caught.value.field == field
    assert store.user(user.id).version == 1


def test_a_profile_needs_a_given_name(store: UserStore) -> None:
    with pytest.raises(Invalid, match=r"^given_name: it cannot be empty$"):
        store.create_user(address(), family_name="Lovelace")


def test_an_account_is_changed_only_by_who_has_seen_it_as_it_is(store: UserStore, clock: Clock) -> None:
    user = a_user(store)
    clock.go(hours=1)
    changed = store.update_user(user.id, is_staff=True, version=1)

    assert (changed.version, changed.is_staff, changed.updated_at) == (2, True, clock.now)
    assert changed.profile is not None
    with pytest.raises(VersionConflict, match=r"is at version 2, not 1: somebody has changed it$") as caught:
        store.update_user(user.id, is_staff=False, version=1)
    assert (caught.value.expected, caught.value.found) == (1, 2)
    with pytest.raises(VersionConflict):
        store.update_profile(user.id, given_name="Eve", version=1)
    with pytest.raises(VersionConflict):
        store.set_status(user.id, AccountStatus.CLOSED, version=1)
    with pytest.raises(VersionConflict):
        store.delete_user(user.id, version=1)
    kept = store.user(user.id)
    assert (kept.is_staff, kept.status, kept.version) == (True, AccountStatus.ACTIVE, 2)
    assert kept.profile is not None
    assert kept.profile.given_name == "Ada"


def test_account_and_profile_have_one_version(store: UserStore, clock: Clock) -> None:
    user = a_user(store, family_name="Byron")
    clock.go(minutes=1)

    changed = store.update_profile(user.id, family_name="Lovelace", skills=["C4"], about=None, version=1)

    assert (changed.version, changed.updated_at) == (2, clock.now)
    found = store.user(user.id)
    assert found.profile is not None
    assert (found.version, found.profile.full_name, found.profile.name_key) == (2, "Ada Lovelace", "ada lovelace")
    assert (found.profile.skills, found.profile.updated_at) == (["C4"], clock.now)
    with pytest.raises(Invalid, match=r"^family_name: the whole name has 203 characters, more than 200$"):
        store.update_profile(user.id, family_name="x" * 199, version=2)
    assert store.user(user.id).version == 2


@pytest.mark.parametrize("field", ["id", "created_at", "status", "profile", "nonsense"])
def test_only_what_is_a_field_can_be_changed(store: UserStore, field: str) -> None:
    user = a_user(store)

    with pytest.raises(Invalid, match=f"^{field}: there is no such field$"):
        store.update_user(user.id, **{field: None}, version=1)


def test_a_version_is_the_one_that_was_seen_and_no_change(store: UserStore) -> None:
    user, payload = a_user(store), {"version": 7}

    with pytest.raises(TypeError, match="version"):
        store.update_user(user.id, version=1, **payload)

    assert store.user(user.id).version == 1


def test_who_is_not_there_cannot_be_changed(store: UserStore) -> None:
    nobody = uuid.uuid4()
    for act in (
        lambda: store.user(nobody),
        lambda: store.update_user(nobody, is_staff=True, version=1),
        lambda: store.update_profile(nobody, about="x", version=1),
        lambda: store.set_status(nobody, AccountStatus.ACTIVE, version=1),
        lambda: store.delete_user(nobody),
        lambda: store.delete_user(nobody, version=1),
        lambda: store.sign_in(nobody, lifetime=timedelta(days=1)),
    ):
        with pytest.raises(NotFound, match=f"^no user '{nobody}'$"):
            act()


def test_a_list_is_filtered_and_paged_the_oldest_first(store: UserStore, clock: Clock) -> None:
    mark = uuid.uuid4().hex
    users = []
    for number in range(5):
        users.append(a_user(store, given_name=f"N{number}", family_name=f"Ünter{mark}"))
        clock.go(seconds=1 if number != 2 else 0)  # two of them at the same moment
    users.sort(key=lambda user: (user.created_at, user.id))
    store.set_status(users[1].id, AccountStatus.SUSPENDED, version=1)

    seen, cursor = [], None
    for _ in range(3):
        page = store.users(name_contains=f"üNTER{mark.upper()}", limit=2, cursor=cursor)
        seen.append([user.id for user in page.items])
        cursor = page.cursor

    assert seen == [[users[0].id, users[1].id], [users[2].id, users[3].id], [users[4].id]]
    assert cursor is None
    assert [user.id for user in store.users(name_contains=mark, status=AccountStatus.SUSPENDED).items] == [users[1].id]
    (found,) = store.users(name_contains=f"n3 ünter{mark}").items
    assert found.profile is not None
    assert found.profile.given_name == "N3"
    assert store.users(name_contains=f"%{mark}").items == ()
    assert store.users(name_contains=f"_nter{mark}").items == ()


def test_a_cursor_is_of_one_list_alone(store: UserStore) -> None:
    mark = uuid.uuid4().hex
    for _ in range(2):
        a_user(store, family_name=mark)
    cursor = store.users(name_contains=mark, limit=1).cursor
    assert cursor is not None

    for asked in ({"name_contains": mark[1:]}, {"name_contains": mark, "status": AccountStatus.ACTIVE}, {}):
        with pytest.raises(InvalidCursor, match=r"^cursor: it is not from this list; begin at the first page$"):
            store.users(limit=1, cursor=cursor, **asked)
    with pytest.raises(InvalidCursor):
        store.users(name_contains=mark, limit=1, cursor=cursor[:-1])
    with pytest.raises(Invalid, match=r"^limit: 201 is not within 1 and 200$"):
        store.users(limit=201)


def test_deleting_a_user_takes_what_is_theirs(store: UserStore, session: Session) -> None:
    user, role = a_user(store), store.create_role(uuid.uuid4().hex)
    store.grant(user.id, role.id)
    store.sign_in(user.id, lifetime=timedelta(days=1))

    store.delete_user(user.id, version=1)

    assert [count(session, model, user_id=user.id) for model in (Profile, UserRole, SignIn)] == [0, 0, 0]
    with pytest.raises(NotFound):
        store.user(user.id)
    store.delete_role(role.id)


def test_permissions_are_those_of_all_roles_that_have_not_expired(store: UserStore, clock: Clock) -> None:
    user, giver = a_user(store), a_user(store)
    mark = uuid.uuid4().hex
    reader = store.create_role(f"{mark} reader", permissions=["read", "read", "list"])
    writer = store.create_role(f"{mark} writer", permissions=["write", "list"])
    store.grant(user.id, reader.id, granted_by=giver.id)
    grant = store.grant(user.id, writer.id, expires_at=clock.now + timedelta(hours=1))

    assert (grant.granted_at, grant.expires_at) == (NOON, NOON + timedelta(hours=1))
    assert store.permissions(user.id) == {"read", "list", "write"}
    assert [grant.role.name for grant in store.grants(user.id)] == [f"{mark} reader", f"{mark} writer"]
    assert [found.id for found in store.users(role=f"{mark} writer").items] == [user.id]
    clock.go(hours=1)
    assert store.permissions(user.id) == {"read", "list"}
    assert store.users(role=f"{mark} writer").items == ()
    store.revoke(user.id, reader.id)
    assert store.permissions(user.id) == frozenset()
    assert store.permissions(uuid.uuid4()) == frozenset()


def test_a_role_is_granted_once_and_renewed_when_it_has_expired(store: UserStore, clock: Clock) -> None:
    user, role = a_user(store), store.create_role(uuid.uuid4().hex)
    store.grant(user.id, role.id, expires_at=clock.now + timedelta(minutes=5))

    with pytest.raises(Conflict, match=f"^user '{user.id}' holds role '{role.id}'$"):
        store.grant(user.id, role.id)
    clock.go(minutes=5)
    renewed = store.grant(user.id, role.id, granted_by=user.id)

    assert (renewed.granted_at, renewed.expires_at, renewed.granted_by) == (clock.now, None, user.id)
    with pytest.raises(Conflict):
        store.grant(user.id, role.id)


def test_a_grant_needs_user_role_and_a_time_to_come(store: UserStore, clock: Clock) -> None:
    user, role, nobody = a_user(store), store.create_role(uuid.uuid4().hex), uuid.uuid4()

    with pytest.raises(NotFound, match=f"^no user '{nobody}'$"):
        store.grant(nobody, role.id)
    with pytest.raises(NotFound, match=f"^no role '{nobody}'$"):
        store.grant(user.id, nobody)
    with pytest.raises(Invalid, match=r"^expires_at: 2026-05-06T12:00:00.123456"):
        store.grant(user.id, role.id, expires_at=clock.now)
    with pytest.raises(Invalid, match=r"^expires_at: "):
        store.grant(user.id, role.id, expires_at=datetime(2030, 1, 1))  # noqa: DTZ001 - what is refused
    with pytest.raises(NotFound, match=f"^no grant '{role.id} to {user.id}'$"):
        store.revoke(user.id, role.id)


def test_a_role_that_is_held_or_built_in_stays(store: UserStore) -> None:
    mark = uuid.uuid4().hex
    user, held, built_in = a_user(store), store.create_role(mark), store.create_role(f"{mark} b", is_builtin=True)
    store.grant(user.id, held.id)

    with pytest.raises(Conflict, match=r"^somebody holds the role$"):
        store.delete_role(held.id)
    with pytest.raises(Conflict, match=f"^the role '{mark} b' is built in$"):
        store.delete_role(built_in.id)
    with pytest.raises(NotFound):
        store.delete_role(uuid.uuid4())
    with pytest.raises(Conflict, match=f"^there is a role '{mark}'$"):
        store.create_role(f" {mark} ")
    with pytest.raises(Invalid, match=r"^name: it is blank$"):
        store.create_role(" ")
    assert store.role(mark).id == held.id
    with pytest.raises(NotFound, match=f"^no role '{mark.upper()} x'$"):
        store.role(f"{mark.upper()} x")


def test_roles_are_listed_by_name(store: UserStore) -> None:
    mark = f"zz{uuid.uuid4().hex}"
    for letter in "bca":
        store.create_role(f"{mark} {letter}")
    seen, cursor = [], None
    while True:
        page = store.roles(limit=2, cursor=cursor)
        seen += [role.name for role in page.items]
        cursor = page.cursor
        if cursor is None:
            break

    assert [name for name in seen if name.startswith(mark)] == [f"{mark} {letter}" for letter in "abc"]
    assert seen == sorted(set(seen))
