"""What a statement leaves behind, by which it can be told after a crash whether it was carried out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Meaning", "Object", "Trace"]


class Trace(StrEnum):
    """How it is told whether a statement was carried out."""

    READ = "read"
    """It changes nothing."""
    ROWS = "rows"
    """By its own transaction, in which it is noted as done."""
    SCHEMA = "schema"
    """By what the server's catalogue says of the objects it touches."""
    REPEATABLE = "repeatable"
    """By nothing; it may be carried out once more."""
    SESSION = "session"
    """It sets the session, and is carried out once more on each connection that goes on."""
    CONTROL = "control"
    """It steers transactions, of which each statement of a plan has its own."""
    UNPROVED = "unproved"
    """By nothing, and it must not be carried out twice: somebody has to look."""
    BOUND = "bound"
    """It is bound to its connection, as temporary tables and table locks are, and cannot be part of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """Something that the catalogue knows by a name."""

    kind: str
    """`table` (a view is one too), `trigger`, `sequence`, `routine`, `event`, `database` or `account`."""
    name: str
    database: str | None = None
    """None for the connection's own."""

    def __str__(self) -> str:
        """Name it as in a sentence."""
        return f"{self.kind} {f'{self.database}.' if self.database else ''}{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a statement does, as far as its text says it."""

    verb: str
    """Its first words, such as `ALTER TABLE`."""
    trace: Trace
    objects: tuple[Object, ...] = ()
    """What it touches, in the order in which it names them; not what it only refers to."""
