"""Models of every shape that sample rows may have, for tests of writing them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

import dbkit.types as dbt

NAMESPACE = uuid.UUID("5d0a2c36-6f0e-5a55-9c3c-0d8f1b7a4e21")
LONG_AGO = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)


def key(name: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, name)


class Base(DeclarativeBase):
    metadata = sa.MetaData()


membership = sa.Table(
    "membership",
    Base.metadata,
    sa.Column("person_id", dbt.Uuid(), sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("group_id", dbt.Uuid(), sa.ForeignKey("groups.id"), primary_key=True),
)


class Person(Base):
    """Has a rule, a version, defaults of the ORM's and of the server's, and a boss who is a person too."""

    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(dbt.String(20), unique=True)
    tags: Mapped[list[str]] = mapped_column(dbt.Array(dbt.Text()), default=lambda: ["new"])
    settings: Mapped[dict[str, Any]] = mapped_column(dbt.Json(), server_default=dbt.EmptyObject())
    made_at: Mapped[datetime] = mapped_column(
        dbt.UtcDateTime(), server_default=dbt.Now(), onupdate=lambda: datetime.now(UTC)
    )
    boss_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid(), sa.ForeignKey("people.id"))
    version: Mapped[int] = mapped_column(dbt.Integer())
    __mapper_args__: ClassVar = {"version_id_col": version}

    desk: Mapped[Desk | None] = relationship(back_populates="person")
    groups: Mapped[list[Group]] = relationship(secondary=membership, back_populates="people")


class Desk(Base):
    """Has its owner's key."""

    __tablename__ = "desks"

    person_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("people.id"), primary_key=True)
    drawers: Mapped[list[Drawer]] = relationship()
    person: Mapped[Person] = relationship(back_populates="desk")


class Drawer(Base):
    """Has a key of two columns, one of them its parent's."""

    __tablename__ = "drawers"

    desk_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("desks.person_id"), primary_key=True)
    number: Mapped[int] = mapped_column(dbt.Integer(), primary_key=True, autoincrement=False)


class Group(Base):
    __tablename__ = "groups"

    id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True)
    kind: Mapped[str] = mapped_column(dbt.String(10))
    people: Mapped[list[Person]] = relationship(secondary=membership, back_populates="groups")
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "group"}


class Team(Group):
    """Lives in two tables."""

    __tablename__ = "teams"

    id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("groups.id"), primary_key=True)
    lead_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid(), sa.ForeignKey("people.id"))
    __mapper_args__: ClassVar = {"polymorphic_identity": "team"}


def everything() -> list[object]:
    """Give rows in an order in which they cannot be written: eight of six tables and two of an association."""
    ann, bob = Person(id=key("ann"), email="ann@x", boss_id=key("zoe")), Person(id=key("bob"), email="bob@x")
    zoe = Person(id=key("zoe"), email="zoe@x", tags=[], settings={"a": [1]}, made_at=LONG_AGO)
    desk = Desk(person=ann, drawers=[Drawer(number=1), Drawer(number=2)])
    red = Team(id=key("red"), lead_id=key("bob"), people=[ann, bob])
    return [desk, red, Group(id=key("all")), ann, bob, zoe]
