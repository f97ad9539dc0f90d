"""What adopting an Alembic folder found, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbkit.errors import ExitCode

if TYPE_CHECKING:
    from dbkit.migrations.results import ServiceResult

__all__ = ["Adopted", "Attention", "Finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that env.py says or does."""

    line: int
    what: str
    here: str
    """What becomes of it."""
    taken: bool = True
    """It goes on as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something in a revision that is to be looked at before it is run."""

    revision: str
    file: Path
    lines: tuple[int, ...]
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """An Alembic folder, as it is adopted."""

    folder: Path
    ini: Path | None
    section: str | None
    locations: tuple[Path, ...]
    """The folders of revisions."""
    revisions: int
    heads: tuple[str, ...]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The branch labels of each head."""
    version_table: str
    version_schema: str | None
    version_source: str
    """Where the version table was learnt."""
    env: str
    """Whether its env.py is run (`own`) or not (`dbkit`)."""
    reason: str
    """Why so."""
    metadata: str | None
    tables: int | None
    """How many tables the metadata holds; None where nobody knows."""
    findings: tuple[Finding, ...]
    attention: tuple[Attention, ...]
    unread: tuple[Path, ...]
    """Folders that hold revisions too, and are not read."""
    lines: str
    """What is written into the project's file."""
    standing: ServiceResult
    """Where its database is, as far as it can be reached."""
    missing: bool
    """There is no such database yet."""

    @property
    def exit_code(self) -> ExitCode:
        """A database that these revisions do not know is wrong; one that cannot be reached is not."""
        return ExitCode.AHEAD if self.standing.exit_code is ExitCode.AHEAD else ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """Give the part of the document of `--format json`."""
        return {
            "folder": str(self.folder),
            "ini": str(self.ini) if self.ini else None,
            "section": self.section,
            "version_locations": [str(place) for place in self.locations],
            "revisions": self.revisions,
            "heads": [{"revision": head, "labels": list(self.labels.get(head, ()))} for head in self.heads],
            "version_table": self.version_table,
            "version_table_schema": self.version_schema,
            "version_table_from": self.version_source,
            "env": self.env,
            "reason": self.reason,
            "metadata": self.metadata,
            "tables": self.tables,
            "env_py": [
                {"line": one.line, "what": one.what, "here": one.here, "taken": one.taken} for one in self.findings
            ],
            "attention": [
                {"revision": one.revision, "file": str(one.file), "lines": list(one.lines), "what": one.what}
                for one in self.attention
            ],
            "unread": [str(place) for place in self.unread],
            "lines": self.lines,
            "database": self._standing(),
        }

    def _standing(self) -> dict[str, Any]:
        found = self.standing
        return {
            "backend": found.backend,
            "host": found.host,
            "database": found.database,
            "exists": None if found.error is not None and found.revision is None else not self.missing,
            "revision": found.revision,
            "pending": list(found.pending),
            "error": found.error,
            "hint": found.hint,
        }
