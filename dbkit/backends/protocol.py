"""What a backend is: its constants, and the parts that connect, encode, define, lock and explain.

A backend is split by concern, so that what one database does differently is found by name. The parts are imported when
they are asked for: reading a configuration needs the traits alone and imports no SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dbkit.backends.kinds import Kind

if TYPE_CHECKING:
    import ssl
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
    "Endpoint",
    "Errors",
    "Fault",
    "Kind",
    "Lock",
    "Locker",
    "ServerFacts",
    "TlsPlan",
    "Traits",
]

API_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Constants of a backend. Each fact's source stands where the backend sets it."""

    title: str
    """The name as people write it: `PostgreSQL`."""
    extra: str | None
    """The extra of dbkit that brings the driver; None where Python has it."""
    driver: str
    """The driver that is used when none is asked for."""
    scheme: str
    """What stands before `+driver` in an SQLAlchemy URL."""
    schemes: tuple[str, ...]
    """Other spellings of the scheme that people write in a DATABASE_URL."""
    port: int | None
    """The server's usual port; None where there is no server."""
    file_based: bool = False
    """The database is a file on this machine: no host, no user, no TLS."""
    transactional_ddl: bool = False
    """A failed revision leaves nothing behind."""
    enforces_checks: bool = True
    """A CHECK constraint is enforced with the server's default settings."""
    alters_columns: bool = True
    """A column is altered in place; False where Alembic's batch mode builds the table anew."""
    name_limit: int = 64
    """The longest database name, in characters (PostgreSQL: bytes)."""
    passwords_in_url: Literal["any", "ascii"] = "any"
    """Which passwords the driver takes from a bare URL without changing them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What one server is, read once per engine, or given offline as `tidb@8.5`."""

    flavour: str
    """The name of the backend that the server really is."""
    version: tuple[int, ...]
    """The product's own version: (8, 5, 3) for TiDB v8.5.3, never the MySQL version that it claims."""
    text: str
    """The version as the server words it."""
    tier: str | None = None
    """The managed tier, such as `serverless`, where the server says so."""
    switches: Mapping[str, str] = field(default_factory=dict)
    """Settings that change what SQL means, such as `tidb_enable_check_constraint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPlan:
    """How the connection is protected, decided by the configuration and emitted by the backend.

    `mode` is `verify` (certificate and host name), `ca` (certificate only), `encrypt` (neither), `off` (clear text).
    """

    mode: Literal["verify", "ca", "encrypt", "off"]
    ca_file: str | None = None
    """The concrete bundle; never None in the modes `verify` and `ca`."""

    def context(self) -> ssl.SSLContext:
        """Build the client's SSLContext, TLS 1.2 at least; only where the mode is not `off`."""
        import ssl

        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.mode != "verify":
            context.check_hostname = False
        if self.mode == "encrypt":
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Everything a backend needs to connect, and nothing of where it was configured."""

    driver: str
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    """The Unix socket: a directory for PostgreSQL, a file for the MySQL family."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    """The database's name; the file's path where the backend is file based; None to connect to none."""
    tls: TlsPlan = field(default_factory=lambda: TlsPlan(mode="off"))
    connect_timeout_s: float = 10.0
    application_name: str = "dbkit"
    query: Mapping[str, str] = field(default_factory=dict)
    """Driver options from DATABASE_URL that dbkit has no word for; never about TLS."""


class Fault(StrEnum):
    """What a driver's error means, whatever the driver calls it."""

    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login_refused"
    TLS_REFUSED = "tls_refused"
    NO_DATABASE = "no_database"
    DATABASE_EXISTS = "database_exists"
    NOT_ALLOWED = "not_allowed"
    CONNECTION_LOST = "connection_lost"
    LOCK_TIMEOUT = "lock_timeout"
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
    """How a backend is reached, and what a session is set to."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build a URL, password included, that verifies TLS even under a bare `create_engine`.

        Raises ConfigurationError where the driver cannot do that from a URL, naming the method that can.
        """
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

    @property
    def connector(self) -> Connector:
        """How it is reached."""
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
