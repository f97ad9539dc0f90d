"""What a backend is: its constants, and the parts that connect, encode, define, lock and explain.

A backend is split by concern, so that what one database does differently is found by name. The parts are imported when
they are asked for: reading a configuration needs the traits alone and imports no SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from dbkit.backends.endpoint import Endpoint, TlsPlan
from dbkit.backends.kinds import Kind
from dbkit.backends.traits import Driver, ServerFacts, Traits

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import sqlalchemy as sa
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.types import TypeEngine

__all__ = [
    "Backend",
    "Codec",
    "Codecs",
    "Connector",
    "Ddl",
    "Default",
    "Demand",
    "Driver",
    "Endpoint",
    "Errors",
    "Examiner",
    "Fault",
    "Grant",
    "GrantPlace",
    "Grants",
    "Kind",
    "Lock",
    "Locker",
    "Observation",
    "Role",
    "ServerFacts",
    "TlsPlan",
    "Traits",
    "Verdict",
]

API_VERSION = 1


class Fault(StrEnum):
    """What a driver's error means, whatever the driver calls it."""

    UNREACHABLE = "unreachable"
    TURNED_AWAY = "turned_away"
    """The server is there, and takes no more connections or none from here."""
    LOGIN_REFUSED = "login_refused"
    TLS_REFUSED = "tls_refused"
    NO_DATABASE = "no_database"
    DATABASE_EXISTS = "database_exists"
    NOT_ALLOWED = "not_allowed"
    CONNECTION_LOST = "connection_lost"
    LOCK_TIMEOUT = "lock_timeout"
    NO_TABLE = "no_table"
    CONFLICT = "conflict"
    """Two transactions stood in each other's way; run again, it may do."""
    DUPLICATE = "duplicate"
    REFERENCE = "reference"
    """A row refers to one that is not there, or is referred to by one that is."""
    READ_ONLY = "read_only"
    STORAGE_FULL = "storage_full"
    DAMAGED = "damaged"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How a backend keeps one kind: the column, and the way in and out of it.

    `bind` takes a value that the portable type has already accepted; both may be None where nothing has to be done.
    """

    column: TypeEngine[Any]
    bind: Callable[[Any], Any] | None = None
    result: Callable[[Any], Any] | None = None
    check: str | None = None
    """A CHECK that belongs to the column, `{column}` standing for its quoted name."""
    operand: str | None = None
    """How a value is worded that the column is compared with, `{value}` standing for it; None where it stands as it is."""


class Default(StrEnum):
    """Server defaults that mean the same on every backend."""

    NOW = "now"
    EMPTY_OBJECT = "empty_object"
    EMPTY_ARRAY = "empty_array"


class Codecs(Protocol):
    """How a backend keeps each kind, and what its columns default to."""

    def codec(self, kind: Kind) -> Codec:
        """Answer how this kind is kept. Raises TypeRefusedError where it cannot be."""
        ...

    def default(self, default: Default, kind: Kind) -> str:
        """Word a server default as it stands behind DEFAULT, for a column of this kind."""
        ...

    def literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word a value as a constant in a statement, for a column of this kind."""
        ...

    def default_literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word a value as a constant behind DEFAULT, where some servers take less than in a statement."""
        ...


class Connector(Protocol):
    """How a backend is reached with one driver, and what a session is set to.

    An asynchronous driver's connection comes in SQLAlchemy's adapter, whose cursor is used as any other.
    """

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL, password included, that verifies TLS even under a bare `create_engine`.

        Raises ConfigurationError where the driver cannot do that from a URL, naming the method that can.
        """
        ...

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the URL of an engine that is given `connect_args` beside it, so that it need not verify by itself."""
        ...

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Build the driver's arguments beside the URL's own; no password among them."""
        ...

    def password(self, password: str) -> str | bytes:
        """Encode the password as the driver must be given it."""
        ...

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Set the session: UTC, strictness, character set; best effort where a server forbids a statement."""
        ...

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Tell whether this connection is encrypted, by the driver's own word or the server's."""
        ...

    def flavour(self, connection: DBAPIConnection) -> str:
        """Name the backend that the server really is, by its greeting where it has one: this is asked for every connection."""
        ...

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read what the server is."""
        ...

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Give the number of the connection's socket, by which another thread can shut a hung one; None where it has none."""
        ...

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Hang what the backend needs on an engine, such as SQLite's BEGIN; `migrating` where DDL is to be run."""
        ...


class Errors(Protocol):
    """What the driver's errors mean."""

    def fault(self, error: BaseException) -> Fault:
        """Classify a driver's error (or SQLAlchemy's wrapper of it) by its code, never by its class."""
        ...

    def message(self, error: BaseException) -> str:
        """Word a driver's error in one line, without the tuple around it."""
        ...


