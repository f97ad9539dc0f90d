"""Databases of services: made where they are missing, dropped where that is asked for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dbkit.backends import backend_of, get_backend
from dbkit.backends.optional import Filed, Schemed
from dbkit.backends.protocol import Fault
from dbkit.errors import ConfigurationError, CreateRefusedError, DatabaseMissingError, DbkitError, UnreachableError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.config import DatabaseConfig
    from dbkit.revisions.layout import Layout

# PostgreSQL copies template0, which another CREATE DATABASE may have in use for a moment (55006).
ATTEMPTS = 20
PAUSE_S = 0.25
# The one folder that is made when a database is first opened, for the default path.
OWN_FOLDER = ".dbkit"

__all__ = [
    "create_missing",
    "database_name",
    "drop_existing",
    "exists",
    "has_schema",
    "is_ready",
    "make_version_schema",
    "place_of",
]


def database_name(config: DatabaseConfig) -> str:
    """Name a service's database: the file's path where the backend is a file."""
    file = get_backend(config.backend).traits.file_based
    return str(config.sqlite_path if file else config.database)


def place_of(config: DatabaseConfig) -> str:
    """Name a service's database, and its schema where it is to have one of its own, for people."""
    name = repr(database_name(config))
    return name if _schema_sql(config) is None else f"{name} or its schema {config.schema!r}"


def exists(config: DatabaseConfig) -> bool:
    """Whether the database is there; nothing is created by looking.

    Raises:
        UnreachableError: the server does not answer, or refuses the log-in.
    """
    if get_backend(config.backend).traits.file_based:
        return _file_exists(Path(database_name(config)))
    from dbkit.config.connect import connect

    try:
        with connect(config):
            return True
    except DatabaseMissingError:
        return False


def is_ready(config: DatabaseConfig) -> bool:
    """Whether the database is there, with the schema that it is to have; nothing is created by looking.

    Raises:
        UnreachableError: the server does not answer, or refuses the log-in.
    """
    if _schema_sql(config) is None:
        return exists(config)
    from dbkit.config.connect import connect

    try:
        with connect(config) as connection:
            return has_schema(connection, config)
    except DatabaseMissingError:
        return False


def has_schema(connection: sa.Connection, config: DatabaseConfig) -> bool:
    """Whether the schema that the tables are to be in is there; True where none is configured."""
    if _schema_sql(config) is None:
        return True
    import sqlalchemy as sa

    found = sa.inspect(connection).has_schema(str(config.schema))
    connection.rollback()
    return found


def _schema_sql(config: DatabaseConfig) -> str | None:
    """Word the making of the configured schema; None where there is none to make."""
    ddl = get_backend(config.backend).ddl
    return ddl.create_schema(config.schema) if config.schema is not None and isinstance(ddl, Schemed) else None


def _file_exists(path: Path) -> bool:
    if str(path) == ":memory:":
        raise ConfigurationError(
            "a database in memory ends with the process that has it, so there is nothing to migrate",
            hint="set DATABASE_SQLITE_PATH to a file",
        )
    if path.exists():
        return True
    if not path.parent.is_dir() and path.parent.name != OWN_FOLDER:
        raise UnreachableError(
            f"cannot open {str(path)!r}: there is no folder {str(path.parent)!r}",
            hint="make it, or check DATABASE_SQLITE_PATH",
        )
    return False


def create_missing(config: DatabaseConfig) -> bool:
    """Make the database, and the schema that it is to have; True when this call made one of them, False when another run was faster.

    Raises:
        CreateRefusedError: the account may not; the hint holds the SQL for an administrator.
        UnreachableError: the server does not answer.
    """
    backend = get_backend(config.backend)
    name = database_name(config)
    refuse_bad_name(config)
    if backend.traits.file_based:
        from dbkit.config.connect import connect

        with connect(config, migrating=True) as connection:
            connection.exec_driver_sql(_filed(config).write_file())
            connection.commit()
        return True
    statement, schema = backend.ddl.create_database(name, config.collation), _schema_sql(config)
    if schema is None:
        return _execute(config, statement, done=Fault.DATABASE_EXISTS)
    # the right to make databases is not needed for a schema in one that is there
    made = not exists(config) and _execute(config, statement, done=Fault.DATABASE_EXISTS)
    if not is_ready(config):
        made = _execute(config, schema, done=Fault.DATABASE_EXISTS, inside=True) or made
    return made


def drop_existing(config: DatabaseConfig) -> bool:
    """Drop the database with all that is in it; False when there was none.

    Where a schema is configured, it alone is dropped: the rest of the database is somebody else's.

    Raises:
        CreateRefusedError: the account may not.
        UnreachableError: the server does not answer.
    """
    backend = get_backend(config.backend)
    name = database_name(config)
    refuse_bad_name(config)
    if not is_ready(config):
        return False
    from dbkit.config.connect import connect

    ddl = backend.ddl

    # Opening it proves that it is a database, and nobody may be migrating it.
    with (
        connect(config, migrating=True) as connection,
        backend.locker.lock(connection, patience_s=0, on_wait=lambda: None),
    ):
        if backend.traits.file_based:
            _probe(config, connection)
            _unlink(name, _filed(config).beside)
            return True
        if config.schema is not None and isinstance(ddl, Schemed):
            return _drop_schema(config, connection, ddl.drop_schema(config.schema))
    return _execute(config, backend.ddl.drop_database(name), done=Fault.NO_DATABASE)


