"""Writes projects and services: `init` begins one, `add_service` adds one; both give back what was written.

`examine` looks at an existing Alembic folder, `adopt_service` makes a service of it: a table in the project's file, and no other. The names below
are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbkit.scaffold.adopt import adopt_service, examine
    from dbkit.scaffold.adopted import Adopted
    from dbkit.scaffold.found import Choice, Found
    from dbkit.scaffold.new_project import Wishes, init, suggested
    from dbkit.scaffold.new_service import add_service
    from dbkit.scaffold.results import Action, Written, WrittenFile
    from dbkit.scaffold.surroundings import Layout, Surroundings, look
    from dbkit.scaffold.writing import Manner

__all__ = [
    "Action",
    "Adopted",
    "Choice",
    "Found",
    "Layout",
    "Manner",
    "Surroundings",
    "Wishes",
    "Written",
    "WrittenFile",
    "add_service",
    "adopt_service",
    "examine",
    "init",
    "look",
    "suggested",
]

_HOMES = {
    "adopt": ("adopt_service", "examine"),
    "adopted": ("Adopted",),
    "found": ("Choice", "Found"),
    "new_project": ("Wishes", "init", "suggested"),
    "new_service": ("add_service",),
    "results": ("Action", "Written", "WrittenFile"),
    "surroundings": ("Layout", "Surroundings", "look"),
    "writing": ("Manner",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever bears the name
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"dbkit.scaffold.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
