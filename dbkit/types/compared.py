"""Whole documents and arrays as operands: some servers compare them with nothing but their own kind."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators

from dbkit.backends import backend_of
from dbkit.types.base import PortableType, has_backend

__all__ = ["COMPARISONS", "Compared"]

COMPARISONS = frozenset(
    {
        operators.eq,
        operators.ne,
        operators.in_op,
        operators.not_in_op,
        operators.is_distinct_from,
        operators.is_not_distinct_from,
    }
)


class Compared(PortableType[Any]):
    """The type of a value that a column of another type is compared with; never the type of a column."""

    impl: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]] = sa.types.NullType
    cache_ok = True

    def __init__(self, of: PortableType[Any]) -> None:
        """Keep the column's type."""
        super().__init__()
        self.impl = of.impl_instance
        self.of = of
        self.kind = of.kind

    def accept(self, value: Any) -> Any:  # noqa: ANN401 - any value can be handed in
        """Take what the column takes."""
        return self.of.accept(value)

    def frozen_repr(self) -> str:
        """Word the column's type."""
        return self.of.frozen_repr()

    def bind_expression(self, bindvalue: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
        """Put the backend's wording around the value."""
        return _Operand(bindvalue, self)

    def _cache_extra(self) -> tuple[Any, ...]:
        return (type(self.of),)


class _Operand(sa.ColumnElement[Any]):
    """A bound value as an operand."""

    inherit_cache = False

    def __init__(self, value: sa.BindParameter[Any], type_: Compared) -> None:
        self.value = value
        self.type = type_
        self.kind = type_.kind


@compiles(_Operand)
def _word_operand(operand: _Operand, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    value: str = compiler.process(operand.value, **kw)
    dialect = compiler.dialect
    wording = backend_of(dialect).codecs.codec(operand.kind).operand if has_backend(dialect) else None
    return value if wording is None else wording.replace("{value}", value)
