"""How one connection is made: the password asked for at that moment, TLS and the server's kind proved, the session set up."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.marks import mark, network_fault
from dbkit.backends.optional import StandIn
from dbkit.backends.protocol import Backend, Connector, Endpoint, Fault
from dbkit.config.passwords import current_password, current_password_async, renewable
from dbkit.config.redact import redact
from dbkit.config.secrets import Secret
from dbkit.deadlines import aside, current_watch
from dbkit.errors import (
    BackendMismatchError,
    ConfigurationError,
    DbkitError,
    FallbackForeignError,
    TlsRefusedError,
    UnreachableError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPIModule

    from dbkit.config.model import DatabaseConfig

# The folder of the default path is made; any other is the user's to make, because a wrong path must not grow folders.
OWN_FOLDER = ".dbkit"
# Where drivers put the code of an error beside its words.
_CODES: Final = ("pgcode", "sqlstate", "sqlite_errorcode")

Dialled = tuple["DBAPIConnection | None", BaseException | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialler:
    """Makes the driver connections of one engine."""

    backend: Backend
    connector: Connector
    endpoint: Endpoint
    """Where to, without the password."""
    config: DatabaseConfig
    """Whose password is asked for."""

    def connect(  # noqa: PLR0917 - SQLAlchemy's event
        self, dialect: sa.Dialect, record: object, cargs: list[Any], cparams: dict[str, Any]
    ) -> DBAPIConnection:
        """Connect, and prove TLS and the server's kind: SQLAlchemy's `do_connect`."""
        del record
        watch = current_watch()
        if watch is not None:
            watch.check()  # SQLAlchemy connects anew where the ping of a pooled connection failed
            watch.begin()
            watch.stage = f"connecting to {self.config.address or self.endpoint.database}"
        if self.backend.traits.file_based:
            make_own_folder(self.endpoint.database or "")
        connection, error = self._dial_again(dialect, cargs, cparams)
        if connection is None:
            # raised here, where no frame holds the password and no `except` is open, so that nothing is chained to it
            raise error or UnreachableError(f"the driver gave no connection to {self.config.address}")
        return connection

    def set_up(self, connection: DBAPIConnection, record: object) -> None:
        """Set the session up: SQLAlchemy's `connect`, for every connection that is new."""
        del record
        try:
            self.connector.set_up(connection, self.endpoint)
        except BaseException as error:
            stronger = _closed(connection, error)  # the pool does not close it: it has not got it yet
            if stronger is not error:
                raise stronger from None
            raise

    def _dial_again(self, dialect: sa.Dialect, cargs: list[Any], cparams: dict[str, Any]) -> Dialled:
        """Give a connection or an error; a refused password that may have just been replaced is asked for once more."""
        password = self._password(dialect)
        connection, error = self._dial(dialect, cargs, cparams, password=password)
        if error is None or not renewable(self.config) or self.backend.errors.fault(error) is not Fault.LOGIN_REFUSED:
            return connection, error
        renewed = self._password(dialect)
        # the same password again would only count towards locking the account
        return (connection, error) if renewed == password else self._dial(dialect, cargs, cparams, password=renewed)

    def _password(self, dialect: sa.Dialect) -> Secret | None:
        if not dialect.is_async:
            return current_password(self.config)
        from sqlalchemy.util import await_only

        return await_only(current_password_async(self.config))

    def _dial(
        self, dialect: sa.Dialect, cargs: list[Any], cparams: dict[str, Any], *, password: Secret | None
    ) -> Dialled:
        """Give a connection or an error; the frames that hold the password end here."""
        connection = None
        try:
            login = {} if password is None else {"password": self.connector.password(password.reveal())}
            connection = _connected(dialect, cargs, {**cparams, **login})
            self._guard(connection)
            self._prove(connection)
        except BaseException as error:  # noqa: BLE001 - whatever it is, its frames hold the password
            return None, self._fresh(_closed(connection, error), dialect)
        return connection, None

    def _guard(self, connection: DBAPIConnection) -> None:
        watch = current_watch()
        fd = None if watch is None else self.connector.socket_fd(connection)
        if watch is not None and fd is not None:
            watch.guard(fd)

    def _prove(self, connection: DBAPIConnection) -> None:
        if self.endpoint.tls.mode != "off" and not self.connector.encrypted(connection):
            raise TlsRefusedError(
                f"the connection to {self.config.address} is not encrypted", hint="switch TLS on at the server"
            )
        found = self.connector.flavour(connection)
        if found != self.backend.name:
            raise BackendMismatchError(
                f"DATABASE_TYPE is {self.backend.name!r}, but the server at {self.config.address} is {found!r}",
                hint=f"set DATABASE_TYPE={found}",
            )
        if self.config.environment == "production":
            self._refuse_stand_in(connection)

    def _refuse_stand_in(self, connection: DBAPIConnection) -> None:
        """Refuse a file whose rows are for development, whoever has configured it as what."""
        found = self.connector.standing(connection) if isinstance(self.connector, StandIn) else None
        if found is not None:
            raise FallbackForeignError(
                f"{self.endpoint.database!r} stands in for {found.stands_in_for}, for development, and DBKIT_ENV is 'production'",
                hint="configure the server itself, or a file that was never a fallback",
            )

    def _fresh(self, error: BaseException, dialect: sa.Dialect) -> BaseException:
        """Make an error that says the same and holds nothing of the attempt; of one class, whichever driver failed."""
        if isinstance(error, DbkitError) or not isinstance(error, Exception):
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        fault = self.backend.errors.fault(error)
        fault = network_fault(error) or fault if fault is Fault.OTHER else fault
        kind = _kind(error, fault, dialect.loaded_dbapi)
        if kind is None:
            # a decoder's error shows what it could not decode
            said = "" if isinstance(error, UnicodeError) else f": {redact(str(error))}"
            return ConfigurationError(
                f"the driver {self.endpoint.driver} cannot connect to {self.config.address}: {type(error).__name__}{said}"
            )
        fresh = kind(*self._said(error, dialect.loaded_dbapi))
        mark(fresh, fault)
        for name in _CODES:
            code = getattr(error, name, None)
            if code is not None:
                with contextlib.suppress(AttributeError):  # some classes have it for all of their errors
                    setattr(fresh, name, code)
        return fresh

    def _said(self, error: Exception, dbapi: DBAPIModule) -> tuple[object, ...]:
        """Give the arguments of an error afresh: a driver's own as they are, any other as the words of it."""
        if not isinstance(error, dbapi.Error):
            return (redact(self.backend.errors.message(error)),)
        return tuple(
            redact(arg) if isinstance(arg, str) else arg for arg in error.args if not isinstance(arg, BaseException)
        )


