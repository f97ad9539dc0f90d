"""What every portable type does: validate alike everywhere, then ask the backend's codec."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect, StrCompileDialect
from sqlalchemy.ext.compiler import compiles

from dbkit.backends import backend_of
from dbkit.backends.kinds import Kind
from dbkit.backends.storage import as_statement, double_percents
from dbkit.errors import ValueRefusedError
from dbkit.types.checks import check_name

__all__ = ["PortableType", "frozen", "shortened"]

T = TypeVar("T")

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def shortened(value: object) -> str:
    """Show a value in few characters, whatever its own repr does."""
    try:
        return _short.repr(value)
    except Exception:  # noqa: BLE001 - a broken __repr__ must not hide why the value was refused
        return f"<{type(value).__name__}>"


def frozen(value: object) -> str:
    """Word a constant for a revision file, in double quotes where that needs no escape."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text and "\\'" not in text else text


def has_backend(dialect: sa.Dialect) -> bool:
    """Tell a real dialect from the one that SQLAlchemy prints statements with."""
    return type(dialect) not in (DefaultDialect, StrCompileDialect)


class PortableType(sa.types.TypeDecorator[T]):
    """Base of all portable types.

    A subclass sets `kind` and `impl` (the generic type whose operators it has), and writes `accept` and `frozen_repr`.
    It never looks at storage: the backend's codec does.
    """

    cache_ok = True
    kind: Kind
    checked: ClassVar[bool] = False
    """Some backend gives columns of this type a CHECK."""
    mutable: ClassVar[bool] = False
    """Values can be changed in place; the ORM is told when they are."""
    # Alembic asks every type for the name of its constraint when a column is renamed in batch mode.
    name: ClassVar[str | None] = None

    # --- what a subclass writes ---------------------------------------------------------------------------------------

    def accept(self, value: Any) -> Any:  # noqa: ANN401 - any value can be handed in
        """Check a value and bring it into its one form; alike on every backend. Raises ValueRefusedError."""
        raise NotImplementedError

    def frozen_repr(self) -> str:
        """Word the type as revisions have it: `dbt.v1.Uuid()`."""
        raise NotImplementedError

    def restore(self, value: Any) -> Any:  # noqa: ANN401 - what the codec gives
        """Make of what the codec read what the models expect; the same for most types."""
        return value

    def parse(self, value: Any) -> Any:  # noqa: ANN401 - what a revision file holds
        """Read a constant of a revision file, where Python has no literal of this kind: dates, decimals, UUIDs are text."""
        return value

    def constant(self, value: Any) -> Any:  # noqa: ANN401 - a value of this kind
        """Turn a value into what `parse` reads; the inverse of it."""
        return value

    # --- what SQLAlchemy asks -----------------------------------------------------------------------------------------

    @property
    def _static_cache_key(self) -> tuple[Any, ...]:
        return (type(self), self.kind, *self._cache_extra())

    def _cache_extra(self) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        """Word the type as revisions have it."""
        return self.frozen_repr()

    def __str__(self) -> str:
        """Word the type as revisions have it: it has no SQL without a backend."""
        return self.frozen_repr()

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Answer with the column type of the backend's codec."""
        if not has_backend(dialect):
            return self.impl_instance
        return backend_of(dialect).codecs.codec(self.kind).column

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
        """Chain the check, the codec and the driver's own processor."""
        accept, encode = self.accept, None
        if has_backend(dialect):
            encode = backend_of(dialect).codecs.codec(self.kind).bind
        inner = self.impl_instance.bind_processor(dialect)

        def process(value: Any) -> Any:  # noqa: ANN401 - any value can be handed in
            if value is None:
                return None
            value = accept(value)
            if encode is not None:
                value = encode(value)
            return value if inner is None else inner(value)

        return process

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Chain the driver's own processor, the codec, and what the models expect."""
        decode, restore = None, self.restore
        if has_backend(dialect):
            decode = backend_of(dialect).codecs.codec(self.kind).result
        inner = self.impl_instance.result_processor(dialect, coltype)

        def process(value: Any) -> Any:  # noqa: ANN401 - what the driver gives
            if inner is not None:
                value = inner(value)
            if value is None:
                return None
            return restore(value if decode is None else decode(value))

        return process

    def literal_processor(self, dialect: sa.Dialect) -> Callable[[Any], str] | None:
        """Word a value as a constant of the backend."""
        if not has_backend(dialect):
            return shortened
        codecs = backend_of(dialect).codecs

        def process(value: Any) -> str:  # noqa: ANN401 - any value can be handed in
            if value is None:
                return "NULL"
            # SQLAlchemy's compiler sees to backslashes by itself
            return double_percents(codecs.literal(self.accept(value), self.kind), dialect)

        return process

    # --- help for subclasses ------------------------------------------------------------------------------------------

    def refused(self, value: object, why: str, *, hint: str) -> ValueRefusedError:
        """Make the error that refuses a value: it names it shortened, the type, the reason, and what to do instead."""
        message = f"{shortened(value)} cannot be kept as {self.frozen_repr()}: {why}"
        return ValueRefusedError(message, hint=hint)


@compiles(PortableType)
def _word_type(type_: PortableType[Any], compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    """Word the column's type, and behind it the CHECK that belongs to it, where the type is worded for a column."""
    dialect = compiler.dialect
    text: str = compiler.process(type_.type_engine(dialect), **kw)
    column = kw.get("type_expression")
    if not isinstance(column, sa.Column) or column.table is None or not has_backend(dialect):
        return text
    check = backend_of(dialect).codecs.codec(type_.kind).check
    if check is None:
        return text
    quote = dialect.identifier_preparer.quote
    rule = as_statement(check.replace("{column}", quote(column.name)), dialect)
    return f"{text} CONSTRAINT {quote(check_name(column))} CHECK ({rule})"
