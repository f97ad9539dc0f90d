"""The store of the service `project`, on every backend: projects, who works on them, and their phases."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from services.errors import Conflict, Invalid, InvalidCursor, NotFound, VersionConflict
from services.project.models import MemberRole, PhaseKind, ProjectStatus, SubjectType, Visibility
from tests.driving import on_every_driver
from tests.services.clocks import NOON, Clock
from tests.services.projects import Desk, in_pages

pytestmark = [pytest.mark.driven, on_every_driver]

NOBODY = uuid.UUID(int=0)


@pytest.fixture
def desk(migrated: sa.Engine) -> Desk:
    return Desk(engine=migrated)


# --- projects -----------------------------------------------------------------------------------------------------------


def test_a_new_project_has_its_owner_and_can_be_found_in_two_ways(desk: Desk) -> None:
    owner = uuid.uuid4()
    made = desk.project(owner, tags=["iot", "überblick", "iot"], budget=Decimal("10.50"), due_on=date(2026, 3, 1))

    for found in (desk.store.project(made.id), desk.store.project_by_slug(made.slug), made):
        assert (found.owner_id, found.name, found.version) == (owner, "Warehouse", 1)
        assert (found.status, found.visibility, found.currency) == (ProjectStatus.DRAFT, Visibility.TEAM, "EUR")
        assert (found.budget, found.due_on) == (Decimal("10.50"), date(2026, 3, 1))
        assert list(found.tags) == ["iot", "überblick"]
        assert found.created_at == found.updated_at == NOON + timedelta(seconds=1)
    (member,) = desk.store.members(made.id).items
    assert (member.user_id, member.role, member.joined_at) == (owner, MemberRole.OWNER, made.created_at)


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound, match=f"no project '{NOBODY}'"):
        desk.store.project(NOBODY)
    with pytest.raises(NotFound, match="no project 'not-there'"):
        desk.store.project_by_slug("not-there")
    with pytest.raises(NotFound):
        desk.store.update_project(NOBODY, version=1, name="Other")
    with pytest.raises(NotFound):
        desk.store.delete_project(NOBODY, version=1)


def test_a_slug_is_taken_once(desk: Desk) -> None:
    first, second = desk.project(), desk.project()

    with pytest.raises(Conflict, match=f"the slug '{first.slug}' is taken"):
        desk.project(slug=first.slug)
    with pytest.raises(Conflict, match=f"the slug '{first.slug}' is taken"):
        desk.store.update_project(second.id, version=1, slug=first.slug)
    assert desk.store.project(second.id).slug == second.slug


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"slug": "Not A Slug"}, "slug", "not made of small letters"),
        ({"slug": "s" * 81}, "slug", "81 characters"),
        ({"name": "n" * 201}, "name", "201 characters"),
        ({"name": " "}, "name", "blank"),
        ({"name": None}, "name", "cannot be empty"),
        ({"tags": ["ok", "t" * 201]}, "tags", "201 characters"),
        ({"tags": ["ok", " "]}, "tags", "blank"),
        ({"tags": "iot"}, "tags", "not several"),
        ({"currency": "eur"}, "currency", "capital"),
        ({"currency": "EURO"}, "currency", "4 characters"),
        ({"budget": Decimal("0.001")}, "budget", "0.001"),
        ({"budget": Decimal(-1)}, "budget", "less than nothing"),
        ({"starts_on": date(2026, 2, 2), "due_on": date(2026, 2, 1)}, "due_on", "before 2026-02-02"),
        ({"visibility": "secret"}, "visibility", "secret"),
        ({"colour": "red"}, "colour", "no such field"),
        ({"summary": "a\0b"}, "summary", "NUL"),
        ({"summary": "ü" * 32_769}, "summary", "it has 65538 bytes"),
        ({"settings": {"a": "b" * 65_536}}, "settings", "it has 65544 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_cannot_be_kept_is_refused_by_its_name(
    desk: Desk, values: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        desk.project(**values)

    assert caught.value.field == field


def test_an_update_changes_what_it_names_and_counts_the_version(desk: Desk) -> None:
    made = desk.project(tags=["a", "b", "c"], summary="Before")

    changed = desk.store.update_project(made.id, version=1, name="Depot", tags=["c", "d", "a"])

    for found in (changed, desk.store.project(made.id)):
        assert (found.name, found.summary, found.version) == ("Depot", "Before", 2)
        assert list(found.tags) == ["c", "d", "a"]
        assert found.updated_at > found.created_at == made.created_at


def test_who_has_seen_an_old_version_changes_nothing(desk: Desk) -> None:
    made = desk.project(tags=["a"])
    desk.store.update_project(made.id, version=1, name="Theirs")

    with pytest.raises(VersionConflict) as caught:
        desk.store.update_project(made.id, version=1, name="Mine", tags=["b"])
    with pytest.raises(VersionConflict):
        desk.store.delete_project(made.id, version=1)

    assert (caught.value.expected, caught.value.found) == (1, 2)
    found = desk.store.project(made.id)
    assert (found.name, found.version, list(found.tags)) == ("Theirs", 2, ["a"])


def test_an_update_that_ends_before_it_begins_is_taken_back(desk: Desk) -> None:
    made = desk.project(starts_on=date(2026, 5, 1))

    with pytest.raises(Invalid, match="due_on: 2026-04-30 is before 2026-05-01"):
        desk.store.update_project(made.id, version=1, due_on=date(2026, 4, 30))

    assert (desk.store.project(made.id).due_on, desk.store.project(made.id).version) == (None, 1)


def test_an_archived_project_keeps_when_that_was_until_it_is_taken_up_again(desk: Desk) -> None:
    made = desk.project()

    archived = desk.store.archive_project(made.id, version=1)
    taken_up = desk.store.update_project(made.id, version=2, status=ProjectStatus.ACTIVE)

    assert (archived.status, archived.archived_at) == (ProjectStatus.ARCHIVED, NOON + timedelta(seconds=3))
    assert (taken_up.status, taken_up.archived_at) == (ProjectStatus.ACTIVE, None)
    assert desk.time_line(made.id) == ["project.create", "project.archive", "project.update"]


def test_a_deleted_project_takes_everything_with_it(desk: Desk) -> None:
    made = desk.project(tags=["a"])
    document = desk.document(desk.phase(made))
    desk.store.add_comment(document.id, author_id=NOBODY, body="Why?", mentions=["ada"])

    desk.store.delete_project(made.id, version=1)

    assert desk.store.members(made.id).items == ()
    assert desk.store.phases(made.id) == ()
    assert desk.store.versions(document.id).items == ()
    assert desk.store.threads(document.id).items == ()
    assert desk.store.mentions("ada", project_id=made.id).items == ()
    assert desk.time_line(made.id) == []


def test_projects_are_listed_by_all_that_is_asked(desk: Desk) -> None:
    owner, member, tag = uuid.uuid4(), uuid.uuid4(), str(uuid.uuid4())
    plain = desk.project(owner, name="Plain")
    tagged = desk.project(owner, name="Übersicht ÄRA", tags=["x", tag], visibility=Visibility.PUBLIC)
    held = desk.project(owner, name="Große Halle")
    held = desk.store.update_project(held.id, version=1, status=ProjectStatus.ON_HOLD)
    desk.store.add_member(plain.id, member, MemberRole.VIEWER)

    def ids(**wanted: Any) -> list[uuid.UUID]:
        return [one.id for one in desk.store.projects(**wanted).items]

    assert ids(owner_id=owner) == [held.id, tagged.id, plain.id]
    assert ids(member_id=member) == [plain.id]
    assert ids(owner_id=owner, status=ProjectStatus.ON_HOLD) == [held.id]
    assert ids(owner_id=owner, visibility=Visibility.TEAM) == [held.id, plain.id]
    assert ids(tag=tag) == [tagged.id]
    assert [ids(owner_id=owner, name_contains=text) for text in ("GROSSE", "%")] == [[held.id], []]
    assert ids(owner_id=owner, name_contains="übersicht ä") == [tagged.id]
    assert ids(owner_id=owner, tag=tag, status=ProjectStatus.DONE) == []


def test_pages_hold_each_project_once_though_all_were_made_at_one_moment(desk: Desk) -> None:
    owner = uuid.uuid4()
    still = Desk(engine=desk.engine, clock=Clock())
    made = [still.project(owner).id for _ in range(7)]

    pages = list(in_pages(lambda cursor: desk.store.projects(owner_id=owner, limit=3, cursor=cursor)))

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one.id for page in pages for one in page] == sorted(made, reverse=True)


def test_a_cursor_that_was_changed_or_is_of_another_list_is_refused(desk: Desk) -> None:
    owner = uuid.uuid4()
    for _ in range(2):
        desk.project(owner)
    cursor = desk.store.projects(owner_id=owner, limit=1).cursor
    assert cursor is not None

    for wanted, given in [
        (owner, cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")),
        (owner, "no cursor"),
        (NOBODY, cursor),
    ]:
        with pytest.raises(InvalidCursor):
            desk.store.projects(owner_id=wanted, cursor=given)
    with pytest.raises(Invalid, match=r"^colour: there is no such field$"):
        desk.store.projects(colour="red")  # type: ignore[call-arg] # what is refused
    for limit in (0, 201):
        with pytest.raises(Invalid, match="limit"):
            desk.store.projects(limit=limit)


# --- members ------------------------------------------------------------------------------------------------------------


def test_a_user_joins_once_and_may_what_the_role_may(desk: Desk) -> None:
    owner, reviewer = uuid.uuid4(), uuid.uuid4()
    made = desk.project(owner)
    member = desk.store.add_member(made.id, reviewer, MemberRole.REVIEWER, by=owner, capacity_percent=40)

    with pytest.raises(Conflict, match=f"user '{reviewer}' is a member already"):
        desk.store.add_member(made.id, reviewer, MemberRole.VIEWER)

    assert (member.role, member.capacity_percent, member.invited_by) == (MemberRole.REVIEWER, 40, owner)
    may = {
        user: [role.value for role in MemberRole if desk.store.may(user, made.id, role)]
        for user in (owner, reviewer, NOBODY)
    }
    assert may == {
        owner: ["owner", "architect", "reviewer", "viewer"],
        reviewer: ["reviewer", "viewer"],
        NOBODY: [],
    }
    assert desk.store.role_of(reviewer, made.id) is MemberRole.REVIEWER
    assert desk.store.role_of(reviewer, NOBODY) is None


def test_the_last_owner_can_be_neither_removed_nor_demoted(desk: Desk) -> None:
    owner, second = uuid.uuid4(), uuid.uuid4()
    made = desk.project(owner)
    desk.store.add_member(made.id, second, MemberRole.VIEWER)

    with pytest.raises(Conflict, match=f"user '{owner}' is the last owner"):
        desk.store.remove_member(made.id, owner)
    with pytest.raises(Conflict, match="last owner"):
        desk.store.change_role(made.id, owner, MemberRole.ARCHITECT)
    desk.store.change_role(made.id, owner, MemberRole.OWNER)
    assert desk.store.change_role(made.id, second, MemberRole.OWNER).role is MemberRole.OWNER
    desk.store.remove_member(made.id, owner)

    assert [(one.user_id, one.role) for one in desk.store.members(made.id).items] == [(second, MemberRole.OWNER)]


def test_who_is_no_member_can_be_neither_changed_nor_removed(desk: Desk) -> None:
    made = desk.project()

    for project_id in (made.id, NOBODY):
        with pytest.raises(NotFound):
            desk.store.change_role(project_id, NOBODY, MemberRole.VIEWER)
        with pytest.raises(NotFound):
            desk.store.remove_member(project_id, NOBODY)
    with pytest.raises(NotFound, match="no project"):
        desk.store.add_member(NOBODY, NOBODY, MemberRole.VIEWER)
    with pytest.raises(Invalid, match="role"):
        desk.store.add_member(made.id, NOBODY, "king")  # type: ignore[arg-type]


def test_members_and_memberships_are_listed_in_the_order_of_joining(desk: Desk) -> None:
    user = uuid.uuid4()
    projects = [desk.project() for _ in range(3)]
    for one in reversed(projects):
        desk.store.add_member(one.id, user, MemberRole.VIEWER)

    mine = in_pages(lambda cursor: desk.store.memberships(user, limit=2, cursor=cursor))
    assert [[one.project_id for one in page] for page in mine] == [[projects[2].id, projects[1].id], [projects[0].id]]
    members = in_pages(lambda cursor: desk.store.members(projects[0].id, limit=1, cursor=cursor))
    assert [[one.user_id for one in page] for page in members] == [[projects[0].owner_id], [user]]


# --- phases -------------------------------------------------------------------------------------------------------------


def test_phases_stand_in_the_order_in_which_they_were_added_until_they_are_reordered(desk: Desk) -> None:
    made = desk.project()
    one, two, three = (
        desk.phase(made, name=name, needs=needs) for name, needs in [("A", []), ("B", [1]), ("C", [2, 1])]
    )

    ordered = desk.store.reorder_phases(made.id, [three.id, one.id, two.id], version=1)

    kept = desk.store.phases(made.id)
    for found in (ordered, kept):
        assert [(phase.name, phase.position, phase.needs) for phase in found] == [
            ("C", 1, [3, 2]),
            ("A", 2, []),
            ("B", 3, [2]),
        ]
    assert desk.store.project(made.id).version == 2
    assert desk.phase(made).position == 4


def test_an_order_names_each_phase_once_and_sees_the_newest_version(desk: Desk) -> None:
    made = desk.project()
    one, two = desk.phase(made), desk.phase(made)

    for order in ([one.id], [one.id, one.id], [one.id, two.id, NOBODY], [one.id, NOBODY]):
        with pytest.raises(Invalid, match="each of the 2 phases"):
            desk.store.reorder_phases(made.id, order, version=1)
    with pytest.raises(VersionConflict):
        desk.store.reorder_phases(made.id, [two.id, one.id], version=7)
    with pytest.raises(NotFound):
        desk.store.reorder_phases(NOBODY, [], version=1)

    assert [phase.id for phase in desk.store.phases(made.id)] == [one.id, two.id]


def test_a_phase_is_edited_but_for_what_does_not_go_together(desk: Desk) -> None:
    made = desk.project()
    phase = desk.phase(made, starts_on=date(2026, 2, 1))

    edited = desk.store.edit_phase(phase.id, name="Review", kind=PhaseKind.REVIEW, is_milestone=True)

    assert (edited.name, edited.kind, edited.is_milestone, edited.position) == ("Review", PhaseKind.REVIEW, True, 1)
    assert edited.updated_at > phase.updated_at
    for changes, field in [
        ({"ends_on": date(2026, 1, 31)}, "ends_on"),
        ({"needs": [1]}, "needs"),
        ({"needs": [2]}, "needs"),
        ({"name": "n" * 121}, "name"),
        ({"cost_estimate": Decimal(-1)}, "cost_estimate"),
        ({"position": 3}, "position"),
    ]:
        with pytest.raises(Invalid) as caught:
            desk.store.edit_phase(phase.id, **changes)  # type: ignore[arg-type]
        assert caught.value.field == field
    with pytest.raises(NotFound, match="no phase"):
        desk.store.edit_phase(NOBODY, name="Other")
    assert desk.store.phases(made.id)[0].ends_on is None


def test_costs_are_added_to_the_cent(desk: Desk) -> None:
    made = desk.project()
    for kind, cost in [
        (PhaseKind.DESIGN, "0.10"),
        (PhaseKind.DESIGN, "0.20"),
        (PhaseKind.REVIEW, "999999999999.99"),
        (PhaseKind.DELIVERY, "999999999999.99"),
    ]:
        desk.phase(made, kind=kind, cost_estimate=Decimal(cost))

    costs = desk.store.costs(made.id)

    assert costs.total == Decimal("2000000000000.28")
    assert costs.by_kind == {
        PhaseKind.DESIGN: Decimal("0.30"),
        PhaseKind.REVIEW: Decimal("999999999999.99"),
        PhaseKind.DELIVERY: Decimal("999999999999.99"),
    }
    with pytest.raises(NotFound):
        desk.store.costs(NOBODY)


# --- the time line ------------------------------------------------------------------------------------------------------


def test_what_was_done_stands_in_the_time_line_and_what_was_not_does_not(desk: Desk) -> None:
    owner, user = uuid.uuid4(), uuid.uuid4()
    made = desk.project(owner)
    desk.store.add_member(made.id, user, MemberRole.VIEWER, by=owner)
    with pytest.raises(Conflict):
        desk.store.remove_member(made.id, owner, by=user)
    desk.store.change_role(made.id, user, MemberRole.REVIEWER, by=owner)
    phase = desk.phase(made, by=user)

    pages = list(in_pages(lambda cursor: desk.store.time_line(made.id, limit=3, cursor=cursor)))

    assert [[(one.verb, one.actor_id) for one in page] for page in pages] == [
        [("phase.add", user), ("member.change_role", owner), ("member.add", owner)],
        [("project.create", owner)],
    ]
    added, changed, _ = pages[0]
    assert (added.subject_type, added.subject_id) == (SubjectType.PHASE, phase.id)
    assert changed.payload == {"from": "viewer", "to": "reviewer"}
    assert [one.verb for one in desk.store.time_line(made.id, actor_id=user).items] == ["phase.add"]


def test_several_operations_are_one_transaction_where_that_is_asked(desk: Desk) -> None:
    made, store = desk.project(), desk.store

    def rename_and_invite(project_id: uuid.UUID) -> None:
        with store.transaction():
            store.update_project(made.id, version=1, name="Depot")
            store.add_member(project_id, NOBODY, MemberRole.VIEWER)

    with pytest.raises(NotFound):
        rename_and_invite(NOBODY)

    assert (store.project(made.id).name, desk.time_line(made.id)) == ("Warehouse", ["project.create"])
