"""Databases of services: made where they are missing, dropped where that is asked for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.errors import ConfigurationError, CreateRefusedError, DatabaseMissingError, DbkitError

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig

# PostgreSQL copies template0, which another CREATE DATABASE may have in use for a moment (55006).
ATTEMPTS = 20
PAUSE_S = 0.25

__all__ = ["create_missing", "database_name", "drop_existing", "exists"]


def database_name(config: DatabaseConfig) -> str:
    """Name a service's database: the file's path where the backend is a file."""
    file = get_backend(config.backend).traits.file_based
    return str(config.sqlite_path if file else config.database)


def exists(config: DatabaseConfig) -> bool:
    """Whether the database is there; nothing is created by looking.

    Raises:
        UnreachableError: the server does not answer, or refuses the log-in.
    """
    if get_backend(config.backend).traits.file_based:
        return Path(database_name(config)).exists()
    from dbkit.config.connect import connect

    try:
        with connect(config):
            return True
    except DatabaseMissingError:
        return False


def create_missing(config: DatabaseConfig) -> bool:
    """Make the database; True when this call made it, False when another run was faster.

    Raises:
        CreateRefusedError: the account may not; the hint holds the SQL for an administrator.
        UnreachableError: the server does not answer.
    """
    backend = get_backend(config.backend)
    name = database_name(config)
    _refuse_bad_name(config)
    if backend.traits.file_based:
        from dbkit.config.connect import connect

        with connect(config, migrating=True) as connection:
            # An empty write makes SQLite create the file; opening alone does not.
            connection.exec_driver_sql("PRAGMA user_version = 0")
            connection.commit()
        return True
    return _execute(config, backend.ddl.create_database(name, None), done=Fault.DATABASE_EXISTS)


def drop_existing(config: DatabaseConfig) -> bool:
    """Drop the database with all that is in it; False when there was none.

    Raises:
        CreateRefusedError: the account may not.
        UnreachableError: the server does not answer.
    """
    backend = get_backend(config.backend)
    name = database_name(config)
    _refuse_bad_name(config)
    if backend.traits.file_based:
        found = Path(name).exists()
        for suffix in ("", "-wal", "-shm", "-journal"):  # the lock's file stays: somebody may be waiting on it
            Path(f"{name}{suffix}").unlink(missing_ok=True)
        return found
    return _execute(config, backend.ddl.drop_database(name), done=Fault.NO_DATABASE)


def _refuse_bad_name(config: DatabaseConfig) -> None:
    name = database_name(config)
    if reason := get_backend(config.backend).ddl.refuse_name(name):
        raise ConfigurationError(f"database name {name!r} is not allowed: {reason}", hint="set DATABASE_NAME")


def _execute(config: DatabaseConfig, statement: str, *, done: Fault) -> bool:
    """Run a statement outside of the database; False where it turns out to be done already."""
    import sqlalchemy as sa

    from dbkit.config.connect import connect

    errors = get_backend(config.backend).errors
    with connect(config, database=False) as opened:
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
    if fault is Fault.NOT_ALLOWED:
        return CreateRefusedError(
            f"user {config.user!r} may not create or drop database {name!r}: {message}",
            hint=f"have an administrator run: {statement};",
        )
    return DbkitError(f"database {name!r}: {message}", hint=f"the statement was: {statement}")
