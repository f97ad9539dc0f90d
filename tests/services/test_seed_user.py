"""The sample rows of the service `user`: the same each time, written once, and good to try the store with."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.project import Project
from services.user.models import Base
from services.user.seed import PEOPLE, ROLES, role_id, rows, user_id
from services.user.store import UserStore
from services.user.values import profile_values, prove_email
from tests.services.samples import assert_told, seed_twice


@pytest.fixture(scope="module")
def store(project: Project, migrated: sa.Engine) -> UserStore:
    """Give a store on the sample rows, which are there, the second time over, once."""
    assert seed_twice(project, "user") == [23, 0]
    return UserStore(lambda: Session(migrated))


def test_the_sample_rows_are_the_same_each_time_and_say_all_that_the_clock_or_chance_would() -> None:
    assert_told(rows, Base.metadata, "granted_at", "occurred_at")
    assert str(user_id("ada")) == "846864ab-9d1a-5b07-8b10-200d1a28b34c"


def test_who_is_not_among_the_samples_has_no_id() -> None:
    with pytest.raises(KeyError):
        user_id("nobody")
    with pytest.raises(KeyError):
        role_id("nobody")


def test_the_sample_rows_are_what_the_store_would_take() -> None:
    for person in PEOPLE:
        assert prove_email(f"{person.key}@example.org") == f"{person.key}@example.org"
        shown = {
            "given_name": person.given_name,
            "family_name": person.family_name,
            "job_title": person.job_title,
            "locale": person.locale,
            "time_zone": person.time_zone,
            "skills": list(person.skills),
        }
        assert profile_values(shown) == shown


def test_the_sample_rows_are_found_as_the_service_finds_them(store: UserStore) -> None:
    ada = store.user_by_email("ADA@example.org")

    assert (ada.id, ada.is_staff, ada.version, ada.password_hash) == (user_id("ada"), True, 1, None)
    assert store.permissions(ada.id) == set(ROLES["administrator"])
    assert [user.id for user in store.users(name_contains="lovelace").items] == [ada.id]
    assert [user.id for user in store.users().items] == [user_id(person.key) for person in PEOPLE]
    assert [event.details["role"] for event in store.events(actor_id=ada.id).items] == [
        person.role for person in reversed(PEOPLE)
    ]
    assert [role.name for role in store.roles().items] == ["administrator", "architect", "reader"]
