"""The services under test, and what inspection says of the tables that a database holds."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session

SERVICES = ("knowledge", "project", "user")


def metadata_of(service: str) -> sa.MetaData:
    """Import a service's models and give their tables."""
    return cast("sa.MetaData", import_module(f"services.{service}.models").Base.metadata)


def shape(bind: sa.Engine | sa.Connection, service: str) -> dict[str, dict[str, Any]]:
    """Describe a service's tables as the server words them: columns, keys, rules, indexes and checks."""
    inspector = sa.inspect(bind)
    return {name: table_shape(inspector, name) for name in sorted(metadata_of(service).tables)}


def table_shape(inspector: sa.Inspector, table: str) -> dict[str, Any]:
    """Describe one table."""
    return {
        "columns": [
            (column["name"], str(column["type"]), column["nullable"], column["default"])
            for column in inspector.get_columns(table)
        ],
        "primary key": inspector.get_pk_constraint(table),
        "foreign keys": by_name(inspector.get_foreign_keys(table)),
        "unique": by_name(inspector.get_unique_constraints(table)),
        "indexes": by_name(inspector.get_indexes(table)),
        "checks": by_name(inspector.get_check_constraints(table)),
    }


def by_name(found: Any) -> list[Any]:
    """Put constraints into an order that does not depend on the server."""
    return sorted(found, key=lambda item: str(item["name"]))


def left_in(bind: sa.Engine | sa.Connection) -> set[str]:
    """Name whatever stands in a database, save the tables of dbkit and Alembic themselves."""
    inspector = sa.inspect(bind)
    enums = {enum["name"] for enum in inspector.get_enums()} if hasattr(inspector, "get_enums") else set()
    tables = {name for name in inspector.get_table_names() if not name.startswith(("alembic_version", "dbkit_"))}
    return tables | enums | set(inspector.get_view_names())


def count(session: Session, model: type[DeclarativeBase], **values: object) -> int:
    """Count the rows that have these values."""
    return session.scalars(sa.select(sa.func.count()).select_from(model).filter_by(**values)).one()
