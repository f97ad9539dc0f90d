"""The portable UUID."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from dbkit.backends.kinds import UuidKind
from dbkit.types.base import PortableType

__all__ = ["Uuid"]


class Uuid(PortableType[uuid.UUID]):
    """A `uuid.UUID`, any of the 2**128."""

    impl = sa.Uuid
    cache_ok = True

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = UuidKind()

    def accept(self, value: object) -> uuid.UUID:
        """Take a `uuid.UUID` alone."""
        if isinstance(value, uuid.UUID):
            return value
        raise self.refused(value, f"a {type(value).__name__} is not a UUID", hint="pass uuid.UUID(...)")

    def parse(self, value: object) -> object:
        """Read the text of a UUID."""
        return uuid.UUID(value) if isinstance(value, str) else value

    def constant(self, value: object) -> str:
        """Word it as text."""
        return str(value)

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.Uuid()"
