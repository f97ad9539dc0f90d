"""Engines and connections: the password is added when a connection is made, and no error carries it out."""

from __future__ import annotations

import contextlib
import os
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.backends.marks import mark
from dbkit.backends.protocol import Backend, Endpoint, Fault
from dbkit.config.redact import redact
from dbkit.config.secrets import Secret
from dbkit.config.tls_names import is_about_tls
from dbkit.errors import (
    BackendMismatchError,
    ConfigurationError,
    DatabaseMissingError,
    DbkitError,
    MissingDriverError,
    TlsRefusedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from dbkit.config.model import DatabaseConfig

# The folder of the default path is made; any other is the user's to make, because a wrong path must not grow folders.
OWN_FOLDER = ".dbkit"

# Engines of this process; a child of a fork must not use, nor close, its parent's connections.
_engines: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


def create_engine(config: DatabaseConfig, *, migrating: bool = False, **kw: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Make an engine whose URL holds no password; every connection is proved and set up before anybody gets it.

    Args:
        config: where to.
        migrating: for DDL: no pool, and what the backend needs for it.
        kw: passed on to `sqlalchemy.create_engine`, over dbkit's own.

    Raises:
        ConfigurationError: TLS is not allowed as configured, the CA cannot be used, or an argument would bypass it.
        MissingDriverError: the driver is not installed.
    """
    backend = get_backend(config.backend)
    endpoint = replace(config.endpoint(), password=None)
    asked = kw.pop("connect_args", {})
    bypass = sorted(name for name in (*kw, *asked) if is_about_tls(name) or name in {"creator", "pool", "password"})
    if bypass:
        raise ConfigurationError(
            f"argument {bypass[0]!r} would bypass the proof of TLS", hint="configure it by DATABASE_… keys"
        )
    try:
        engine = sa.create_engine(
            backend.connector().url(endpoint),
            connect_args={**backend.connector().connect_args(endpoint), **asked},
            **{"hide_parameters": True, **_pool_args(config, endpoint, no_pool=migrating or "poolclass" in kw), **kw},
        )
    except ImportError as error:
        raise _missing_driver(backend, error) from error
    dialler = Dialler(backend=backend, endpoint=endpoint, password=config.password, address=config.address or "")
    sa.event.listen(engine, "do_connect", dialler.connect)
    # on the pool, and after SQLAlchemy's own: its MySQL dialects send a SET NAMES that takes the collation back
    sa.event.listen(engine, "connect", dialler.set_up)
    backend.connector().engine_events(engine, migrating=migrating)
    _engines.add(engine)
    return engine


def connect(config: DatabaseConfig, *, database: bool = True, migrating: bool = False) -> sa.Connection:
    """Open one connection that owns its engine: closing it leaves nothing open.

    Args:
        config: where to.
        database: False to connect to the backend's maintenance database, or to none, instead of the configured one.
        migrating: for DDL.

    Raises:
        ConfigurationError: as in `create_engine`, or the server is of another kind than configured.
        UnreachableError: no answer, or log-in refused.
        TlsRefusedError: the certificate, or the lack of one, was refused.
        DatabaseMissingError: the server answers, but has no such database.
    """
    backend = get_backend(config.backend)
    if not database and not backend.traits.file_based:
        config = replace(config, database=backend.ddl.maintenance_database())
    engine = create_engine(config, migrating=migrating, poolclass=NullPool)
    try:
        return engine.connect()
    except sa.exc.DBAPIError as error:
        raise explain(config, error) from error


def explain(config: DatabaseConfig, error: BaseException) -> DbkitError:
    """Word the failure of a connection attempt: one line with the place, and a hint; nothing secret."""
    backend = get_backend(config.backend)
    title, place = backend.traits.title, config.address
    said = redact(backend.errors.message(error))
    if backend.traits.file_based:
        return UnreachableError(
            f"cannot open {config.database!r}: {said}", hint="check DATABASE_SQLITE_PATH and who may write there"
        )
    match backend.errors.fault(error):
        case Fault.TLS_REFUSED:
            return TlsRefusedError(
                f"TLS with {place} is refused: {said}",
                hint="name the CA that signed the server's certificate in DATABASE_SSL_CA, and the host as the certificate does",
            )
        case Fault.NO_DATABASE:
            return DatabaseMissingError(
                f"{title} at {place} has no database {config.database!r}", hint="dbkit create makes it"
            )
        case Fault.LOGIN_REFUSED:
            return UnreachableError(
                f"{title} at {place} refuses the log-in of {config.user!r}: {said}",
                hint="check DATABASE_USER and DATABASE_PASSWORD",
            )
        case Fault.NOT_ALLOWED:
            return UnreachableError(
                f"{title} at {place}: {config.user!r} may not use database {config.database!r}: {said}",
                # Without any right on it, the MySQL family does not tell whether the database is there (1044).
                hint="grant the right; if the database is missing, have an administrator run: "
                f"{backend.ddl.create_database(config.database or '', None)};",
            )
        case _:
            return UnreachableError(
                f"cannot reach {title} at {place}: {said}",
                hint="check DATABASE_HOST, DATABASE_PORT and DATABASE_TYPE, and that it runs",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialler:
    """Makes the driver connections of one engine."""

    backend: Backend
    endpoint: Endpoint
    """Where to, without the password."""
    password: Secret | None
    address: str

    def connect(  # noqa: PLR0917 - SQLAlchemy's event
        self, dialect: sa.Dialect, record: object, cargs: list[Any], cparams: dict[str, Any]
    ) -> DBAPIConnection:
        """Connect, and prove TLS and the server's kind: SQLAlchemy's `do_connect`."""
        del record
        if self.backend.traits.file_based:
            _make_own_folder(self.endpoint.database or "")
        connection, error = self._dial(dialect, cargs, cparams)
        if connection is None:
            # raised here, where no frame holds the password and no `except` is open, so that nothing is chained to it
            raise error or UnreachableError(f"the driver gave no connection to {self.address}")
        return connection

    def set_up(self, connection: DBAPIConnection, record: object) -> None:
        """Set the session up: SQLAlchemy's `connect`, for every connection that is new."""
        del record
        try:
            self.backend.connector().set_up(connection, self.endpoint)
        except BaseException:
            connection.close()  # the pool does not: it has not got it yet
            raise

    def _dial(
        self, dialect: sa.Dialect, cargs: list[Any], cparams: dict[str, Any]
    ) -> tuple[DBAPIConnection | None, BaseException | None]:
        """Give a connection or an error; the frames that hold the password end here."""
        connection = None
        try:
            login = (
                {} if self.password is None else {"password": self.backend.connector().password(self.password.reveal())}
            )
            connection = dialect.connect(*cargs, **cparams, **login)
            self._prove(connection)
        except BaseException as error:  # noqa: BLE001 - whatever it is, its frames hold the password
            if connection is not None:
                connection.close()
            return None, self._fresh(error, dialect)
        return connection, None

    def _prove(self, connection: DBAPIConnection) -> None:
        connector = self.backend.connector()
        if self.endpoint.tls.mode != "off" and not connector.encrypted(connection):
            raise TlsRefusedError(
                f"the connection to {self.address} is not encrypted", hint="switch TLS on at the server"
            )
        found = connector.flavour(connection)
        if found != self.backend.name:
            raise BackendMismatchError(
                f"DATABASE_TYPE is {self.backend.name!r}, but the server at {self.address} is {found!r}",
                hint=f"set DATABASE_TYPE={found}",
            )

    def _fresh(self, error: BaseException, dialect: sa.Dialect) -> BaseException:
        """Make an error that says the same and holds nothing of the attempt."""
        if isinstance(error, dialect.loaded_dbapi.Error):
            fresh: BaseException = type(error)(*(redact(arg) if isinstance(arg, str) else arg for arg in error.args))
            mark(fresh, self.backend.errors.fault(error))
            return fresh
        if isinstance(error, DbkitError) or not isinstance(error, Exception):
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        # a decoder's error shows what it could not decode
        said = "" if isinstance(error, UnicodeError) else f": {redact(str(error))}"
        kind = UnreachableError if isinstance(error, OSError) else ConfigurationError
        return kind(f"the driver {self.endpoint.driver} cannot connect to {self.address}: {type(error).__name__}{said}")


def _pool_args(config: DatabaseConfig, endpoint: Endpoint, *, no_pool: bool) -> dict[str, Any]:
    if no_pool:
        return {"poolclass": NullPool}
    if endpoint.database == ":memory:":
        return {}  # SQLAlchemy's own: every pool with more than one connection would hold several databases
    return {
        "pool_size": config.pool_size,
        "max_overflow": config.max_overflow,
        "pool_recycle": config.pool_recycle_s,
        "pool_pre_ping": True,
        # the connections least in use grow old and are let go
        "pool_use_lifo": True,
    }


def _missing_driver(backend: Backend, error: ImportError) -> MissingDriverError:
    hint = f"pip install 'dbkit[{backend.traits.extra}]'"
    if error.name is None:  # the module is there, and a library that it needs is not
        hint += "; the driver also needs the system's libraries, for pyodbc libodbc2 and libltdl7"
    return MissingDriverError(f"the driver of {backend.traits.title} cannot be loaded: {error}", hint=hint)


def _make_own_folder(path: str) -> None:
    folder = Path(path).parent
    if folder.name == OWN_FOLDER and folder.parent.is_dir():
        with contextlib.suppress(OSError):  # SQLite says better that it cannot open the file
            folder.mkdir(exist_ok=True)


def _forget_connections() -> None:
    for engine in list(_engines):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)
