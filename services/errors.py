"""What the stores of all services raise: each class is something that a caller can answer in a way of its own."""

from __future__ import annotations

__all__ = ["Conflict", "Invalid", "InvalidCursor", "NotFound", "StoreError", "Unavailable", "VersionConflict"]


class StoreError(Exception):
    """An operation of a store was not done; nothing of it stays."""


class NotFound(StoreError):
    """There is no such thing."""

    def __init__(self, kind: str, key: object) -> None:
        """Keep what was looked for.

        Args:
            kind: of what, in one word: `user`.
            key: by which it was looked for.
        """
        super().__init__(f"no {kind} {str(key)!r}")
        self.kind = kind
        self.key = key


class Conflict(StoreError):
    """It contradicts what is there: a name that is taken, a role that is held."""


class VersionConflict(Conflict):
    """Somebody has changed it since it was read; read it again and decide anew."""

    def __init__(self, kind: str, key: object, *, expected: int, found: int) -> None:
        """Keep the version that the caller has seen, and the one that is there."""
        super().__init__(f"{kind} {str(key)!r} is at version {found}, not {expected}: somebody has changed it")
        self.expected = expected
        self.found = found


class Invalid(StoreError, ValueError):
    """A value cannot be taken: too long, of the wrong form, out of range."""

    def __init__(self, field: str, message: str) -> None:
        """Keep which value it is."""
        super().__init__(f"{field}: {message}")
        self.field = field


class InvalidCursor(Invalid):
    """A page's cursor is not one that this query gave."""

    def __init__(self) -> None:
        """Say what to do; a cursor that was tampered with says nothing worth repeating."""
        super().__init__("cursor", "it is not from this list; begin at the first page")


class Unavailable(StoreError):
    """The database could not do it now: away, locked, full, read-only, or two transactions in each other's way."""
