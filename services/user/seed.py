"""Sample rows of the service `user`: five people and what they may do. The same rows at every time and in every place."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from services.base import seeded_id
from services.user.models import AccountStatus, AuditEvent, Outcome, Profile, Role, User, UserRole, name_key_of

__all__ = ["PEOPLE", "ROLES", "Person", "role_id", "rows", "user_id"]

_BEGAN: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody whom the sample rows are about."""

    key: str
    given_name: str
    family_name: str | None
    job_title: str
    role: str
    locale: str = "en"
    time_zone: str = "Etc/UTC"
    status: AccountStatus = AccountStatus.ACTIVE
    skills: tuple[str, ...] = ()
    hourly_rate: str | None = None


PEOPLE: Final = (
    Person(
        key="ada",
        given_name="Ada",
        family_name="Lovelace",
        job_title="Principal architect",
        role="administrator",
        time_zone="Europe/London",
        skills=("UML", "C4", "analysis"),
        hourly_rate="180.00",
    ),
    Person(
        key="grace",
        given_name="Grace",
        family_name="Hopper",
        job_title="Platform architect",
        role="architect",
        locale="en-US",
        time_zone="America/New_York",
        skills=("compilers", "C4"),
        hourly_rate="165.50",
    ),
    Person(
        key="linus",
        given_name="Linus",
        family_name="Åström",
        job_title="Data engineer",
        role="architect",
        locale="ja-JP",
        time_zone="Asia/Tokyo",
        skills=("データモデル", "ER"),
    ),
    Person(
        key="margaret",
        given_name="Margaret",
        family_name="Müller",
        job_title="Reviewer",
        role="reader",
        locale="de-CH",
        time_zone="Europe/Zurich",
        status=AccountStatus.INVITED,
    ),
    Person(
        key="donald",
        given_name="Donald",
        family_name=None,
        job_title="Guest",
        role="reader",
        status=AccountStatus.SUSPENDED,
    ),
)
ROLES: Final = {
    "administrator": ("user.manage", "role.grant", "project.create", "project.read", "document.write"),
    "architect": ("project.create", "project.read", "document.write"),
    "reader": ("project.read",),
}
"""What each role permits."""


def user_id(key: str) -> uuid.UUID:
    """Give the id of a sample user, as `user_id("ada")`; other services' sample rows speak of them by it.

    Raises:
        KeyError: there is no such sample user.
    """
    if key not in {person.key for person in PEOPLE}:
        raise KeyError(key)
    return seeded_id("user", "users", key)


def role_id(name: str) -> uuid.UUID:
    """Give the id of a sample role.

    Raises:
        KeyError: there is no such sample role.
    """
    if name not in ROLES:
        raise KeyError(name)
    return seeded_id("user", "roles", name)


def rows() -> list[object]:
    """Give the sample rows. Nobody has a password: who is to sign in is given one."""
    return [*_roles(), *(row for number, person in enumerate(PEOPLE) for row in _person(number, person))]


def _roles() -> Iterator[Role]:
    for name, permissions in ROLES.items():
        yield Role(
            id=role_id(name),
            name=name,
            description=f"May {', '.join(permissions)}.",
            permissions=sorted(permissions),
            is_builtin=True,
            created_at=_BEGAN,
            updated_at=_BEGAN,
        )


def _person(number: int, person: Person) -> Iterator[object]:
    key, at = user_id(person.key), _BEGAN + timedelta(hours=number + 1)
    yield User(
        id=key,
        email=f"{person.key}@example.org",
        status=person.status,
        is_staff=person.role == "administrator",
        version=1,
        created_at=at,
        updated_at=at,
    )
    yield Profile(
        user_id=key,
        given_name=person.given_name,
        family_name=person.family_name,
        name_key=name_key_of(person.given_name, person.family_name),
        job_title=person.job_title,
        locale=person.locale,
        time_zone=person.time_zone,
        skills=list(person.skills),
        settings={"theme": "light"},
        hourly_rate=None if person.hourly_rate is None else Decimal(person.hourly_rate),
        created_at=at,
        updated_at=at,
    )
    yield UserRole(user_id=key, role_id=role_id(person.role), granted_by=user_id("ada"), granted_at=at)
    yield AuditEvent(
        id=seeded_id("user", "audit_events", f"{person.key} role.grant"),
        actor_id=user_id("ada"),
        action="role.grant",
        target_type="user",
        target_id=key,
        outcome=Outcome.ALLOWED,
        details={"role": person.role},
        occurred_at=at,
    )
