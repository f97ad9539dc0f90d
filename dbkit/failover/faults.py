"""What goes wrong with the file that stands in for a server, as typed errors with a hint."""

from __future__ import annotations

import copy
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config.redact import redact
from dbkit.errors import (
    DbkitError,
    FallbackDamagedError,
    FallbackError,
    FallbackFullError,
    FallbackLockedError,
    FallbackMissingError,
    FallbackReadOnlyError,
)

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig

__all__ = ["fallback_error", "migrate_hint", "neither", "worded"]


# What the system says of files that stand beside it.
_SYSTEM: Final = {
    errno.ENOSPC: Fault.STORAGE_FULL,
    errno.EDQUOT: Fault.STORAGE_FULL,
    errno.EROFS: Fault.READ_ONLY,
    errno.EACCES: Fault.READ_ONLY,
    errno.EPERM: Fault.READ_ONLY,
}


def migrate_hint(service: str | None) -> str:
    """Name the command that makes the file, or brings it to head."""
    return f"run dbkit migrate --fallback dev {service or ''}".rstrip()


def neither(reason: str, error: DbkitError) -> DbkitError:
    """Word an error of the file for somebody who is to be told as well why it was looked at."""
    told = copy.copy(error)
    told.message = f"{reason}, and its fallback cannot be used: {error.message}"
    told.args = (told.message,)
    return told


def fallback_error(config: DatabaseConfig, error: BaseException) -> FallbackError | None:
    """Word an error of the file; None where it is none of the file's own, but of what it was asked.

    Args:
        config: that of a file which stands in for a server.
        error: the driver's, SQLAlchemy's wrapper of it, or the system's about a file beside it.
    """
    errors = get_backend(config.backend).errors
    path = Path(str(config.database))
    name, again = repr(config.database), migrate_hint(config.service)
    said = str(error.strerror) if isinstance(error, OSError) else redact(errors.message(error))
    fault = _SYSTEM.get(error.errno or 0, Fault.OTHER) if isinstance(error, OSError) else errors.fault(error)
    match fault:
        case Fault.STORAGE_FULL:
            return FallbackFullError(
                f"there is no room for {name}: {said}", hint="free some space and try again; nothing of it was kept"
            )
        case Fault.DAMAGED:
            return FallbackDamagedError(
                f"{name} is damaged, or no database: {said}", hint=f"move it away and {again}: it makes a new one"
            )
        case Fault.LOCK_TIMEOUT:
            return FallbackLockedError(
                f"{name} is locked by another process: {said}", hint="try again when that has ended its transaction"
            )
        case Fault.UNREACHABLE if not path.exists() and os.access(path.parent, os.W_OK):
            return FallbackMissingError(f"{name} is not there", hint=again)
        case Fault.READ_ONLY | Fault.NOT_ALLOWED | Fault.UNREACHABLE:
            return FallbackReadOnlyError(
                f"{name} cannot be written: {said}",
                hint="give this account the right to write the file and its folder, or set DATABASE_SQLITE_PATH",
            )
        case _:
            return None


@contextmanager
def worded(config: DatabaseConfig) -> Iterator[None]:
    """Turn errors of the file into typed ones.

    Raises:
        FallbackError: what is done within failed for a reason of the file's.
    """
    try:
        yield
    except (sa.exc.DBAPIError, OSError) as error:
        found = fallback_error(config, error)
        if found is None:
            raise
        raise found from error