def _connected(dialect: sa.Dialect, cargs: list[Any], cparams: dict[str, Any]) -> DBAPIConnection:
    """Have the driver connect; its handshake has no socket yet that another thread could shut."""
    watch = current_watch()
    if watch is None or not watch.dials_aside or dialect.is_async:
        return dialect.connect(*cargs, **cparams)
    return aside(partial(dialect.connect, *cargs, **cparams), watch=watch, late=lambda found: found.close())


def _kind(error: Exception, fault: Fault, dbapi: DBAPIModule) -> type[Exception] | None:
    """Choose the class of the error: what failed outside of us is an OperationalError, whatever the driver made of it."""
    if fault is Fault.OTHER:
        return type(error) if isinstance(error, dbapi.Error) else None
    return type(error) if isinstance(error, dbapi.OperationalError) else dbapi.OperationalError


def _closed(connection: DBAPIConnection | None, error: BaseException) -> BaseException:
    """Close a connection that failed; give its error, or what ends the work altogether."""
    try:
        if connection is not None:
            connection.close()
    except Exception:  # noqa: BLE001 - it says less than the error that came first
        return error
    except BaseException as stronger:  # noqa: BLE001 - raised by whoever called
        return stronger
    return error


def make_own_folder(path: str) -> None:
    """Make the folder of a file where it is that of the default path; any other is the user's to make."""
    folder = Path(path).parent
    if folder.name == OWN_FOLDER and folder.parent.is_dir():
        with contextlib.suppress(OSError):  # SQLite says better that it cannot open the file
            folder.mkdir(exist_ok=True)
