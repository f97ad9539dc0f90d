"""What the stores of all services have in common: transactions, and errors that say what a caller can do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from dbkit.backends import backend_of
from dbkit.backends.protocol import Errors, Fault
from dbkit.errors import DbkitError, FallbackError, PoolTimeoutError, UnreachableError, ValueRefusedError
from services.base import Timestamps, Versioned, utc_now
from services.errors import Conflict, Invalid, NotFound, StoreError, Unavailable, VersionConflict
from services.values import accepted

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Store", "written"]

V = TypeVar("V", bound=Versioned)
H = TypeVar("H", bound=Timestamps)
M = TypeVar("M")

_CONTRADICTED = frozenset({Fault.DUPLICATE, Fault.REFERENCE})
_ENDED = "store.ended"


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
    def _conflicting(self, session: Session, said: str, *, missing: NotFound | None = None) -> Iterator[None]:
        """Write what was added inside, without a look beforehand, and raise what stands against it.

        Args:
            session: what it is added to.
            said: what the conflict is, where a unique rule stands against it.
            missing: raised where what it refers to is not there; None where that is the conflict.

        Raises:
            Conflict: a unique rule does, or a reference.
            NotFound: what it refers to is not there.
        """
        errors = backend_of(session.connection().dialect).errors
        try:
            yield
            session.flush()
        except IntegrityError as error:
            fault = errors.fault(error)
            if fault not in _CONTRADICTED:
                raise
            raise (missing if missing and fault is Fault.REFERENCE else Conflict(said)) from error

    def _get(self, session: Session, model: type[M], key: object, *, kind: str) -> M:
        """Fetch a row by its key. Raises NotFound."""
        found = session.get(model, key)
        if found is None:
            raise NotFound(kind, key)
        return found

    def _one(
        self,
        session: Session,
        query: sa.Select[Any],
        key: object,
        *,
        kind: str,
        values: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what the query is of
        """Fetch the one row of a query, by what stands for its key in the error. Raises NotFound."""
        found = session.scalar(query, values)
        if found is None:
            raise NotFound(kind, key)
        return found

    def _hold_rows(self, session: Session, model: type[Timestamps], rows: sa.ColumnElement[bool]) -> int:
        """Lock rows until the transaction ends, by writing them as they are, and tell how many there are.

        Not by a locking read: SQLite knows none, and a transaction that has read there is not let write what somebody else has
        written since.
        """
        return written(session, sa.update(model).where(rows).values(updated_at=model.updated_at))

    def _hold(self, session: Session, model: type[H], key: uuid.UUID, *, kind: str, version: int | None = None) -> H:
        """Lock a row until the transaction ends, and give it as it is now.

        Read with FOR UPDATE once it is held: TiDB shows a plain SELECT what was there when the transaction began, not what
        came while it waited.

        Raises:
            NotFound: there is no such row.
            VersionConflict: it is at another version than the one that is asked for.
        """
        table: Any = model
        if not self._hold_rows(session, model, table.id == key):
            raise NotFound(kind, key)
        query = sa.select(model).where(table.id == key).with_for_update()
        found: Any = session.scalars(query.execution_options(populate_existing=True)).one()
        if version is not None and found.version != version:
            raise VersionConflict(kind, key, expected=version, found=found.version)
        return cast("H", found)

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
        done = written(session, guarded) == 1
        # what stood against it may be newer than what this transaction sees (TiDB, MySQL), and is seen by a locking read
        found = session.get(model, key, populate_existing=True, with_for_update=not done)
        if found is None:
            raise NotFound(kind, key)
        if not done:
            raise VersionConflict(kind, key, expected=version, found=found.version)
        return found

    def _delete(
        self, session: Session, model: type[Any], key: uuid.UUID, *, kind: str, version: int | None = None
    ) -> None:
        """Delete a row, and by the database's cascades what hangs on it; with a version only where it is still at that.

        Raises:
            NotFound: there is no such row.
            VersionConflict: it is at another version.
        """
        guarded = sa.delete(model).where(model.id == key)
        if version is not None:
            guarded = guarded.where(model.version == version)
        if written(session, guarded) == 1:
            # else the session would go on finding it by its key
            there = session.identity_map.get(sa.inspect(model).identity_key_from_primary_key((key,)))
            if there is not None:
                session.expunge(there)
            return
        found = None
        if version is not None:
            found = session.scalar(sa.select(model.version).where(model.id == key).with_for_update())
        if found is None or version is None:
            raise NotFound(kind, key)
        raise VersionConflict(kind, key, expected=version, found=found)


def written(session: Session, statement: sa.Update | sa.Delete) -> int:
    """Send an UPDATE or a DELETE, and tell how many rows it was about; what the session has read is not made to follow it."""
    done: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(done.rowcount)


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
