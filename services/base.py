"""What the tables of all services have in common: how constraints are named, and the columns that recur."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy.orm import Mapped, declared_attr, mapped_column

import dbkit.types as dbt

__all__ = [
    "NAMING_CONVENTION",
    "Flag",
    "Id",
    "Integers",
    "JsonObject",
    "Texts",
    "Timestamps",
    "Versioned",
    "seeded_id",
    "utc_now",
]

# Every constraint and index has a name of its own, so that a later revision can drop it on every backend. Services may share
# a database, where MySQL and SQL Server want the names of foreign keys and checks unique: the table's name sees to that.
NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


_SEEDED = uuid.UUID("8f0e6f0c-2d5b-5f0e-9a53-6a1c1d5e7b42")
"""The namespace of all sample rows' keys."""


def seeded_id(service: str, table: str, name: str) -> uuid.UUID:
    """Give the key of a sample row by its name: the same at every time and in every place."""
    return uuid.uuid5(_SEEDED, f"{service}/{table}/{name}")


def utc_now() -> datetime:
    """Read the clock, in UTC."""
    return datetime.now(UTC)


# Random keys rather than ordered ones: on TiDB ordered keys all go to one region.
Id = Annotated[uuid.UUID, mapped_column(dbt.Uuid(), primary_key=True, default=uuid.uuid4)]
Flag = Annotated[
    bool, mapped_column(dbt.Boolean(), default=False, server_default=dbt.Literal(value=False, type=dbt.Boolean()))
]
JsonObject = Annotated[dict[str, Any], mapped_column(dbt.Json(), default=dict, server_default=dbt.EmptyObject())]
Texts = Annotated[list[str], mapped_column(dbt.Array(dbt.Text()), default=list, server_default=dbt.EmptyArray())]
Integers = Annotated[list[int], mapped_column(dbt.Array(dbt.Integer()), default=list, server_default=dbt.EmptyArray())]


class Timestamps:
    """When a row was made and last changed. The server's default serves rows that are written without the models."""

    created_at: Mapped[datetime] = mapped_column(
        dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now(), sort_order=100
    )
    updated_at: Mapped[datetime] = mapped_column(
        dbt.UtcDateTime(), default=utc_now, onupdate=utc_now, server_default=dbt.Now(), sort_order=101
    )


class Versioned:
    """A row that is changed only by those who have seen its newest version; others get a StaleDataError."""

    version: Mapped[int] = mapped_column(dbt.Integer(), server_default=dbt.Literal(1, dbt.Integer()), sort_order=99)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy passes the class
        """Have the ORM compare and count the version."""
        return {"version_id_col": cls.version}
