"""One connection lent to many: engines and connections that code asks for, all of them on the one that holds the lock.

A guest shares everything that SQLAlchemy keeps of the connection (its `__dict__`), and so its transaction; only what it may end is
its own. While a revision runs, what a guest commits is the revision's to commit, and what it rolls back is a savepoint.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.backends import backend_of
from dbkit.errors import DbkitError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Guest", "Lender", "LentEngine", "Resident", "refused"]

Refuse = Callable[[str, str], NoReturn]
"""Raises that something is not to be had: what was asked for, and what to do."""


def refused(said: str, hint: str) -> NoReturn:
    """Refuse where no env.py is at fault."""
    raise DbkitError(said, hint=hint)


class Lender:
    """What lends a connection, or in its place only a dialect, for SQL that is written without a database."""

    def __init__(
        self, dialect: sa.Dialect, *, host: sa.Connection | None = None, refuse: Refuse = refused, running: bool = False
    ) -> None:
        """Lend a connection of this dialect.

        Args:
            dialect: the connection's.
            host: the connection; None where there is none.
            refuse: raises what is not to be had.
            running: revisions run from the start, and all the time.
        """
        self.dialect = dialect
        self.host = host
        self.refuse = refuse
        self.running = running
        self.away = False
        """Nothing is lent: what is run is not what was to be lent to."""
        self._options = host.get_execution_options() if host is not None else {}
        self.guests: weakref.WeakSet[Guest] = weakref.WeakSet()
        """Those that are not closed."""

    @classmethod
    def of(cls, connection: sa.Connection, *, refuse: Refuse = refused, running: bool = False) -> Lender:
        """Lend a connection; revisions run all the time unless told otherwise."""
        return cls(connection.dialect, host=connection, refuse=refuse, running=running)

    @property
    def url(self) -> sa.URL:
        """The URL of the connection; no password is in it."""
        return self.host.engine.url if self.host is not None else sa.URL.create(self.dialect.name)

    def resident(self) -> Resident:
        """Give the connection as Alembic is to have it: nobody can close it, and its engine lends."""
        return Resident(LentEngine(self), self.need())

    def guest(self) -> Guest:
        """Give a guest that nobody has asked for; it does not count among those that are open."""
        return Guest(LentEngine(self), self.need())

    def need(self) -> sa.Connection:
        """Give the connection, which must be there and whole."""
        if self.host is None:
            self.refuse("connects while SQL is written without a database", "ask context.is_offline_mode() first")
        if self.host.invalidated:
            self.refuse("the connection was lost", "run the command again")
        return self.host

    def admit(self, guest: Guest, place: Hashable) -> None:
        """Take a guest in, unless another one is here that wanted another database."""
        if any(other.place != place for other in self.guests):
            self.refuse(
                "connects to two databases at once, and dbkit lends it the one of the service",
                "make each database a service with an env.py of its own, or run Alembic without dbkit",
            )
        self.guests.add(guest)

    def leave(self, guest: Guest, options: Mapping[str, Any]) -> None:
        """Let a guest go; the last one's unfinished work is rolled back, and what it set is taken back."""
        self.guests.discard(guest)
        if not self.running and not self.guests and self.host is not None and not self.host.invalidated:
            self.host.rollback()
            self.settle(options)

    def settle(self, options: Mapping[str, Any]) -> None:
        """Take back the isolation level that somebody has set, outside of any transaction, and set options in place of theirs."""
        host = self.need()
        if host.get_execution_options().get("isolation_level") != options.get("isolation_level"):
            host.execution_options(isolation_level=options.get("isolation_level", host.default_isolation_level))
        host._execution_options = sa.util.immutabledict(options)  # noqa: SLF001 - there is no other way to take one back

    def before_revisions(self) -> None:
        """Commit what has been done so far, and have no transaction open: Alembic would leave it to others to commit."""
        host = self.need()
        host.commit()
        wanted = {**host.get_execution_options(), **self._options}
        if "isolation_level" not in self._options:
            wanted.pop("isolation_level", None)
        self.settle(wanted)

    def stay_away(self) -> None:
        """Lend nothing from now on."""
        self.away = True

    def end(self) -> None:
        """Take back what has been left behind."""
        if self.host is not None and not self.host.invalidated:
            self.host.rollback()
            self.settle(self._options)


