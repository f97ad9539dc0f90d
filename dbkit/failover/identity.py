"""What a file that stands in for a server says of itself, so that it is never taken for anything else.

One row in a table of dbkit's own: whose file it is, what it stands in for, and that its rows are for development, so that they
are never carried to a server.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.backends.optional import IDENTITY_TABLE, StandIn
from dbkit.config.dialler import OWN_FOLDER
from dbkit.errors import FallbackForeignError, FallbackMissingError
from dbkit.failover.faults import worded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbkit.config import DatabaseConfig

__all__ = ["DEVELOPMENT", "Identity", "claim", "look_into", "read_identity", "refuse_foreign", "try_to_write"]

DEVELOPMENT: Final = "dev"
"""The mode of files whose rows are never carried to a server."""

# Of somebody else's tables, so many are named.
_SHOWN: Final = 3

_TABLE: Final = sa.Table(
    IDENTITY_TABLE,
    sa.MetaData(),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("service", sa.String(64), nullable=False),
    sa.Column("stands_in_for", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("dbkit_version", sa.String(32), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a file says of itself."""

    mode: str
    service: str
    stands_in_for: str
    """The server's database that it was made for, in words."""
    created_at: datetime
    dbkit_version: str


def read_identity(connection: sa.Connection) -> Identity | None:
    """Read what a file says of itself; None where it says nothing. Leaves no open transaction."""
    found: sa.Row[tuple[str, ...]] | None = None
    if sa.inspect(connection).has_table(IDENTITY_TABLE):
        found = connection.execute(sa.select(_TABLE)).first()
    connection.rollback()
    if found is None:
        return None
    values = dict(found._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Identity(**{**values, "created_at": datetime.fromisoformat(values["created_at"])})


def try_to_write(connection: sa.Connection) -> None:
    """Write the identity as it is, and take that back: a lock alone is given for a read-only file too."""
    connection.execute(sa.update(_TABLE).values(mode=_TABLE.c.mode))
    connection.rollback()


def claim(config: DatabaseConfig) -> bool:
    """Make the file with its identity where there is none, or an empty one; check it where there is one.

    Args:
        config: that of a file which stands in for a server.

    Returns:
        Whether this call made it.

    Raises:
        FallbackForeignError: it is another service's, or has tables and says nothing of itself.
        FallbackError: it is damaged, locked or read-only, or there is no room.
    """
    if refuse_foreign(config) is not None:
        return False
    with worded(config), _opened(config, migrating=True) as connection, connection.begin():
        # somebody may have been faster: what is there is looked at once more, under the write lock
        if not sa.inspect(connection).get_table_names():
            _TABLE.create(connection)
            connection.execute(sa.insert(_TABLE).values(_new(config)))
            return True
    refuse_foreign(config)
    return False


def refuse_foreign(config: DatabaseConfig) -> Identity | None:
    """Read the identity of the file, which nothing is written to; None where there is no file, or an empty one.

    Raises:
        FallbackForeignError: it is not this service's.
        FallbackError: it cannot be read.
    """
    path = Path(str(config.database))
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        _refuse_no_folder(config, path.parent)
        return None
    with look_into(config) as connection:
        # in this order: whoever makes the file just now makes the tables and what they say of it at once
        tables = sa.inspect(connection).get_table_names()
        connection.rollback()
        found = read_identity(connection)
    if found is None and not tables:
        return None
    _refuse(config, found, tables)
    return found


@contextmanager
def look_into(config: DatabaseConfig) -> Iterator[sa.Connection]:
    """Open the file for reading alone, in a way that changes no byte of it but what a writer that died has left half-done.

    Raises:
        FallbackError: it cannot be read.
    """
    with worded(config):
        if not Path(str(config.database)).is_file():
            raise _foreign(config, "is no file")
        connector = get_backend(config.backend).connector(config.driver)
        if isinstance(connector, StandIn):
            connector.take_back(str(config.database))
        options = get_backend(config.backend).examiner.reading(config.endpoint())
        with _opened(replace(config, query={**config.query, **options})) as connection:
            yield connection


@contextmanager
def _opened(config: DatabaseConfig, *, migrating: bool = False) -> Iterator[sa.Connection]:
    from dbkit.config.connect import create_engine

    engine = create_engine(config, migrating=migrating, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def _refuse(config: DatabaseConfig, found: Identity | None, tables: list[str]) -> None:
    if found is None:
        shown = ", ".join([*tables[:_SHOWN], *(["…"] if tables[_SHOWN:] else [])])
        raise _foreign(config, f"holds tables ({shown}) and does not say that it is a fallback's")
    if found.service != config.service:
        raise FallbackForeignError(
            f"{config.database!r} stands in for the server of service {found.service!r}, not of {config.service!r}",
            hint="give each service a file of its own: put {service} into DATABASE_SQLITE_PATH",
        )
    if found.mode != DEVELOPMENT:
        raise _foreign(config, f"was made for mode {found.mode!r}, not {DEVELOPMENT!r}")


def _foreign(config: DatabaseConfig, what: str) -> FallbackForeignError:
    return FallbackForeignError(
        f"{config.database!r} {what}: it is left as it is",
        hint="move it away, or give the fallback another place: DATABASE_SQLITE_PATH",
    )


def _refuse_no_folder(config: DatabaseConfig, folder: Path) -> None:
    if not folder.is_dir() and not (folder.name == OWN_FOLDER and folder.parent.is_dir()):
        raise FallbackMissingError(
            f"{config.database!r} cannot be made: there is no folder {str(folder)!r}",
            hint="make it, or check DATABASE_SQLITE_PATH",
        )


def _new(config: DatabaseConfig) -> dict[str, str]:
    return {
        "mode": DEVELOPMENT,
        "service": str(config.service),
        "stands_in_for": str(config.stands_in_for),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dbkit_version": version("dbkit"),
    }
