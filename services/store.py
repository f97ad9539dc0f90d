"""What the stores of all services have in common: transactions, and errors that say what a caller can do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

import dbkit.types as dbt
from dbkit.backends import backend_of
from dbkit.backends.protocol import Errors, Fault
from dbkit.errors import DbkitError, FallbackError, PoolTimeoutError, UnreachableError, ValueRefusedError
from services.base import Versioned, utc_now
from services.errors import Conflict, Invalid, NotFound, StoreError, Unavailable, VersionConflict

if TYPE_CHECKING:
    from sqlalchemy.orm import Mapper, Session

__all__ = ["Store", "accepted", "canonical", "only"]

V = TypeVar("V", bound=Versioned)
M = TypeVar("M")

_CONTRADICTED = frozenset({Fault.DUPLICATE, Fault.REFERENCE})
_ENDED = "store.ended"
_LARGEST_BYTES: Final = 64 * 2**10
"""Of a text, a list or an object, where its column does not name another most (`info={"largest_bytes": …}`)."""


class Store:
    """Operations on the tables of one service. Each is one transaction; inside of `transaction()` several are one together.

    What is given back are instances of the models, detached from any session: their columns can be read, and of their
    relationships those that the operation says it has loaded.
    """

    def __init__(self, sessions: Callable[[], Session], *, clock: Callable[[], datetime] = utc_now) -> None:
        """Keep where sessions come from.

        Args:
            sessions: makes a session, such as `dbkit.session("user")` does.
            clock: gives the time, in UTC.
        """
        self._sessions = sessions
        self._clock = clock
        self._opened: ContextVar[list[Session] | None] = ContextVar(f"{type(self).__name__}.session", default=None)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Have all operations inside be one transaction, committed at the end and rolled back by any exception.

        Inside of another one it is a part of that. Where a part is refused and that is caught, nothing of the part stays: what was
        read before is to be read again.

        What the database itself refuses ends the whole of it, for not every backend could go on: an operation that comes after,
        and the end, raise the same error again, though the first was caught.

        Raises:
            Conflict: a unique rule or a reference stands against it.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        outer = self._outer
        if outer is not None:
            _refuse_ended(outer)
            with _worded(outer, outer.begin_nested()):
                yield outer
            return
        with self._sessions() as session:
            session.expire_on_commit = False
            session.info.pop(_ENDED, None)
            opened = [session]
            token = self._opened.set(opened)
            try:
                with _worded(session, session.begin()):
                    yield session
                    _refuse_ended(session)
            finally:
                opened.clear()
                self._opened.reset(token)

    @property
    def _outer(self) -> Session | None:
        """The session of the transaction that this is inside of; a task that was begun there and outlives it is inside of none."""
        opened = self._opened.get()
        return opened[0] if opened else None

    @contextmanager
    def _conflicting(self, session: Session, said: str) -> Iterator[None]:
        """Write what was added inside, and say this where a unique rule or a reference stands against it.

        Raises:
            Conflict: it does.
        """
        errors = backend_of(session.connection().dialect).errors
        try:
            yield
            session.flush()
        except IntegrityError as error:
            if errors.fault(error) not in _CONTRADICTED:
                raise
            raise Conflict(said) from error

    def _get(self, session: Session, model: type[M], key: object, *, kind: str) -> M:
        """Fetch a row by its key. Raises NotFound."""
        found = session.get(model, key)
        if found is None:
            raise NotFound(kind, key)
        return found

    def _update(  # noqa: PLR0913 - what a guarded update is made of
        self, session: Session, model: type[V], key: uuid.UUID, *, version: int, changes: Mapping[str, Any], kind: str
    ) -> V:
        """Change a row that is still at this version, and give it as it is then; nobody's work is overwritten.

        Written before it is read, so that no backend makes the transaction wait between the two.

        Raises:
            NotFound: there is no such row.
            VersionConflict: it is at another version.
            Invalid: there is no such field, or it cannot have this value.
        """
        table: Any = model
        values = {**accepted(model, changes), "version": version + 1, "updated_at": self._clock()}
        guarded = sa.update(model).where(table.id == key, table.version == version).values(values)
        done: Any = session.execute(guarded.execution_options(synchronize_session=False))
        # what stood against it may be newer than what this transaction sees (TiDB, MySQL), and is seen by a locking read
        found = session.get(model, key, populate_existing=True, with_for_update=done.rowcount != 1)
        if found is None:
            raise NotFound(kind, key)
        if done.rowcount != 1:
            raise VersionConflict(kind, key, expected=version, found=found.version)
        return found


def only(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Give the values. Raises Invalid where one is of none of these fields, though the model may have it."""
    for field in values:
        if field not in fields:
            raise Invalid(field, "there is no such field")
    return dict(values)


