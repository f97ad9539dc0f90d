"""An Alembic folder as it was found, and what somebody says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dbkit.revisions.layout import Layout
from dbkit.scaffold.env_source import EnvSource
from dbkit.scaffold.locating import Home
from dbkit.scaffold.verdict import judge

__all__ = ["Choice", "Found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What somebody says of an Alembic folder beside where it is; all else is found."""

    metadata: str | None = None
    """`module:attribute`."""
    own: bool = False
    """Its env.py is to be run, whatever can be found."""
    version_table: str | None = None
    version_table_schema: str | None = None
    section: str | None = None
    """That of its ini."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """An Alembic folder, as it was found; nothing is written yet."""

    home: Home
    name: str
    migrations: str
    """What is written of where it is."""
    layout: Layout
    source: EnvSource | None
    """Its env.py; None where it has none, or dbkit's."""
    alembic: Mapping[str, Any] = field(default_factory=dict)
    """What has to be said to Alembic already."""
    backend: str | None = None
    """The one whose revisions were looked at, where each has its own."""

    @property
    def metadata(self) -> str | None:
        """Where its models are, as far as that is plain, and nothing is lost where env.py is not run; None where it is to be run."""
        if self.source is None or self.lost:
            return None
        return self.source.metadata.reference

    @property
    def lost(self) -> tuple[tuple[int, str], ...]:
        """What would be lost if env.py were not run: lines and what stands there."""
        if self.source is None:
            return ()
        return tuple(
            (one.line, one.what)
            for one in judge(self.source, own=False).lost
            if one not in judge(self.source, own=True).lost
        )

    @property
    def asks_version_table(self) -> bool:
        """Whether its env.py works out the version table's name."""
        return self._works_out("version_table")

    @property
    def asks_version_schema(self) -> bool:
        """Whether its env.py works out the schema of that table."""
        return self._works_out("version_table_schema")

    def _works_out(self, argument: str) -> bool:
        return self.layout.env is not None and argument in self.layout.env.computed
