"""What the stores of all services have in common: transactions, and errors that say what a caller can do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, StatementError

from dbkit.backends import backend_of
from dbkit.backends.protocol import Errors, Fault
from dbkit.errors import DbkitError, FallbackError, PoolTimeoutError, UnreachableError, ValueRefusedError
from services.base import Versioned, utc_now
from services.errors import Conflict, Invalid, NotFound, Unavailable, VersionConflict

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Store"]

V = TypeVar("V", bound=Versioned)
M = TypeVar("M")

_AWAY = frozenset(
    {
        *(Fault.UNREACHABLE, Fault.TURNED_AWAY, Fault.CONNECTION_LOST, Fault.LOCK_TIMEOUT),
        *(Fault.CONFLICT, Fault.READ_ONLY, Fault.STORAGE_FULL, Fault.DAMAGED),
    }
)


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
        self._current: ContextVar[Session | None] = ContextVar(f"{type(self).__name__}.session", default=None)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Have all operations inside be one transaction, committed at the end and rolled back by any exception.

        Raises:
            Conflict: a unique rule or a reference stands against it.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        outer = self._current.get()
        if outer is not None:
            with _worded(outer, nullcontext()):
                yield outer
                outer.flush()
            return
        with self._sessions() as session:
            session.expire_on_commit = False
            token = self._current.set(session)
            try:
                with _worded(session, session.begin()):
                    yield session
            finally:
                self._current.reset(token)

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
        """
        table: Any = model
        unknown = set(changes) - {column.key for column in sa.inspect(model).mapper.column_attrs}
        if unknown:
            raise Invalid(min(unknown), "there is no such field")
        values = {**changes, "version": version + 1, "updated_at": self._clock()}
        guarded = sa.update(model).where(table.id == key, table.version == version).values(values)
        done: Any = session.execute(guarded.execution_options(synchronize_session=False))
        found = session.get(model, key, populate_existing=True)
        if found is None:
            raise NotFound(kind, key)
        if done.rowcount != 1:
            raise VersionConflict(kind, key, expected=version, found=found.version)
        return found


@contextmanager
def _worded(session: Session, scope: AbstractContextManager[object]) -> Iterator[None]:
    """Raise what a caller can answer in place of what the database, the engine or a type says."""
    dialect = session.get_bind().dialect
    try:
        with scope:
            # by this connection's dialect: an engine that falls back has had another one, or will have
            dialect = session.connection().dialect
            yield
    except StatementError as error:
        if isinstance(error.orig, ValueRefusedError):
            raise Invalid("value", error.orig.message) from error
        if not isinstance(error, DBAPIError):
            raise
        _raise(error, backend_of(dialect).errors)
    except (FallbackError, UnreachableError, PoolTimeoutError) as error:
        raise Unavailable(error.message) from error


def _raise(error: DBAPIError, errors: Errors) -> NoReturn:
    """Word a database's error."""
    fault, said = errors.fault(error), errors.message(error)
    if isinstance(error, DbkitError) or fault in _AWAY or error.connection_invalidated:
        raise Unavailable(said) from error
    if fault in {Fault.DUPLICATE, Fault.REFERENCE}:
        raise Conflict(said) from error
    raise error