class Ddl(Protocol):
    """Databases, and how the server words what it holds."""

    def create_database(self, name: str, collation: str | None) -> str:
        """Word CREATE DATABASE."""
        ...

    def drop_database(self, name: str) -> str:
        """Word DROP DATABASE."""
        ...

    def maintenance_database(self) -> str | None:
        """Name the database to be connected to while another is created; None for none at all."""
        ...

    def refuse_name(self, name: str) -> str | None:
        """Say why this cannot be a database's name, or None where it can."""
        ...

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling, so that what was asked and what is there compare equal."""
        ...

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling, likewise."""
        ...

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles SQL without a server, for this version where one is given."""
        ...


class Lock(Protocol):
    """A migration lock that is held."""

    def before_statement(self, statement: str) -> None:
        """Prove that the lock is still ours, and note what is about to be sent. Raises LeaseLostError."""
        ...


class Locker(Protocol):
    """The lock that keeps two runs out of one database, held by the migration's own connection."""

    def lock(
        self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]
    ) -> AbstractContextManager[Lock]:
        """Take the lock of the connection's database, waiting at most `patience_s` seconds (0: not at all).

        `on_wait` is called again and again while somebody else holds it, and may raise to give up. Leaves the connection without an
        open transaction. Raises LockedError, naming the holder where it is known.
        """
        ...


class Role(StrEnum):
    """What an account is for."""

    SERVICE = "service"
    """It reads and writes rows."""
    MIGRATION = "migration"
    """It changes the schema as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right that an account needs."""

    sql: str
    """The statement that gives it, without a semicolon."""
    purpose: str
    """What does not work without it, as it stands in a sentence: `INSERT into its tables`."""
    database: str | None = None
    """The database to be connected to when it is run; None where any will do."""
    only_for: str | None = None
    """The one command that needs it, where the others do without: `create`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPlace:
    """Where rights are needed, and by whom."""

    database: str
    schema: str | None = None
    service_account: str
    migration_account: str
    """The same as the service's where one account does both."""
    client_host: str = "%"
    """From where the MySQL family's accounts log in."""
    tls: bool = True
    """Whether the accounts log in over verified TLS, so that a log-in in clear can be refused to them."""
    version_table: str | None = None
    """The table that says which revisions are applied, which a service may read and not write; None where it is not known."""
    version_schema: str | None = None
    """The schema of that table, where it is one of its own."""

    def account(self, role: Role) -> str:
        """Give the account that has this role."""
        return self.service_account if role is Role.SERVICE else self.migration_account


class Grants(Protocol):
    """Which rights accounts need, by least privilege."""

    def script(self, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Word all that gives one account what it needs, in order; what is taken from everybody (REVOKE … FROM PUBLIC) too."""
        ...

    def missing(self, connection: sa.Connection, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Tell which of these the connected account does not have; those that cannot be seen count as there."""
        ...


class Verdict(StrEnum):
    """How something that was seen is to be taken."""

    OK = "ok"
    ADVICE = "advice"
    """It works, and could be better."""
    PROBLEM = "problem"
    """It will fail, lose data or be unsafe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing that was seen on a server."""

    check: str
    """A stable name with dots, such as `session.time_zone`."""
    verdict: Verdict
    message: str
    """What is so, in one line, with the value."""
    hint: str | None = None
    """What to do, where the verdict is not `ok`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a service asks of its server, for the server's limits to be held against."""

    connections: int
    """How many connections all of its processes may open together."""
    together: int
    """How many all services on this server may open."""
    idle_s: int
    """How long a connection may lie idle in a pool, in seconds; -1 for as long as it likes."""


class Examiner(Protocol):
    """What is to be seen on a server of this kind, and how it is to be taken."""

    def reading(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Give the driver's options under which looking writes nothing, no file beside the database's either; none for a server."""
        ...

    def examine(self, connection: sa.Connection, endpoint: Endpoint, demand: Demand) -> Iterator[Observation]:
        """Look at version, character set, collation, time zone, limits and switches; reads only, and ends no transaction."""
        ...


class Backend(Protocol):
    """One database product."""

    @property
    def api_version(self) -> int:
        """The version of this protocol that the backend was written for: 1."""
        ...

    @property
    def name(self) -> str:
        """The word for it in DATABASE_TYPE, marks, extras and output."""
        ...

    @property
    def traits(self) -> Traits:
        """Its constants."""
        ...

    def connector(self, driver: str = "") -> Connector:
        """How it is reached with a driver of `traits.drivers`; with its own where none is named."""
        ...

    @property
    def codecs(self) -> Codecs:
        """How it keeps values."""
        ...

    @property
    def errors(self) -> Errors:
        """What its driver's errors mean."""
        ...

    @property
    def ddl(self) -> Ddl:
        """Its databases and wording."""
        ...

    @property
    def locker(self) -> Locker:
        """Its migration lock."""
        ...

    @property
    def grants(self) -> Grants:
        """What its accounts need."""
        ...

    @property
    def examiner(self) -> Examiner:
        """What is to be seen on its servers."""
        ...
