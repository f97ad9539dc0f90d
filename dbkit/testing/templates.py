"""Databases that are migrated once in a run, for others to be copied from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbkit.errors import DbkitError
from dbkit.testing.aiming import aimed, nowhere
from dbkit.testing.yard import Place, Yard

if TYPE_CHECKING:
    from dbkit.migrations import ServiceResult
    from dbkit.project import Project

_HOOKS = "hooks"


@dataclass(kw_only=True)
class Templates:
    """Makes databases of a project's services."""

    project: Project
    yard: Yard
    known: dict[tuple[str, str], Place | DbkitError] = field(default_factory=dict)
    shared: dict[tuple[str, str], Place] = field(default_factory=dict)
    """The databases that the tests of this process share."""

    def fresh(self, service: str, backend: str) -> Place:
        """Make a database that is at the newest revision.

        Raises:
            DbkitError: it cannot be made or migrated; the message says of which service, on which backend.
        """
        return self.yard.copy(self._template(service, backend)) or self._migrated(service, backend)

    def of_worker(self, service: str, backend: str) -> Place:
        """Give the database that this process has of a service, made when it is first asked for."""
        key = (service, backend)
        if key not in self.shared:
            self.shared[key] = self.fresh(service, backend)
        return self.shared[key]

    @contextmanager
    def empty(self, service: str, backend: str) -> Iterator[Place]:
        """Choose a place for a database that is not made yet, have the service lead there, and drop it afterwards."""
        place = self.yard.new_place(backend)
        try:
            with self.aimed({service: place}):
                yield place
        finally:
            self.yard.drop(place)

    @contextmanager
    def aimed(self, places: Mapping[str, Place]) -> Iterator[None]:
        """Have services lead to these databases, and the others to none; the first is meant where no service is named."""
        folder = self.yard.folder
        keys = {name: nowhere(name, folder) for name in self.project.service_names}
        keys |= {name: place.keys for name, place in places.items()}
        first = next((place.keys for place in places.values()), nowhere("any-service", folder))
        with aimed(self.project, keys, first):
            yield

    def _template(self, service: str, backend: str) -> Place:
        key = (service, backend)
        if key not in self.known:
            try:
                self.known[key] = self._agreed(service, backend)
            except DbkitError as error:
                self.known[key] = error  # once is enough: a server that does not answer takes its time
        found = self.known[key]
        if isinstance(found, DbkitError):
            raise type(found)(found.message, hint=found.hint)
        return found

    def _agreed(self, service: str, backend: str) -> Place:
        """Take the template that another process of the run has made, or make it."""
        with self.yard.alone(f"{service}-{backend}-{self._digest(service, backend)}") as told:
            if told.exists():
                return Place(**json.loads(told.read_text(encoding="utf-8")))
            place = self._migrated(service, backend)
            made = told.with_suffix(".new")
            made.write_text(json.dumps({"backend": place.backend, "name": place.name, "keys": place.keys}))
            made.replace(told)
            return place

    def _digest(self, service: str, backend: str) -> str:
        """Reduce the revision files to a word."""
        layout = self.project.layout(service, backend=backend)
        files = sorted(file for folder in layout.folders for file in Path(folder).rglob("*.py"))
        found = hashlib.sha256()
        for file in files:
            found.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
        return found.hexdigest()[:12]

    def _migrated(self, service: str, backend: str) -> Place:
        from dbkit.migrations import migrate

        place = self.yard.new_place(backend)
        with self.aimed({service: place}):
            entry = migrate(without_hooks(self.project), [service])[service]
        if entry.error is not None:
            raise failure(entry, "cannot be migrated", backend)
        return place


def without_hooks(project: Project) -> Project:
    """Give the project without what it has run before and after migrations: those may notify people, or take backups."""
    services = {
        name: {key: value for key, value in table.items() if key != _HOOKS}
        for name, table in project.settings.services.items()
    }
    changed: dict[str, Any] = {"services": services, _HOOKS: {}}
    return replace(project, settings=replace(project.settings, **changed))


def failure(entry: ServiceResult, what: str, backend: str) -> DbkitError:
    """Word what an operation on a service came to."""
    return DbkitError(f"service {entry.service!r} {what} on {backend}: {entry.error}", hint=entry.hint)
