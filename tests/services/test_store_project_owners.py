"""Whose a project is, on every backend."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa

from services.errors import Conflict, Invalid, NotFound, VersionConflict
from services.project.models import MemberRole, Project
from tests.services.meanwhile import meanwhile
from tests.services.projects import Desk

NOBODY = uuid.UUID(int=0)


@pytest.fixture
def desk(migrated: sa.Engine) -> Desk:
    return Desk(engine=migrated)


def with_heir(desk: Desk) -> tuple[Project, uuid.UUID]:
    """Make a project, and somebody who may come to own it."""
    made, heir = desk.project(), uuid.uuid4()
    desk.store.add_member(made.id, heir, MemberRole.VIEWER)
    return made, heir


def test_a_project_is_transferred_to_a_member_and_that_is_written_down(desk: Desk) -> None:
    made, heir = with_heir(desk)

    given = desk.store.transfer_project(made.id, heir, version=1, by=made.owner_id)

    found = desk.store.project(made.id)
    for project in (given, found):
        assert (project.owner_id, project.version, project.updated_at > made.updated_at) == (heir, 2, True)
    roles = {one.user_id: one.role for one in desk.store.members(made.id).items}
    assert roles == {made.owner_id: MemberRole.OWNER, heir: MemberRole.OWNER}
    assert [one.id for one in desk.store.projects(owner_id=heir).items] == [made.id]
    written = desk.store.time_line(made.id).items[0]
    assert (written.verb, written.actor_id, written.subject_id) == ("project.transfer", made.owner_id, made.id)
    assert written.payload == {"from": str(made.owner_id), "to": str(heir)}
    desk.store.remove_member(made.id, made.owner_id)


def test_a_transfer_that_cannot_be_changes_nothing(desk: Desk) -> None:
    made, heir = with_heir(desk)

    with pytest.raises(NotFound, match=f"^no member '{NOBODY}'$"):
        desk.store.transfer_project(made.id, NOBODY, version=1)
    with pytest.raises(NotFound, match=f"^no project '{NOBODY}'$"):
        desk.store.transfer_project(NOBODY, heir, version=1)
    with pytest.raises(VersionConflict, match="is at version 1, not 2"):
        desk.store.transfer_project(made.id, heir, version=2)
    with pytest.raises(Conflict, match=f"^the project is that of user '{made.owner_id}' already$"):
        desk.store.transfer_project(made.id, made.owner_id, version=1)
    with pytest.raises(Invalid, match=r"^owner_id: "):
        desk.store.transfer_project(made.id, "ada", version=1)  # type: ignore[arg-type] # what is refused

    kept = desk.store.project(made.id)
    assert (kept.owner_id, kept.version) == (made.owner_id, 1)
    assert desk.time_line(made.id) == ["project.create", "member.add"]
    assert desk.store.role_of(heir, made.id) is MemberRole.VIEWER


def test_of_two_transfers_at_one_moment_the_later_is_told(desk: Desk) -> None:
    made, heir = with_heir(desk)
    other = uuid.uuid4()
    desk.store.add_member(made.id, other, MemberRole.VIEWER)

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.transfer_project(made.id, heir, version=1),
        lambda: desk.store.transfer_project(made.id, other, version=1),
    )

    assert type(outcome.exception()) is VersionConflict
    assert desk.store.project(made.id).owner_id == heir
    assert desk.store.role_of(other, made.id) is MemberRole.VIEWER
