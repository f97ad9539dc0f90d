"""Changing a column whose type brings a CHECK: the CHECK goes along.

On a backend that alters columns in place, Alembic changes the type and leaves the CHECK, so the old labels of an enum would stay
in force. Where tables are rebuilt (SQLite), `dbkit.types.checks` takes care of it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.operations.toimpl import alter_column as alter_in_place
from sqlalchemy.sql.naming import conv

from dbkit.backends import backend_of
from dbkit.types import PortableType
from dbkit.types.checks import check_name

__all__ = ["alter_column"]


@Operations.implementation_for(ops.AlterColumnOp, replace=True)
def alter_column(operations: Operations, operation: ops.AlterColumnOp) -> None:
    """Take the CHECK away, alter the column, and put the CHECK of its new type or name there."""
    dialect = operations.impl.dialect
    new_type = operation.modify_type or operation.existing_type
    name = operation.modify_name or operation.column_name
    moved = operation.modify_type or operation.modify_name
    if not moved or not backend_of(dialect).traits.alters_columns:
        alter_in_place(operations, operation)
        return
    old = _check(operation, name=operation.column_name, type_=operation.existing_type, dialect=dialect)
    new = _check(operation, name=name, type_=new_type, dialect=dialect)
    if old is not None:
        operations.impl.drop_constraint(old)
    alter_in_place(operations, operation)
    if new is not None:
        operations.impl.add_constraint(new)


def _check(
    operation: ops.AlterColumnOp,
    *,
    name: str,
    type_: Any,  # noqa: ANN401 - a type, or what stands for none
    dialect: sa.Dialect,
) -> sa.CheckConstraint | None:
    """Word the CHECK that a column of this name and type has."""
    if not isinstance(type_, PortableType):
        return None
    rule = backend_of(dialect).codecs.codec(type_.kind).check
    if rule is None:
        return None
    column: sa.Column[Any] = sa.Column(name, type_)
    table = sa.Table(operation.table_name, sa.MetaData(), column, schema=operation.schema)
    text = rule.replace("{column}", dialect.identifier_preparer.quote(name)).replace(":", "\\:")
    check = sa.CheckConstraint(sa.text(text), name=conv(check_name(column)))
    table.append_constraint(check)
    return check
