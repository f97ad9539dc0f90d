"""What only some backends can do: asked for with `isinstance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from dbkit.backends.endpoint import Endpoint

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine.interfaces import DBAPIConnection

__all__ = [
    "IDENTITY_TABLE",
    "Copying",
    "Expendable",
    "Filed",
    "Located",
    "Schemed",
    "Scripted",
    "Sending",
    "StandIn",
    "Standing",
]

# In the file that stands in for a server: whose it is, and for what.
IDENTITY_TABLE: Final = "dbkit_identity"


@runtime_checkable
class Located(Protocol):
    """A connector whose driver loads a library of its own, which can be in several places."""

    def library(self, endpoint: Endpoint) -> str:
        """Say in words which one is loaded and where it was found.

        Raises:
            MissingDriverError: there is none.
        """
        ...


@runtime_checkable
class Filed(Protocol):
    """A Ddl of databases that are files; every backend has it whose traits say `file_based`."""

    @property
    def beside(self) -> tuple[str, ...]:
        """What is put behind a file's name to name the files that belong to it and go with it; the migration lock is none of them."""
        ...

    def write_file(self) -> str:
        """Word what has a file written that opening alone does not write."""
        ...

    def read_file(self) -> str:
        """Word a question that no file but a database of this kind answers."""
        ...


@runtime_checkable
class Schemed(Protocol):
    """A Ddl of a database whose tables can be in a schema of their own: `DATABASE_SCHEMA`."""

    def create_schema(self, name: str) -> str:
        """Word CREATE SCHEMA."""
        ...

    def drop_schema(self, name: str) -> str:
        """Word DROP SCHEMA, with all that is in it."""
        ...


@runtime_checkable
class Scripted(Protocol):
    """A Ddl whose statements, written into a file for the server's own client, need others around them."""

    def script(self, text: str) -> str:
        """Make a script of what Alembic writes without a server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a file that stands in for a server says of itself."""

    service: str
    stands_in_for: str
    """The server's database, in words."""


@runtime_checkable
class StandIn(Protocol):
    """A connector of files that can stand in for a server, and say so themselves."""

    @property
    def existing(self) -> Mapping[str, str]:
        """The driver's options under which a file is opened that is there, and none is made."""
        ...

    def take_back(self, path: str) -> None:
        """Have what a writer that died has left half-done taken back, as whoever writes next would; nothing else is changed."""
        ...

    def standing(self, connection: DBAPIConnection) -> Standing | None:
        """Read what the file says of itself; None where it does not say that it stands in for anything."""
        ...


@runtime_checkable
class Sending(Protocol):
    """A migration lock on a server that may refuse a statement without saying why, so that it has to be sent again."""

    def carry_out(self, statement: str, send: Callable[[], object]) -> None:
        """Prove that the lock is still ours, and send a statement, as often as it takes. Raises LeaseLostError, and what `send` raises."""
        ...


@runtime_checkable
class Copying(Protocol):
    """A Ddl of databases that are copied faster than they are migrated anew."""

    def copy_database(self, connection: sa.Connection | None, source: str, target: str) -> bool:
        """Make a database that holds all that another one does, its rows too.

        Args:
            connection: to the maintenance database, or to none; it commits each statement. None where databases are files.
            source: its name, or its file; nobody uses it meanwhile.
            target: likewise; not there yet.

        Returns:
            False, with nothing made, where the source holds something that cannot be copied.
        """
        ...


@runtime_checkable
class Expendable(Protocol):
    """A Ddl of databases on a server that are made for a while and dropped by whoever made them."""

    def database_names(self) -> str:
        """Word the query that gives the name of each database."""
        ...

    def drop_used_database(self, name: str) -> tuple[str, ...]:
        """Word what drops a database, whoever is connected to it."""
        ...
