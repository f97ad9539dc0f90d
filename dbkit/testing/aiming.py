"""The environment of a test: its databases, and nothing of what is configured for anything else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbkit.config.settings import SETTINGS
from dbkit.config.variables import FILE_SUFFIX, known_names, prefix_of

if TYPE_CHECKING:
    from dbkit.project import Project

# A file whose folder is not there: whoever opens it is told its name.
NOWHERE: Final = "this-test-asked-for-no-database-of"
_REFUSE_EMPTY: Final = tuple(setting.key for setting in SETTINGS if setting.refuse_empty)
Variables = Mapping[str, str]


def nowhere(service: str, folder: Path) -> dict[str, str]:
    """Give the keys of a database that cannot be opened, for a service that a test has none of."""
    return {"TYPE": "sqlite", "SQLITE_PATH": str(folder / f"{NOWHERE}-{service}" / f"{service}.db")}


@contextmanager
def aimed(project: Project, places: Mapping[str, Variables], first: Variables) -> Iterator[None]:
    """Have services lead to these databases, in this process and in those that it starts.

    Whatever the environment and `.env` say of databases does not count meanwhile; what the project's file says does, unless it
    speaks of where the database is or of an account.

    Args:
        project: whose services.
        places: for each service, the keys of its database, without `DATABASE_`.
        first: the same of the database that is meant where no service is named.
    """
    known = known_names(frozenset(project.service_names))
    said = {f"DATABASE_{key}": text for key, text in _whole(first).items()}
    for service, place in places.items():
        said |= {f"{prefix_of(service)}DATABASE_{key}": text for key, text in _whole(place).items()}
    said |= {name: "" for name in _hidden(project, known) if name not in said}
    said |= {"DBKIT_ENV": "test", "DBKIT_PROJECT": str(project.root)}
    before = {name: text for name, text in os.environ.items() if name in known}
    _exchange(known, said)
    try:
        yield
    finally:
        _exchange(known, before)


def _whole(place: Variables) -> dict[str, str]:
    """Say off where a service might fall back."""
    return {"FALLBACK": "off", **{key: text for key, text in place.items() if text}}


def _hidden(project: Project, known: frozenset[str]) -> Iterator[str]:
    """Name the variables of `.env` that an empty one hides."""
    for name in project.settings.dotenv:
        base = name.removesuffix(FILE_SUFFIX)
        if name in known and not base.endswith(_REFUSE_EMPTY):
            yield base


def _exchange(known: frozenset[str], said: Variables) -> None:
    for name in known.intersection(os.environ).difference(said):
        del os.environ[name]
    os.environ.update(said)
