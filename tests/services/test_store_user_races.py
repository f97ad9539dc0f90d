"""Two who work on one account at one moment, on every backend: one waits for the other, and is told what came of it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import Conflict, NotFound, VersionConflict
from services.user.models import AccountStatus, User
from services.user.store import UserStore
from tests.services.clocks import Clock
from tests.services.meanwhile import meanwhile

DAY = timedelta(days=1)


@pytest.fixture
def store(migrated: sa.Engine) -> UserStore:
    """Give the store."""
    return UserStore(lambda: Session(migrated), clock=Clock())


@pytest.fixture
def user(store: UserStore) -> User:
    """Give a user with an active account."""
    return store.create_user(f"{uuid.uuid4().hex}@example.org", given_name="Ada", status=AccountStatus.ACTIVE)


def test_of_two_who_change_an_account_one_is_told(migrated: sa.Engine, store: UserStore, user: User) -> None:
    outcome = meanwhile(
        migrated,
        store,
        lambda: store.update_profile(user.id, about="first", version=1),
        lambda: store.update_user(user.id, is_staff=True, version=1),
    )

    with pytest.raises(VersionConflict, match=f"^user '{user.id}' is at version 2, not 1: somebody has changed it$"):
        outcome.result()
    assert (store.user(user.id).version, store.user(user.id).is_staff) == (2, False)


def test_of_two_who_take_one_address_one_is_told(migrated: sa.Engine, store: UserStore) -> None:
    email = f"{uuid.uuid4().hex}@example.org"

    outcome = meanwhile(
        migrated,
        store,
        lambda: store.create_user(email, given_name="First"),
        lambda: store.create_user(email.upper(), given_name="Second"),
    )

    with pytest.raises(Conflict, match=f"^the address '{email}' is taken$"):
        outcome.result()
    profile = store.user_by_email(email).profile
    assert profile is not None
    assert profile.given_name == "First"


def test_of_two_who_grant_one_role_one_is_told(migrated: sa.Engine, store: UserStore, user: User) -> None:
    role, giver = store.create_role(uuid.uuid4().hex), uuid.uuid4()

    outcome = meanwhile(
        migrated,
        store,
        lambda: store.grant(user.id, role.id, granted_by=giver),
        lambda: store.grant(user.id, role.id),
    )

    with pytest.raises(Conflict, match=f"^user '{user.id}' holds role '{role.id}'$"):
        outcome.result()
    assert [grant.granted_by for grant in store.grants(user.id)] == [giver]


def test_two_sign_in_at_one_moment(migrated: sa.Engine, store: UserStore, user: User) -> None:
    outcome = meanwhile(
        migrated,
        store,
        lambda: store.sign_in(user.id, lifetime=DAY),
        lambda: store.sign_in(user.id, lifetime=DAY),
    )

    assert store.session_of(outcome.result().token).user_id == user.id
    assert len(store.sessions(user.id)) == 2


def test_who_is_being_deleted_does_not_sign_in(migrated: sa.Engine, store: UserStore, user: User) -> None:
    outcome = meanwhile(
        migrated, store, lambda: store.delete_user(user.id), lambda: store.sign_in(user.id, lifetime=DAY)
    )

    with pytest.raises(NotFound, match=f"^no user '{user.id}'$"):
        outcome.result()


def test_who_is_being_suspended_does_not_sign_in(migrated: sa.Engine, store: UserStore, user: User) -> None:
    outcome = meanwhile(
        migrated,
        store,
        lambda: store.set_status(user.id, AccountStatus.SUSPENDED, version=1),
        lambda: store.sign_in(user.id, lifetime=DAY),
    )

    with pytest.raises(Conflict, match=r"^the account is suspended, not active$"):
        outcome.result()
    assert store.sessions(user.id) == ()


def test_many_sign_in_while_others_are_looked_up(store: UserStore, user: User) -> None:
    first = store.sign_in(user.id, lifetime=DAY).token

    def both(_number: int) -> uuid.UUID:
        store.sign_in(user.id, lifetime=DAY)
        return store.session_of(first).user_id

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(both, range(12))) == {user.id}

    assert len(store.sessions(user.id)) == 13
