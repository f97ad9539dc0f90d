"""What writing a project or a service gives back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbkit.scaffold.adopted import Adopted

__all__ = ["Action", "Written", "WrittenFile"]

SCHEMA_VERSION = 1


class Action(StrEnum):
    """What became of a file; in a dry run, what would."""

    CREATED = "created"
    CHANGED = "changed"
    """Lines were added, and all others are as they were."""
    OVERWRITTEN = "overwritten"
    KEPT = "kept"
    """Another file stood in its place, and still does."""
    UNCHANGED = "unchanged"
    """It was there already, as it would have been written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """One file."""

    path: str
    """From the project's folder, with slashes."""
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written, and what comes next."""

    command: str
    folder: Path
    """The project's."""
    service: str
    files: tuple[WrittenFile, ...]
    notes: tuple[str, ...] = ()
    """What was found that somebody should know of."""
    next_steps: tuple[str, ...] = ()
    """What to do now, one step each; commands as they are typed."""
    dry_run: bool = False
    adopted: Adopted | None = None
    """The Alembic folder that was taken as it is."""

    def to_json(self) -> dict[str, Any]:
        """Give the document of `--format json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "dry_run": self.dry_run,
            "folder": str(self.folder),
            "service": self.service,
            "files": [{"path": file.path, "action": file.action.value} for file in self.files],
            "notes": list(self.notes),
            "next": list(self.next_steps),
            **({"adopted": self.adopted.to_json()} if self.adopted else {}),
        }