class Resident(sa.Connection):
    """The lent connection itself, for Alembic and revisions: its transactions are real; it cannot be closed."""

    __slots__ = ("_lent",)

    def __init__(self, engine: LentEngine, host: sa.Connection) -> None:
        """Share everything with the connection but its engine."""
        self.__dict__ = host.__dict__
        self._lent = engine

    @property
    def engine(self) -> LentEngine:  # type: ignore[override] # an attribute there, which only this class replaces
        """The engine, which opens nothing."""
        return self._lent

    def connect(self) -> Resident:
        """Give itself: some take an engine and a connection alike."""
        return self

    def close(self) -> None:
        """Do nothing: the connection holds the lock."""

    def detach(self) -> None:
        """Refuse to be taken away."""
        self._lent.lender.refuse("detaches the connection that holds the lock", "leave detach() away")

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Note that the connection is lost; refuse where it is not."""
        if exception is None:
            self._lent.lender.refuse("invalidates the connection that holds the lock", "leave invalidate() away")
        super().invalidate(exception)


class Guest(Resident):
    """A connection as an engine gives it, on the lent one; what it ends is the transaction that it sees, never more."""

    __slots__ = ("_left", "_loan", "_options", "_savepoint", "place")

    def __init__(self, engine: LentEngine, host: sa.Connection) -> None:
        """Come in; in the middle of a revision with a savepoint, so that a rollback takes back the guest's work alone."""
        super().__init__(engine, host)
        self.place = engine.place
        self._left = False
        self._loan: Loan | None = None
        self._options = host.get_execution_options()
        self._savepoint: sa.NestedTransaction | None = None
        self._mark()

    @property
    def closed(self) -> bool:
        """Whether this guest has gone."""
        return self._left or super().closed

    def close(self) -> None:
        """Go, and take back what was not committed."""
        if self._left:
            return
        self._left, self._loan = True, None
        self._end(commit=False)
        self._lent.lender.leave(self, self._options)

    def begin(self) -> Loan:  # type: ignore[override] # it does what a RootTransaction does
        """Give what ends the guest's work; the first statement begins a transaction by itself."""
        self._loan = Loan(self)
        return self._loan

    def begin_twophase(self, xid: object = None) -> Loan:  # type: ignore[override] # likewise
        """Give the same: there is one database."""
        del xid
        return self.begin()

    def in_transaction(self) -> bool:
        """Whether this guest has begun one; the revision's own is not its business."""
        return self._loan is not None

    def get_transaction(self) -> Loan | None:  # type: ignore[override] # likewise
        """Give the one that this guest has begun."""
        return self._loan

    def commit(self) -> None:
        """Commit; in the middle of a revision leave that to the revision."""
        self._loan = None
        if self._lent.lender.running:
            self._end(commit=True)
            self._mark()
        else:
            super().commit()

    def rollback(self) -> None:
        """Roll back; in the middle of a revision only what this guest has done since it came or committed."""
        self._loan = None
        if self._lent.lender.running:
            self._end(commit=False)
            self._mark()
        else:
            super().rollback()

    def execution_options(self, **options: Any) -> Guest:  # noqa: ANN401 - SQLAlchemy's
        """Set options; how transactions are isolated only where there is none."""
        if "isolation_level" in options and super().in_transaction():
            self._lent.lender.refuse(
                f"wants isolation level {options['isolation_level']!r} in the middle of a transaction",
                "in a revision use op.get_context().autocommit_block(), elsewhere commit first",
            )
        super().execution_options(**options)
        return self

    def _rollback_impl(self) -> None:
        """Do nothing about an error where the revision, or the guest itself, has a transaction to be rolled back."""
        if not super().in_transaction():
            super()._rollback_impl()

    def _autobegin(self) -> None:
        """Begin for real: by way of `begin` as everywhere else, nothing would."""
        self._lent.lender.need()._autobegin()  # noqa: SLF001 - the same method of the connection

    def _mark(self) -> None:
        """Set a savepoint where the revision has a transaction; there is none in an autocommit block."""
        level = self.get_execution_options().get("isolation_level")
        if self._lent.lender.running and super().in_transaction() and level != "AUTOCOMMIT":
            self._savepoint = self.begin_nested()

    def _end(self, *, commit: bool) -> None:
        found, self._savepoint = self._savepoint, None
        if found is None or not found.is_active:
            return
        try:
            (found.commit if commit else found.rollback)()
        except sa.exc.DBAPIError:
            # where DDL commits, the savepoint went with the first one of this guest
            if backend_of(self.dialect).traits.transactional_ddl:
                raise
            found.rollback()  # sends nothing more, and is over