def accepted(model: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give values as the columns of a model take them, before anything is sent.

    Raises:
        Invalid: there is no such field, or it cannot have this value; it names the field.
    """
    columns, found = _columns(sa.inspect(model)), {}
    for field, value in values.items():
        column = columns.get(field)
        if column is None:
            raise Invalid(field, "there is no such field")
        if value is None and not column.nullable:
            raise Invalid(field, "it cannot be empty")
        try:
            found[field] = value if value is None else column.type.restore(column.type.accept(value))
        except ValueRefusedError as error:
            raise Invalid(field, error.message) from error
        _prove_extent(field, column, found[field])
    return found


@cache
def _columns(mapper: Mapper[Any]) -> Mapping[str, Any]:
    return {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}


def canonical(value: object) -> bytes:
    """Word a value as JSON in the one way in which equal values are worded alike."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _prove_extent(field: str, column: sa.Column[Any], value: object) -> None:
    """Refuse what is larger than a row can be somewhere (TiDB: 6 MiB in all), everywhere alike, and JSON that is no object.

    Raises:
        Invalid: it is one of them.
    """
    if isinstance(column.type, dbt.Json) and not isinstance(value, dict | None):
        raise Invalid(field, f"a {type(value).__name__} is no object")
    if isinstance(value, str):
        size = len(value.encode())
    elif isinstance(value, bytes):
        size = len(value)
    elif isinstance(value, dict | list):
        size = len(canonical(value))
    else:
        return
    largest_bytes = column.info.get("largest_bytes", _LARGEST_BYTES)
    if size > largest_bytes:
        raise Invalid(field, f"it has {size} bytes, and {largest_bytes} is the most")


@contextmanager
def _worded(session: Session, scope: AbstractContextManager[object]) -> Iterator[None]:
    """Raise what a caller can answer in place of what the database, the engine or a type says."""
    connection: sa.Connection | None = None
    try:
        with scope:
            connection = session.connection()
            yield
    except StatementError as error:
        # by the dialect of the connection that was had: an engine that falls back has had another one, or will have
        worded = _word(error, backend_of((connection or session.get_bind()).dialect).errors)
        if worded is None:
            raise
        raise _ended(session, worded) from error
    except (FallbackError, UnreachableError, PoolTimeoutError) as error:
        raise _ended(session, Unavailable(error.message)) from error
    except StoreError as error:
        if isinstance(error.__cause__, DBAPIError):
            _ended(session, error)
        raise


def _word(error: StatementError, errors: Errors) -> StoreError | None:
    """Word an error of a statement; None for what nobody could foresee."""
    if isinstance(error.orig, ValueRefusedError):
        return Invalid("value", error.orig.message)
    # a transaction that the server has ended cannot be taken back to a savepoint: what counts is the error before that one's
    behind: BaseException | None = error
    while isinstance(behind, DBAPIError):
        fault = errors.fault(behind)
        if fault in _CONTRADICTED:
            return Conflict(errors.message(behind))
        if fault is not Fault.OTHER or isinstance(behind, DbkitError) or behind.connection_invalidated:
            return Unavailable(errors.message(behind))
        behind = _cause(behind)
    return None


def _cause(error: DBAPIError) -> BaseException | None:
    """Find the error during whose handling this one arose, behind the driver's own."""
    seen: BaseException | None = error.__context__
    while seen is not None and not isinstance(seen, DBAPIError):
        seen = seen.__context__
    return seen


def _ended(session: Session, error: StoreError) -> StoreError:
    """Note on a session what has ended its transaction."""
    session.info.setdefault(_ENDED, error)
    return error


def _refuse_ended(session: Session) -> None:
    """Raise again what has ended a session's transaction."""
    ended = session.info.get(_ENDED)
    if ended is not None:
        raise ended
