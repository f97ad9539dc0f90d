"""The store of the service `project` under test, and projects to work on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.project.models import Document, DocumentKind, Phase, PhaseKind, Project
from services.project.store import ProjectStore
from tests.services.clocks import SECOND, Clock


@dataclass(kw_only=True)
class Desk:
    """A store, its clock, and what is made with it in few words."""

    engine: sa.Engine
    clock: Clock = field(default_factory=lambda: Clock(step=SECOND))

    @cached_property
    def store(self) -> ProjectStore:
        return ProjectStore(lambda: Session(self.engine), clock=self.clock)

    def project(self, owner: uuid.UUID | None = None, **values: object) -> Project:
        """Make a project whose slug no other has."""
        defaults = {"slug": f"p-{uuid.uuid4()}", "name": "Warehouse"}
        return self.store.create_project(owner or uuid.uuid4(), **{**defaults, **values})  # type: ignore[arg-type]

    def phase(self, project: Project | None = None, **values: object) -> Phase:
        """Make a phase, in a new project where none is given."""
        place = (project or self.project()).id
        return self.store.add_phase(place, **{"name": "Design", "kind": PhaseKind.DESIGN, **values})  # type: ignore[arg-type]

    def document(self, phase: Phase | None = None, **values: object) -> Document:
        """Make a document, in a new phase where none is given."""
        defaults = {"author_id": uuid.uuid4(), "slug": f"d-{uuid.uuid4()}", "title": "Context"}
        place = (phase or self.phase()).id
        return self.store.create_document(place, **{**defaults, "kind": DocumentKind.DIAGRAM, **values})  # type: ignore[arg-type]

    def time_line(self, project_id: uuid.UUID) -> list[str]:
        """Give the verbs of a project's time line, the oldest first."""
        return [one.verb for one in reversed(self.store.time_line(project_id).items)]


def in_pages(ask: object) -> Iterator[list[object]]:
    """Read a list to its end, page by page; `ask` is given the cursor."""
    cursor = None
    while True:
        page = ask(cursor)  # type: ignore[operator]
        yield list(page.items)
        cursor = page.cursor
        if cursor is None:
            return