class Loan:
    """A transaction as a guest has it: it ends with its guest's commit or rollback."""

    def __init__(self, guest: Guest) -> None:
        """Belong to a guest."""
        self.connection = guest

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.connection.get_transaction() is self

    is_valid = is_active

    def commit(self) -> None:
        """Commit."""
        if self.is_active:
            self.connection.commit()

    def rollback(self) -> None:
        """Roll back."""
        if self.is_active:
            self.connection.rollback()

    close = rollback

    def prepare(self) -> None:
        """Do nothing: there is nobody to agree with."""

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        """Commit what went well."""
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return False


class RawGuest:
    """The driver's connection as `raw_connection()` gives it; closing it gives nothing back."""

    def __init__(self, engine: LentEngine) -> None:
        """Belong to an engine."""
        self._lender = engine.lender
        self._given: Any = engine.lender.need().connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the driver's own
        return getattr(self._given, name)

    def commit(self) -> None:
        """Commit; in the middle of a revision leave that to the revision."""
        if not self._lender.running:
            self._given.commit()

    def rollback(self) -> None:
        """Roll back; a revision that has begun cannot be rolled back in part here."""
        if self._lender.running:
            self._lender.refuse(
                "rolls back on the driver's connection in the middle of a revision",
                "use engine.connect(), whose rollback takes back its own work alone",
            )
        self._given.rollback()

    def close(self) -> None:
        """Take back what was not committed."""
        if not self._lender.running:
            self._given.rollback()


class LentEngine(sa.Engine):
    """An engine that opens no connection: all that it gives is on the lent one."""

    guest: type[Guest] = Guest

    def __init__(self, lender: Lender, place: Hashable = None, *, options: Mapping[str, Any] | None = None) -> None:
        """Lend on somebody's behalf.

        Args:
            lender: what lends.
            place: the database that whoever made the engine wanted.
            options: execution options of all connections.
        """
        super().__init__(NullPool(self._no_connection), lender.dialect, lender.url, hide_parameters=True)
        self.lender = lender
        self.place = place
        self._execution_options = sa.util.immutabledict(options or {})
        if lender.host is not None:
            # what listens here hears what guests do; of the connection's own making nothing is heard: it has been made
            self.dispatch = lender.host.engine.dispatch
        self._has_events = True

    def _no_connection(self) -> NoReturn:
        self.lender.refuse("asks a lent engine's pool for a connection", "use engine.connect()")

    def connect(self) -> Guest:
        """Give a guest."""
        guest = self.guest(self, self.lender.need())
        self.lender.admit(guest, self.place)
        if self._execution_options:
            guest.execution_options(**self._execution_options)
        return guest

    def raw_connection(self) -> Any:  # noqa: ANN401 - the driver's
        """Give the driver's connection."""
        return RawGuest(self)

    def dispose(self, close: bool = True) -> None:  # noqa: FBT001, FBT002 - SQLAlchemy's signature
        """Do nothing: there is no pool."""

    def execution_options(self, **options: Any) -> LentEngine:  # type: ignore[override] # noqa: ANN401 - SQLAlchemy's
        """Give an engine whose guests have these options."""
        return type(self)(self.lender, self.place, options={**self._execution_options, **options})

    def update_execution_options(self, **options: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        """Give later guests these options."""
        self._execution_options = sa.util.immutabledict({**self._execution_options, **options})
