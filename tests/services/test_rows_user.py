"""What the tables of the service `user` keep, and what they refuse, on every backend."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

import dbkit.types as dbt
from services.user.models import AccountStatus, AuditEvent, Outcome, Profile, Role, User, UserRole
from services.user.models import Session as SignIn
from tests.driving import on_every_driver
from tests.services.tables import count

pytestmark = [pytest.mark.driven, on_every_driver]


def a_user(**values: object) -> User:
    """Make a user whose address nobody else has."""
    return User(**{"email": f"{uuid.uuid4()}@example.org", **values})


def test_deleting_a_user_deletes_what_is_theirs_and_keeps_the_record(session: Session) -> None:
    role = Role(name=str(uuid.uuid4()))
    user = a_user(profile=Profile(given_name="Ada", family_name="Lovelace"), roles=[UserRole(role=role)])
    user.sessions = [SignIn(token_hash=secrets.token_bytes(32), expires_at=datetime.now(UTC))]
    session.add_all([user, role])
    session.flush()
    session.add(AuditEvent(actor_id=user.id, action="role.grant", outcome=Outcome.ALLOWED))
    session.commit()
    user_id, role_id = user.id, role.id

    session.execute(sa.delete(User).where(User.id == user_id))
    session.commit()

    assert [count(session, model, user_id=user_id) for model in (Profile, UserRole, SignIn)] == [0, 0, 0]
    assert count(session, AuditEvent, actor_id=user_id) == 1
    assert count(session, Role, id=role_id) == 1


def test_a_role_that_somebody_holds_cannot_be_deleted(session: Session) -> None:
    role = Role(name=str(uuid.uuid4()))
    session.add(a_user(roles=[UserRole(role=role)]))
    session.commit()

    with pytest.raises(IntegrityError):
        session.execute(sa.delete(Role).where(Role.id == role.id))


def test_two_accounts_cannot_have_one_address(session: Session) -> None:
    first = a_user()
    session.add(first)
    session.commit()
    session.add(a_user(email=first.email))

    with pytest.raises(IntegrityError):
        session.flush()


@pytest.mark.parametrize("other", ["JOSÉ", "jose", "josé "], ids=["case", "accent", "trailing blank"])
def test_unique_text_is_compared_exactly(session: Session, other: str) -> None:
    start = uuid.uuid4()
    session.add_all([Role(name=f"{start}josé"), Role(name=f"{start}{other}")])
    session.commit()

    assert session.scalars(sa.select(Role.name).where(Role.name == f"{start}josé")).all() == [f"{start}josé"]


def test_two_sign_ins_cannot_have_one_token(session: Session) -> None:
    token_hash = secrets.token_bytes(32)
    expires_at = datetime.now(UTC)
    user = a_user(sessions=[SignIn(token_hash=token_hash, expires_at=expires_at) for _ in range(2)])
    session.add(user)

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_profile_needs_its_user(session: Session) -> None:
    session.add(Profile(user_id=uuid.uuid4(), given_name="Nobody"))

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_row_written_without_the_models_gets_the_defaults(session: Session) -> None:
    user_id = uuid.uuid4()
    users = sa.table("users", sa.column("id", dbt.Uuid()), sa.column("email", dbt.String(320)))
    profiles = sa.table("profiles", sa.column("user_id", dbt.Uuid()), sa.column("given_name", dbt.String(200)))
    session.execute(users.insert().values(id=user_id, email=f"{user_id}@example.org"))
    session.execute(profiles.insert().values(user_id=user_id, given_name="Grace"))
    session.commit()

    user = session.get_one(User, user_id)
    profile = session.get_one(Profile, user_id)

    assert (user.status, user.is_staff, user.version) == (AccountStatus.INVITED, False, 1)
    assert (profile.locale, profile.time_zone, profile.skills, profile.settings) == ("en", "Etc/UTC", [], {})
    assert (profile.family_name, profile.name_key) == (None, "")
    assert abs(user.created_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert user.created_at.tzinfo is UTC


def test_who_has_seen_an_old_version_cannot_overwrite_a_newer_one(migrated: sa.Engine) -> None:
    with Session(migrated, expire_on_commit=False) as mine, Session(migrated) as theirs:
        user = a_user()
        mine.add(user)
        mine.commit()
        theirs.get_one(User, user.id).status = AccountStatus.ACTIVE
        theirs.commit()
        user.is_staff = True

        with pytest.raises(StaleDataError):
            mine.flush()


def test_a_profile_comes_back_as_it_was_written(session: Session) -> None:
    values = {
        "given_name": "Zoë 山田",
        "family_name": "🏗",
        "about": "long " * 20_000,
        "avatar": bytes(range(256)) * 400,
        "skills": ["UML", "C4", 'quote " and \\ slash', ""],
        "settings": {"theme": "dark", "panes": [1, 2, {"open": True}], "none": None, "ratio": 0.5},
        "hourly_rate": Decimal("12345678.90"),
    }
    user = a_user(profile=Profile(**values))
    session.add(user)
    session.commit()
    session.expire_all()

    assert {key: getattr(user.profile, key) for key in values} == values
