"""The portable text: of limited length and of any."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from dbkit.backends.kinds import StringKind, TextKind
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType

__all__ = ["String", "Text"]

# A VARCHAR of utf8mb4 on the MySQL family: https://docs.pingcap.com/tidb/stable/tidb-limitations
LENGTH_LIMIT = 16383


class _Characters(PortableType[str]):
    """What both have in common."""

    cache_ok = True

    def accept(self, value: object) -> str:
        """Take a str without NUL (PostgreSQL has none) and lone surrogates (UTF-8 has none)."""
        if not isinstance(value, str):
            raise self.refused(value, f"a {type(value).__name__} is not a str", hint="pass a str, such as str(...)")
        text = str.__str__(value)
        if "\0" in text:
            raise self.refused(text, "it holds a NUL character", hint="use Binary, or take the NUL out")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise self.refused(text, "it holds a lone surrogate", hint="decode the bytes anew, or use Binary")
        return text


class Text(_Characters):
    """Text of any length that the backend takes (TiDB: 6 MiB a row)."""

    impl = sa.Text
    cache_ok = True

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = TextKind()

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.Text()"


class String(_Characters):
    """Text of at most `length` characters (code points), compared by case, accent and trailing blanks."""

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int) -> None:
        """Keep the length.

        Raises:
            TypeRefusedError: it is not within 1 and 16383.
        """
        if not 1 <= length <= LENGTH_LIMIT:
            message = f"a String cannot be {length!r} characters long"
            raise TypeRefusedError(message, hint=f"give it 1 to {LENGTH_LIMIT}, or use Text()")
        super().__init__(length)
        self.kind = StringKind(length=length)
        self.length = length

    def accept(self, value: object) -> str:
        """Take a str of at most `length` code points."""
        text = super().accept(value)
        if len(text) > self.length:
            raise self.refused(
                text, f"it has {len(text)} characters", hint=f"shorten it to {self.length}, or widen the column"
            )
        return text

    def coerce_compared_value(self, op: Any, value: Any) -> sa.types.TypeEngine[Any]:  # noqa: ANN401 - SQLAlchemy's signature
        """Type the other operand: what a column is compared with, or matched against, may be longer than the column."""
        del op
        return Text() if isinstance(value, str) and len(value) > self.length else self

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return f"dbt.v1.String({self.length})"
