"""The tables of the service `user`: accounts, their roles and profiles, where they are signed in, and what they did."""

from __future__ import annotations

import unicodedata
import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

import dbkit.types as dbt
from services.base import NAMING_CONVENTION, Flag, Id, JsonObject, Texts, Timestamps, Versioned, utc_now

__all__ = [
    "AccountStatus",
    "AuditEvent",
    "Base",
    "Outcome",
    "Profile",
    "Role",
    "Session",
    "User",
    "UserRole",
    "name_key_of",
]

NAME_KEY_LENGTH = 600


class Base(DeclarativeBase):
    """The models of this service, and with them its tables."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class AccountStatus(StrEnum):
    """How far an account has come."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How what somebody tried ended."""

    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"


class User(Versioned, Timestamps, Base):
    """An account. The e-mail address is the log-in, kept as it is compared: in lower case."""

    __tablename__ = "users"
    __table_args__ = (sa.Index(None, "status", "created_at"), sa.Index(None, "created_at", "id"))

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(dbt.String(320), unique=True)
    password_hash: Mapped[str | None] = mapped_column(dbt.String(255), info={"filled": True})
    """None where the person signs in through another party."""
    status: Mapped[AccountStatus] = mapped_column(
        dbt.Enum(AccountStatus),
        default=AccountStatus.INVITED,
        server_default=dbt.Literal(AccountStatus.INVITED, dbt.Enum(AccountStatus)),
    )
    is_staff: Mapped[Flag]
    last_login_at: Mapped[datetime | None] = mapped_column(dbt.UtcDateTime())

    profile: Mapped[Profile | None] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True
    )
    roles: Mapped[list[UserRole]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True
    )
    sessions: Mapped[list[Session]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True
    )


class Role(Timestamps, Base):
    """A named set of permissions. One that somebody holds cannot be deleted."""

    __tablename__ = "roles"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(dbt.String(60), unique=True, info={"filled": True})
    description: Mapped[str | None] = mapped_column(dbt.Text())
    permissions: Mapped[Texts] = mapped_column(info={"filled": True})
    is_builtin: Mapped[Flag]


class UserRole(Base):
    """A role that a user holds, for a while or for good."""

    __tablename__ = "user_roles"

    user_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    role_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("roles.id"), primary_key=True, index=True)
    granted_by: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    """A user's id, without a foreign key: the grant outlives who gave it, and SQL Server takes one path of cascades only."""
    granted_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())
    expires_at: Mapped[datetime | None] = mapped_column(dbt.UtcDateTime())

    user: Mapped[User] = relationship(back_populates="roles")
    role: Mapped[Role] = relationship()


def name_key_of(given_name: str, family_name: str | None = None) -> str:
    """Make what names are found by: no two servers fold the case of all letters alike, so it is done before it is kept."""
    name = given_name if family_name is None else f"{given_name} {family_name}"
    return unicodedata.normalize("NFC", name).casefold()[:NAME_KEY_LENGTH]


def _name_key_of_row(context: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    values = context.get_current_parameters()
    return name_key_of(values["given_name"], values.get("family_name"))


class Profile(Timestamps, Base):
    """What a user shows of themselves. Columns that were added later stand last, as they do in a table that has grown."""

    __tablename__ = "profiles"

    user_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    given_name: Mapped[str] = mapped_column(dbt.String(200), sort_order=110)
    """All of the name where it is one word."""
    family_name: Mapped[str | None] = mapped_column(dbt.String(200), sort_order=111)
    name_key: Mapped[str] = mapped_column(
        dbt.String(NAME_KEY_LENGTH),
        default=_name_key_of_row,
        server_default=dbt.Literal("", dbt.String(NAME_KEY_LENGTH)),
        sort_order=112,
    )
    """The folded name; of a row that was written without the models it is empty, and no name finds it."""
    job_title: Mapped[str | None] = mapped_column(dbt.String(120))
    about: Mapped[str | None] = mapped_column(dbt.Text())
    avatar: Mapped[bytes | None] = mapped_column(dbt.Binary(), info={"largest_bytes": 2**20})
    locale: Mapped[str] = mapped_column(dbt.String(35), default="en", server_default=dbt.Literal("en", dbt.String(35)))
    time_zone: Mapped[str] = mapped_column(
        dbt.String(64), default="Etc/UTC", server_default=dbt.Literal("Etc/UTC", dbt.String(64))
    )
    skills: Mapped[Texts] = mapped_column(info={"filled": True})
    settings: Mapped[JsonObject]
    hourly_rate: Mapped[Decimal | None] = mapped_column(dbt.Numeric(10, 2), info={"least": 0})

    user: Mapped[User] = relationship(back_populates="profile")

    @property
    def full_name(self) -> str:
        """The name as it is shown."""
        return self.given_name if self.family_name is None else f"{self.given_name} {self.family_name}"


class Session(Base):
    """A place where a user is signed in. The token itself is known to that place alone."""

    __tablename__ = "sessions"
    __table_args__ = (sa.Index(None, "user_id", "expires_at"),)

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(dbt.Binary(32), unique=True)
    """SHA-256 of the token."""
    client: Mapped[JsonObject]
    """The network and the user agent, as far as they are known; never the address, which is a person's."""
    created_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())
    last_seen_at: Mapped[datetime | None] = mapped_column(dbt.UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(dbt.UtcDateTime())

    user: Mapped[User] = relationship(back_populates="sessions")


class AuditEvent(Base):
    """Something that was done or tried. It outlives everything that it speaks of, so it has no foreign keys."""

    __tablename__ = "audit_events"
    __table_args__ = (sa.Index(None, "actor_id", "occurred_at"),)

    id: Mapped[Id]
    actor_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    """The user; None where it was the platform itself."""
    action: Mapped[str] = mapped_column(dbt.String(80), info={"filled": True})
    target_type: Mapped[str | None] = mapped_column(dbt.String(60), info={"filled": True})
    target_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    outcome: Mapped[Outcome] = mapped_column(dbt.Enum(Outcome))
    details: Mapped[JsonObject]
    request_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    occurred_at: Mapped[datetime] = mapped_column(
        dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now(), index=True
    )
