"""Two who work on one project at one moment, on every backend: one waits for the other, and is told what came of it."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from services.errors import Conflict, NotFound, Unavailable, VersionConflict
from services.project.models import DocumentStatus, MemberRole
from tests.servers import Database
from tests.services.meanwhile import meanwhile
from tests.services.projects import Desk


@pytest.fixture
def desk(migrated: sa.Engine) -> Desk:
    return Desk(engine=migrated)


def test_of_two_owners_who_both_leave_one_stays(desk: Desk) -> None:
    ada, grace = uuid.uuid4(), uuid.uuid4()
    made = desk.project(ada)
    desk.store.add_member(made.id, grace, MemberRole.OWNER)

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.remove_member(made.id, ada),
        lambda: desk.store.change_role(made.id, grace, MemberRole.VIEWER),
    )

    with pytest.raises(Conflict, match=f"user '{grace}' is the last owner"):
        outcome.result()
    assert [one.user_id for one in desk.store.members(made.id).items] == [grace]


def test_of_two_who_save_one_is_told(desk: Desk) -> None:
    made = desk.document(body={"text": "one"})

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.save_document(made.id, version=1, by=uuid.uuid4(), body={"text": "first"}),
        lambda: desk.store.save_document(made.id, version=1, by=uuid.uuid4(), body={"text": "second"}),
    )

    with pytest.raises(VersionConflict) as caught:
        outcome.result()
    assert (caught.value.expected, caught.value.found) == (1, 2)
    assert desk.store.document(made.id).body == {"text": "first"}
    assert [one.version for one in desk.store.versions(made.id).items] == [2, 1]


def test_of_two_who_order_anew_one_is_told(desk: Desk) -> None:
    made = desk.project()
    ids = [desk.phase(made).id for _ in range(3)]

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.reorder_phases(made.id, ids[::-1], version=1),
        lambda: desk.store.reorder_phases(made.id, [ids[1], ids[0], ids[2]], version=1),
    )

    with pytest.raises(VersionConflict):
        outcome.result()
    assert [phase.id for phase in desk.store.phases(made.id)] == ids[::-1]


def test_two_who_add_a_phase_add_one_behind_the_other(desk: Desk) -> None:
    made = desk.project()
    desk.phase(made, name="there")

    outcome = meanwhile(
        desk.engine, desk.store, lambda: desk.phase(made, name="first"), lambda: desk.phase(made, name="second")
    )

    assert outcome.result().position == 3
    assert [phase.name for phase in desk.store.phases(made.id)] == ["there", "first", "second"]


def test_a_reorder_waits_for_a_phase_that_is_being_added(desk: Desk) -> None:
    made = desk.project()
    ids = [desk.phase(made).id for _ in range(2)]

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.phase(made),
        lambda: desk.store.reorder_phases(made.id, ids[::-1], version=1),
    )

    assert "each of the 3 phases" in str(outcome.exception())
    assert [phase.position for phase in desk.store.phases(made.id)] == [1, 2, 3]


def test_of_two_who_take_a_slug_one_is_told(desk: Desk) -> None:
    slug = f"p-{uuid.uuid4()}"

    outcome = meanwhile(desk.engine, desk.store, lambda: desk.project(slug=slug), lambda: desk.project(slug=slug))

    with pytest.raises(Conflict, match=f"the slug '{slug}' is taken"):
        outcome.result()


def test_who_joins_twice_at_once_joins_once(desk: Desk) -> None:
    made, user = desk.project(), uuid.uuid4()

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.add_member(made.id, user, MemberRole.VIEWER),
        lambda: desk.store.add_member(made.id, user, MemberRole.ARCHITECT),
    )

    with pytest.raises(Conflict, match="is a member already"):
        outcome.result()
    assert desk.store.role_of(user, made.id) is MemberRole.VIEWER


def test_what_is_deleted_meanwhile_can_be_neither_saved_nor_commented(desk: Desk) -> None:
    made = desk.document()

    saved = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.delete_document(made.id, version=1),
        lambda: desk.store.save_document(made.id, version=1, by=uuid.uuid4(), title="Late"),
    )
    with pytest.raises(NotFound):
        saved.result()

    other = desk.document()
    commented = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.delete_document(other.id, version=1),
        lambda: desk.store.add_comment(other.id, author_id=uuid.uuid4(), body="Late"),
    )
    with pytest.raises(NotFound):
        commented.result()


def test_a_status_is_changed_once_from_what_it_was(desk: Desk) -> None:
    made = desk.document()

    outcome = meanwhile(
        desk.engine,
        desk.store,
        lambda: desk.store.change_status(made.id, DocumentStatus.IN_REVIEW, version=1),
        lambda: desk.store.change_status(made.id, DocumentStatus.IN_REVIEW, version=1),
    )

    with pytest.raises(VersionConflict) as caught:
        outcome.result()
    assert (caught.value.expected, caught.value.found) == (1, 2)


@pytest.mark.parametrize("database", [pytest.param("sqlite", marks=pytest.mark.sqlite)], indirect=True)
def test_a_file_that_is_being_written_for_too_long_is_unavailable(desk: Desk, database: Database) -> None:
    made = desk.project()
    config = DatabaseConfig.from_env(environ={**database.environ, "DATABASE_CONNECT_TIMEOUT": "1"})
    hurried = Desk(engine=config.create_engine())

    with desk.store.transaction():
        desk.store.update_project(made.id, version=1, name="Depot")
        with pytest.raises(Unavailable, match="locked"):
            hurried.store.update_project(made.id, version=1, name="Shed")
    hurried.engine.dispose()

    assert desk.store.project(made.id).name == "Depot"
