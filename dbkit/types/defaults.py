"""Server defaults that mean the same on every backend."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from dbkit.backends import backend_of
from dbkit.backends.kinds import ArrayKind, JsonKind, Kind, TextKind, UtcDateTimeKind
from dbkit.backends.protocol import Default
from dbkit.backends.storage import as_statement
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType, frozen, has_backend, shortened
from dbkit.types.utc_datetime import UtcDateTime

__all__ = ["EmptyArray", "EmptyObject", "Literal", "Now", "ServerDefault"]


_NO_CONSTANT = "TiDB and MySQL take none"
# SHOW CREATE TABLE prints them raw on MariaDB and TiDB: the driver fails to read it, and with it the whole schema (10.11, 8.5.3).
_BYTES = "MariaDB and TiDB print bytes in a way that cannot be read back"
_REFUSED = {"json": _NO_CONSTANT, "array": _NO_CONSTANT, "text": _NO_CONSTANT, "binary": _BYTES, "uuid": _BYTES}


class ServerDefault(sa.ColumnElement[Any]):
    """Base of the portable server defaults: what stands behind DEFAULT is worded by the backend."""

    inherit_cache = False

    def frozen_repr(self) -> str:
        """Word the default as revisions have it: `dbt.v1.Now()`."""
        raise NotImplementedError

    def wording(self, dialect: sa.Dialect) -> str:
        """Word it for a dialect."""
        raise NotImplementedError

    def fits(self, kind: Kind) -> bool:
        """Tell whether a column of this kind can have it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Word the default as revisions have it."""
        return self.frozen_repr()


class _Named(ServerDefault):
    """A default that has a name in the protocol."""

    default: ClassVar[Default]
    kind: Kind

    def wording(self, dialect: sa.Dialect) -> str:
        """Word it for a dialect."""
        return backend_of(dialect).codecs.default(self.default, self.kind)

    def fits(self, kind: Kind) -> bool:
        """Tell whether a column of this kind can have it."""
        return type(kind) is type(self.kind)

    def frozen_repr(self) -> str:
        """Word the default as revisions have it."""
        return f"dbt.v1.{type(self).__name__}()"


class Now(_Named):
    """The moment of the statement (PostgreSQL: of the transaction), in UTC; for `UtcDateTime`."""

    default = Default.NOW

    def __init__(self) -> None:
        """Take no parameters."""
        self.type = UtcDateTime()
        self.kind = UtcDateTimeKind()


class EmptyObject(_Named):
    """`{}`, for `Json`."""

    default = Default.EMPTY_OBJECT

    def __init__(self) -> None:
        """Take no parameters."""
        self.kind = JsonKind()


class EmptyArray(_Named):
    """`[]`, for `Array`; for a `Json` column `EmptyArray(Json())`."""

    default = Default.EMPTY_ARRAY

    def __init__(self, type: PortableType[Any] | None = None) -> None:  # noqa: A002 - as in Literal
        """Keep the column's type where it is no array."""
        self.kind = ArrayKind(item=TextKind()) if type is None else type.kind
        self._given = type

    def frozen_repr(self) -> str:
        """Word the default as revisions have it."""
        return f"dbt.v1.EmptyArray({'' if self._given is None else self._given.frozen_repr()})"


class Literal(ServerDefault):
    """A constant, kept as the column's type keeps it.

    Dates, moments and decimals may be given as text, as revisions have them.
    """

    def __init__(self, value: Any, type: PortableType[Any]) -> None:  # noqa: A002, ANN401 - a value of that type
        """Check the value.

        Raises:
            TypeRefusedError: not every backend takes a constant for columns of this type.
            ValueRefusedError: the type does not accept the value.
        """
        why = _REFUSED.get(type.kind.name)
        if why:
            message = f"a {type.frozen_repr()} column cannot have the constant {shortened(value)} as default: {why}"
            raise TypeRefusedError(
                message, hint="use EmptyObject() or EmptyArray(), a String(n), or a default of the model"
            )
        self.type = type
        self.portable = type
        self.value = type.accept(type.parse(value))

    def wording(self, dialect: sa.Dialect) -> str:
        """Word it for a dialect."""
        return backend_of(dialect).codecs.default_literal(self.value, self.portable.kind)

    def fits(self, kind: Kind) -> bool:
        """Tell whether a column of this kind can have it."""
        return kind == self.portable.kind

    def frozen_repr(self) -> str:
        """Word the default as revisions have it."""
        return f"dbt.v1.Literal({frozen(self.portable.constant(self.value))}, {self.portable.frozen_repr()})"


@compiles(ServerDefault)
def _word_default(default: ServerDefault, compiler: Any, **_kw: object) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    if not has_backend(compiler.dialect):
        return default.frozen_repr()
    return as_statement(default.wording(compiler.dialect), compiler.dialect)


def _check_default(column: sa.Column[Any], _table: object) -> None:
    """Refuse a default that is of another kind than its column: PostgreSQL would take `{}` for both an object and an array."""
    default = getattr(column.server_default, "arg", None)
    if not isinstance(default, ServerDefault) or not isinstance(column.type, PortableType):
        return
    if not default.fits(column.type.kind):
        message = f"{default.frozen_repr()} is no default for column {column.name!r} of {column.type.frozen_repr()}"
        hint = "for a list in a Json column use EmptyArray(Json()), for a constant the column's own type"
        raise TypeRefusedError(message, hint=hint)


sa.event.listen(sa.Column, "after_parent_attach", _check_default)
