"""The phases of a project: added, ordered, changed, and what they cost."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import sqlalchemy as sa

from services.errors import Invalid
from services.project.common import Common, prove_order
from services.project.models import Phase, PhaseKind, Project
from services.values import accepted, only

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Costs", "PhaseChanges", "PhaseFields", "Phases"]


class PhaseFields(TypedDict, total=False):
    """What a phase may be made with."""

    is_milestone: bool
    needs: list[int]
    cost_estimate: Decimal
    starts_on: date | None
    ends_on: date | None


class PhaseChanges(PhaseFields, total=False):
    """What may be changed of a phase."""

    name: str
    kind: PhaseKind


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What the phases of a project are thought to cost, to the cent."""

    total: Decimal
    by_kind: Mapping[PhaseKind, Decimal]


class Phases(Common):
    """Operations on phases."""

    def add_phase(
        self,
        project_id: uuid.UUID,
        *,
        name: str,
        kind: PhaseKind,
        by: uuid.UUID | None = None,
        **fields: Unpack[PhaseFields],
    ) -> Phase:
        """Put a phase behind those that are there.

        Raises:
            NotFound: there is no such project.
            Invalid: a value cannot be kept, or it needs a phase that is not there.
            Unavailable: the database cannot do it now.
        """
        values = _proved({"name": name, "kind": kind, **fields})
        now = self._clock()
        with self.transaction() as session:
            self._hold(session, Project, project_id, kind="project")
            places = {phase.position for phase in _phases(session, project_id)}
            phase = Phase(project_id=project_id, position=max(places, default=0) + 1, created_at=now, updated_at=now)
            _put(phase, values, places)
            session.add(phase)
            session.flush()
            self._record(session, "phase.add", project_id=project_id, by=by, subject_id=phase.id)
            return phase

    def edit_phase(self, phase_id: uuid.UUID, *, by: uuid.UUID | None = None, **changes: Unpack[PhaseChanges]) -> Phase:
        """Change a phase; its place is changed by `reorder_phases`.

        Raises:
            NotFound: there is no such phase.
            Invalid: a value cannot be kept, or it needs a phase that is not there.
            Unavailable: the database cannot do it now.
        """
        values = _proved(dict(changes))
        with self.transaction() as session:
            phase = self._hold(session, Phase, phase_id, kind="phase")
            places = {other.position for other in _phases(session, phase.project_id)}
            _put(phase, {**values, "updated_at": self._clock()}, places)
            payload = {"changed": sorted(values)}
            self._record(
                session, "phase.edit", project_id=phase.project_id, by=by, subject_id=phase_id, payload=payload
            )
            return phase

    def reorder_phases(
        self, project_id: uuid.UUID, order: Sequence[uuid.UUID], *, version: int, by: uuid.UUID | None = None
    ) -> tuple[Phase, ...]:
        """Put all phases of a project that is still at this version into this order, and give them in it.

        The project's version counts it, so that of two who order anew one is told. What a phase needs is named by places, and
        follows them.

        Raises:
            NotFound: there is no such project.
            VersionConflict: somebody has changed the project since it was read.
            Invalid: the order does not name each phase once.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            self._update(session, Project, project_id, version=version, changes={}, kind="project")
            phases = {phase.id: phase for phase in _phases(session, project_id)}
            if sorted(order) != sorted(phases):
                raise Invalid("order", f"it must name each of the {len(phases)} phases of the project once")
            places = {phases[phase_id].position: place for place, phase_id in enumerate(order, start=1)}
            # through places that no phase has: two phases never stand at one, not even between two statements
            for phase in phases.values():
                phase.position = -places[phase.position]
            session.flush()
            for phase in phases.values():
                phase.position = -phase.position
                phase.needs = [places[place] for place in phase.needs if place in places]
                phase.updated_at = self._clock()
            self._record(session, "project.reorder_phases", project_id=project_id, by=by, subject_id=project_id)
            return tuple(phases[phase_id] for phase_id in order)

    def phases(self, project_id: uuid.UUID) -> tuple[Phase, ...]:
        """Give all phases of a project in their order; none for a project that is not there.

        Raises:
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Phase).where(Phase.project_id == project_id).order_by(Phase.position)
        with self.transaction() as session:
            return tuple(session.scalars(query))

    def costs(self, project_id: uuid.UUID) -> Costs:
        """Add up what the phases of a project are thought to cost.

        Added here, because not every database adds decimals as decimals.

        Raises:
            NotFound: there is no such project.
            Unavailable: the database cannot do it now.
        """
        by_kind: dict[PhaseKind, Decimal] = {}
        query = sa.select(Phase.kind, Phase.cost_estimate).where(Phase.project_id == project_id)
        with self.transaction() as session:
            self._get(session, Project, project_id, kind="project")
            for kind, cost in session.execute(query.order_by(Phase.position)):
                by_kind[kind] = by_kind.get(kind, Decimal("0.00")) + cost
        return Costs(total=sum(by_kind.values(), Decimal("0.00")), by_kind=by_kind)


def _proved(values: dict[str, Any]) -> dict[str, Any]:
    return accepted(Phase, only(values, PhaseChanges.__annotations__))


def _put(phase: Phase, values: Mapping[str, Any], places: set[int]) -> None:
    """Put values into a phase, where they go together."""
    strangers = set(values.get("needs", ())) - (places - {phase.position})
    if strangers:
        raise Invalid("needs", f"no other phase of the project is at {min(strangers)}")
    for field, value in values.items():
        setattr(phase, field, value)
    prove_order(phase.starts_on, phase.ends_on, field="ends_on")


def _phases(session: Session, project_id: uuid.UUID) -> Sequence[Phase]:
    """Read all phases as they are now, and hold them."""
    query = sa.select(Phase).where(Phase.project_id == project_id).order_by(Phase.position).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).all()
