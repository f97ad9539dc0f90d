"""Whether a metadata can be imported by its name, and whether its tables come with it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dbkit.service import extend_path

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.project import Project
    from dbkit.revisions.layout import Layout

__all__ = ["Proved", "prove_metadata"]

_NOBODYS = frozenset({*sys.stdlib_module_names, "alembic", "dbkit", "sqlalchemy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A metadata that was imported."""

    reference: str
    """By which name it has all of its tables."""
    tables: int
    """How many there are when that alone is imported."""
    missing: int = 0
    """How many more there are when all is imported that env.py imports."""
    brought: tuple[int, ...] = ()
    """The lines of env.py that bring them."""


def prove_metadata(
    project: Project, name: str, layout: Layout, *, imports: Sequence[tuple[str, int]], given: bool
) -> Proved:
    """Import a metadata, and what env.py imports beside it.

    Args:
        project: has the service, with its `metadata`.
        name: the service's.
        layout: where its revisions are.
        imports: the modules that env.py imports, each with its line.
        given: somebody has named this metadata: another name for it is not looked for.

    Raises:
        ConfigurationError: it cannot be imported, which is told with its line, or is no metadata.
    """
    extend_path(map(Path, layout.sys_path))
    registration = project.registration(name)
    metadata = project.service(name).load_metadata()
    alone = len(metadata.tables)
    brought: dict[str, int] = {}
    for module, line in imports:
        before = len(metadata.tables)
        if module.partition(".")[0] not in _NOBODYS:
            with contextlib.suppress(Exception, SystemExit):
                import_module(module)
        if len(metadata.tables) > before:
            brought[module] = line
    reference, missing = str(registration.metadata), len(metadata.tables) - alone
    if missing and len(brought) == 1 and not given:
        for found in _names_of(metadata, *brought, like=reference):
            return Proved(reference=found, tables=len(metadata.tables))
    return Proved(reference=reference, tables=alone, missing=missing, brought=tuple(brought.values()))


def _names_of(metadata: sa.MetaData, module: str, *, like: str) -> Iterator[str]:
    """List the names by which a module knows a metadata, the one that it has elsewhere before others."""
    inside, known = vars(sys.modules[module]), like.partition(":")[2].partition(".")[0]
    for name in sorted(inside, key=lambda name: (name != known, name)):
        if inside[name] is metadata:
            yield f"{module}:{name}"
        elif isinstance(inside[name], type) and getattr(inside[name], "metadata", None) is metadata:
            yield f"{module}:{name}.metadata"
