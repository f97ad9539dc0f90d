"""The portable bytes."""

from __future__ import annotations

import sqlalchemy as sa

from dbkit.backends.kinds import BinaryKind
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType

__all__ = ["Binary"]

# What VARBINARY holds on SQL Server; longer ones are VARBINARY(max) there, and cannot be indexed anywhere.
LENGTH_LIMIT = 8000


class Binary(PortableType[bytes]):
    """Bytes: at most `length` of them, or any number that the backend takes when it is None (TiDB: 6 MiB a row)."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        """Keep the length.

        Raises:
            TypeRefusedError: it is not within 1 and 8000.
        """
        if length is not None and not 1 <= length <= LENGTH_LIMIT:
            message = f"a Binary cannot be {length!r} bytes long"
            raise TypeRefusedError(message, hint=f"give it 1 to {LENGTH_LIMIT}, or none at all")
        super().__init__(length)
        self.kind = BinaryKind(length=length)
        self.length = length

    def accept(self, value: object) -> bytes:
        """Take bytes, a bytearray or a memoryview of at most `length` bytes."""
        if not isinstance(value, bytes | bytearray | memoryview):
            raise self.refused(
                value, f"a {type(value).__name__} is not bytes", hint="pass bytes, such as text.encode()"
            )
        data = bytes(value)
        if self.length is not None and len(data) > self.length:
            raise self.refused(
                data, f"it has {len(data)} bytes", hint=f"shorten it to {self.length}, or widen the column"
            )
        return data

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return f"dbt.v1.Binary({'' if self.length is None else self.length})"
