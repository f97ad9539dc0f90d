"""What only some backends can do: asked for with `isinstance`."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dbkit.backends.endpoint import Endpoint

__all__ = ["Located", "Schemed", "Scripted"]


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
