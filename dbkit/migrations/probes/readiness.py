"""What a probe of a service's database finds: whether it answers, whether its schema fits these files, how full the pool is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dbkit.backends.marks import one_line
from dbkit.config.redact import redact
from dbkit.errors import DbkitError

if TYPE_CHECKING:
    from dbkit.config.pool_use import PoolUse
    from dbkit.revisions.history import History

__all__ = ["Health", "SchemaState", "schema_state", "worded"]


class SchemaState(StrEnum):
    """Where the database's schema is, seen from these revision files."""

    AT_HEAD = "at_head"
    AHEAD = "ahead"
    """It holds a revision that these files do not have: a newer release has migrated it."""
    BEHIND = "behind"
    """Revisions of these files are still to be applied."""
    NOT_MIGRATED = "not_migrated"
    """The database is there and has no version table."""
    NO_DATABASE = "no_database"
    """The server answers (or the folder is there), and the database is not there."""
    UNKNOWN = "unknown"
    """It could not be found out; `error` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a probe found. It is given back in time whatever happens, and holds no secret."""

    service: str
    reachable: bool = False
    """The database answered in time."""
    state: SchemaState = SchemaState.UNKNOWN
    revision: str | None = None
    """The revision (with branches: revisions) that the database is at."""
    head: str | None = None
    """The newest revision (with branches: revisions) of the files."""
    latency_s: float = 0.0
    """How long the probe took: configuration, connection, and answer."""
    pool: PoolUse | None = None
    """None where there is no queue of connections, or the probe did not get that far."""
    error: str | None = None
    """What is wrong, in one line."""
    fallback: bool = False
    """What answered, or did not, is the file that stands in for the server."""

    @property
    def ok(self) -> bool:
        """Whether the database answered."""
        return self.reachable

    @property
    def ready(self) -> bool:
        """Whether the service can do its work: the database answers, and has at least this code's revisions.

        Ahead counts as ready. While a release rolls out, processes of the old one work beside the schema of the new one; if
        that made them unready, every deployment would take the service down.
        """
        return self.reachable and self.state in {SchemaState.AT_HEAD, SchemaState.AHEAD}

    def as_dict(self) -> dict[str, Any]:
        """Make what `json.dumps` takes; keys are only ever added."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        found |= {"state": self.state.value, "latency_s": round(self.latency_s, 6), "ok": self.ok, "ready": self.ready}
        if self.pool is not None:
            found["pool"] = {item.name: getattr(self.pool, item.name) for item in fields(self.pool)}
        return found


def schema_state(history: History, current: Sequence[str] | None) -> SchemaState:
    """Compare the revisions that a database is at, None where it has no version table, with those of the files."""
    if any(revision not in history.scripts for revision in current or ()):
        return SchemaState.AHEAD
    if not history.pending(current or (), "heads"):
        return SchemaState.AT_HEAD
    return SchemaState.NOT_MIGRATED if current is None else SchemaState.BEHIND


def worded(error: BaseException) -> str:
    """Word any error in one line without a secret."""
    text = error.message if isinstance(error, DbkitError) else f"{type(error).__name__}: {error}"
    return one_line(redact(text))
