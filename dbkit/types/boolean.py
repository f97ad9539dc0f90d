"""The portable truth value."""

from __future__ import annotations

import sqlalchemy as sa

from dbkit.backends.kinds import BooleanKind
from dbkit.types.base import PortableType

__all__ = ["Boolean"]


class Boolean(PortableType[bool]):
    """True or False; never 0 or 1."""

    impl = sa.Boolean
    cache_ok = True
    # Constants behind IS: of the servers only SQLite takes a parameter there, and of the drivers only some write it out.
    coerce_to_is_types = (type(None), bool)
    checked = True

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = BooleanKind()

    def accept(self, value: object) -> bool:
        """Take a bool alone."""
        if isinstance(value, bool):
            return value
        raise self.refused(value, f"a {type(value).__name__} is not a bool", hint="pass True or False")

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.Boolean()"
