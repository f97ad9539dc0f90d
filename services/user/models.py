"""The tables of the service `user`: accounts, their roles and profiles, where they are signed in, and what they did."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

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
]


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
    __table_args__ = (sa.Index(None, "status", "created_at"),)

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(dbt.String(320), unique=True)
    password_hash: Mapped[str | None] = mapped_column(dbt.String(255))
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
    name: Mapped[str] = mapped_column(dbt.String(60), unique=True)
    description: Mapped[str | None] = mapped_column(dbt.Text())
    permissions: Mapped[Texts]
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


class Profile(Timestamps, Base):
    """What a user shows of themselves."""

    __tablename__ = "profiles"

    user_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    full_name: Mapped[str] = mapped_column(dbt.String(200))
    job_title: Mapped[str | None] = mapped_column(dbt.String(120))
    biography: Mapped[str | None] = mapped_column(dbt.Text())
    avatar: Mapped[bytes | None] = mapped_column(dbt.Binary())
    locale: Mapped[str] = mapped_column(dbt.String(35), default="en", server_default=dbt.Literal("en", dbt.String(35)))
    time_zone: Mapped[str] = mapped_column(
        dbt.String(64), default="UTC", server_default=dbt.Literal("UTC", dbt.String(64))
    )
    skills: Mapped[Texts]
    settings: Mapped[JsonObject]
    hourly_rate: Mapped[Decimal | None] = mapped_column(dbt.Numeric(10, 2))

    user: Mapped[User] = relationship(back_populates="profile")


class Session(Base):
    """A place where a user is signed in. The token itself is known to that place alone."""

    __tablename__ = "sessions"
    __table_args__ = (sa.Index(None, "user_id", "expires_at"),)

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(dbt.Binary(32), unique=True)
    """SHA-256 of the token."""
    client: Mapped[JsonObject]
    """The address and the user agent, as far as they are known."""
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
    action: Mapped[str] = mapped_column(dbt.String(80))
    target_type: Mapped[str | None] = mapped_column(dbt.String(60))
    target_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    outcome: Mapped[Outcome] = mapped_column(dbt.Enum(Outcome))
    details: Mapped[JsonObject]
    request_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    occurred_at: Mapped[datetime] = mapped_column(
        dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now(), index=True
    )