def make_version_schema(connection: sa.Connection, layout: Layout) -> None:
    """Make the schema that the version table is to be in, where it is missing: an env.py that is not run may have done so.

    A transaction that is open stays so.

    Raises:
        CreateRefusedError: the account may not; the hint holds the SQL for an administrator.
        DatabaseMissingError: a schema is a database of its own here, which is not made by the way.
    """
    if layout.version_schema is None:
        return
    opened = not connection.in_transaction()
    try:
        _make_schema(connection, layout, layout.version_schema)
        if opened:
            connection.commit()
    finally:
        if opened:
            connection.rollback()


def _make_schema(connection: sa.Connection, layout: Layout, schema: str) -> None:
    import sqlalchemy as sa

    if sa.inspect(connection).has_schema(schema):
        return
    backend = backend_of(connection.dialect)
    what = f"the schema {schema!r} for the version table of service {layout.service!r}"
    if not isinstance(backend.ddl, Schemed):
        raise DatabaseMissingError(f"{what} is not there", hint="make it, or have a before_migrate hook make it")
    statement = backend.ddl.create_schema(schema)
    try:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    except sa.exc.DBAPIError as error:
        if backend.errors.fault(error) is not Fault.NOT_ALLOWED:
            raise
        said = backend.errors.message(error)
        raise CreateRefusedError(
            f"{what} cannot be made: {said}", hint=f"have an administrator run: {statement};"
        ) from None


def _filed(config: DatabaseConfig) -> Filed:
    return cast("Filed", get_backend(config.backend).ddl)


def _drop_schema(config: DatabaseConfig, connection: sa.Connection, statement: str) -> bool:
    """Drop it under the lock, which is held in the same database."""
    import sqlalchemy as sa

    errors = get_backend(config.backend).errors
    try:
        connection.exec_driver_sql(statement)
        connection.commit()
    except sa.exc.DBAPIError as error:
        raise _refused(config, statement, fault=errors.fault(error), message=errors.message(error)) from error
    return True


def _probe(config: DatabaseConfig, connection: sa.Connection) -> None:
    """Read from the file: whatever is no database is not ours to delete."""
    import sqlalchemy as sa

    try:
        connection.exec_driver_sql(_filed(config).read_file())
    except sa.exc.DBAPIError as error:
        said = get_backend(config.backend).errors.message(error)
        raise UnreachableError(
            f"{database_name(config)!r} is not deleted: {said}", hint="check DATABASE_SQLITE_PATH"
        ) from None


def _unlink(name: str, beside: tuple[str, ...]) -> None:
    try:
        for suffix in ("", *beside):  # the lock's file stays: somebody may be waiting on it
            Path(f"{name}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise DbkitError(f"{name!r} cannot be deleted: {error.strerror}", hint="check who may write there") from None


def refuse_bad_name(config: DatabaseConfig) -> None:
    """Refuse what no database of a service may be called.

    Raises:
        ConfigurationError: it is no plain name, or the server's own database.
    """
    name = database_name(config)
    if reason := get_backend(config.backend).ddl.refuse_name(name):
        raise ConfigurationError(f"database name {name!r} is not allowed: {reason}", hint="set DATABASE_NAME")


def _execute(config: DatabaseConfig, statement: str, *, done: Fault, inside: bool = False) -> bool:
    """Run a statement outside of the database, or inside; False where it turns out to be done already."""
    import sqlalchemy as sa

    from dbkit.config.connect import connect

    errors = get_backend(config.backend).errors
    with connect(config, database=inside) as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        for attempt in range(1, ATTEMPTS + 1):
            try:
                connection.exec_driver_sql(statement.replace("%", "%%"))
            except sa.exc.DBAPIError as error:
                fault = errors.fault(error)
                if fault is done:
                    return False
                if fault is not Fault.LOCK_TIMEOUT or attempt == ATTEMPTS:
                    raise _refused(config, statement, fault=fault, message=errors.message(error)) from error
                time.sleep(PAUSE_S)
            else:
                return True
    raise AssertionError  # the loop returns or raises


def _refused(config: DatabaseConfig, statement: str, *, fault: Fault, message: str) -> DbkitError:
    name = database_name(config)
    what = f"schema {config.schema!r} in database" if statement == _schema_sql(config) else "database"
    if fault is Fault.NOT_ALLOWED:
        return CreateRefusedError(
            f"user {config.user!r} may not create or drop {what} {name!r}: {message}",
            hint=f"have an administrator run: {statement};",
        )
    return DbkitError(f"{what} {name!r}: {message}", hint=f"the statement was: {statement}")
