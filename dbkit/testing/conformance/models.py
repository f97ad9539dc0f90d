"""Models with a column of every portable type, for queries."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import dbkit.types as dbt

__all__ = ["Base", "Counted", "Row"]


class Base(DeclarativeBase):
    """Of the models that the queries are about."""


class Row(Base):
    """Keys made by the program, and defaults made by the server."""

    __tablename__ = "rows"

    id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True, default=uuid.uuid4)
    made_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), server_default=dbt.Now())
    state: Mapped[str] = mapped_column(
        dbt.Enum("new", "old"), server_default=dbt.Literal("new", dbt.Enum("new", "old"))
    )
    price: Mapped[Decimal] = mapped_column(dbt.Numeric(8, 2), server_default=dbt.Literal("-12.50", dbt.Numeric(8, 2)))
    large: Mapped[Decimal] = mapped_column(dbt.Numeric(30, 5), server_default=dbt.Literal("-1.5", dbt.Numeric(30, 5)))
    flag: Mapped[bool] = mapped_column(dbt.Boolean(), server_default=dbt.Literal(True, dbt.Boolean()))
    day: Mapped[date] = mapped_column(dbt.Date(), server_default=dbt.Literal("2026-01-31", dbt.Date()))
    at: Mapped[datetime] = mapped_column(
        dbt.UtcDateTime(), server_default=dbt.Literal("2026-01-31T12:00:00.000001+02:00", dbt.UtcDateTime())
    )
    name: Mapped[str] = mapped_column(
        dbt.String(50), server_default=dbt.Literal("it's 100% \\ é😀 'x' :y", dbt.String(50))
    )
    small: Mapped[int] = mapped_column(dbt.SmallInteger(), server_default=dbt.Literal(-5, dbt.SmallInteger()))
    big: Mapped[int] = mapped_column(dbt.BigInteger(), server_default=dbt.Literal(2**63 - 1, dbt.BigInteger()))
    share: Mapped[float] = mapped_column(dbt.Float(), server_default=dbt.Literal(0.1, dbt.Float()))
    tiny: Mapped[float] = mapped_column(dbt.Float(), server_default=dbt.Literal(5e-324, dbt.Float()))
    document: Mapped[Any] = mapped_column(dbt.Json(), server_default=dbt.EmptyObject())
    listed: Mapped[Any] = mapped_column(dbt.Json(), server_default=dbt.EmptyArray(dbt.Json()))
    tags: Mapped[list[str]] = mapped_column(dbt.Array(dbt.Text()), server_default=dbt.EmptyArray())
    numbers: Mapped[list[int]] = mapped_column(dbt.Array(dbt.Integer()), server_default=dbt.EmptyArray())


class Counted(Base):
    """A key that the server counts up."""

    __tablename__ = "counted"

    id: Mapped[int] = mapped_column(dbt.BigInteger(), primary_key=True)
    name: Mapped[str | None] = mapped_column(dbt.String(200))
    price: Mapped[Decimal | None] = mapped_column(dbt.Numeric(12, 2))
    large: Mapped[Decimal | None] = mapped_column(dbt.Numeric(30, 5))
    at: Mapped[datetime | None] = mapped_column(dbt.UtcDateTime())
    label: Mapped[str | None] = mapped_column(dbt.Enum("b", "a", "C", "Z", "é"))
    count: Mapped[int | None] = mapped_column(dbt.SmallInteger())
    share: Mapped[float | None] = mapped_column(dbt.Float())
