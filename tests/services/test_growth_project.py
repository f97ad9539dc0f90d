"""The revisions of the service `project` with rows in its tables: forward, back and forward again, on every backend."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import dbkit.types as dbt
from dbkit.migrations import check, migrate, rollback
from dbkit.project import Project
from services.project import models
from tests.servers import Database

BODY = {"blocks": [{"text": "Où? 🏗"}], "a": 1.5}
MOMENT = datetime(2025, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
OWNER = uuid.UUID(int=0xAAAA)
MANY = 501  # one more than a batch of the revisions
SECOND, THIRD = 1000, 2000  # where the numbers of further projects begin

# the text that a status was, the label that it becomes, and what is noted of it
STATUSES = [
    ("draft", "draft", None),
    ("active", "active", None),
    ("ACTIVE", "active", "ACTIVE"),
    ("In Progress", "active", "In Progress"),
    (" on-hold ", "on_hold", " on-hold "),
    ("Paused", "on_hold", "Paused"),
    ("finished", "done", "finished"),
    ("Cancelled", "archived", "Cancelled"),
    ("Überfällig", "draft", "Überfällig"),
    ("", "draft", ""),
]
# the array of tags as it was, and what is carried over
TAGS: list[tuple[list[str | None], list[str]]] = [
    ([], []),
    (["iot", "überblick", "日本"], ["iot", "überblick", "日本"]),
    (["b", "a", "b", "", None, "  ", "a ", "A"], ["b", "a", "a ", "A"]),
    (["x" * 200], ["x" * 200]),
]


def key(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def table(table_name: str, /, **columns: Any) -> sa.TableClause:
    return sa.table(table_name, *(sa.column(column, type_) for column, type_ in columns.items()))


PROJECTS = table(
    "projects",
    id=dbt.v1.Uuid(),
    owner_id=dbt.v1.Uuid(),
    slug=dbt.v1.String(80),
    name=dbt.v1.String(200),
    status=dbt.v1.String(20),
    tags=dbt.v1.Array(dbt.v1.Text()),
)
MEMBERS = table("members", project_id=dbt.v1.Uuid(), user_id=dbt.v1.Uuid(), role=dbt.v1.String(20))
PHASES = table(
    "phases",
    id=dbt.v1.Uuid(),
    project_id=dbt.v1.Uuid(),
    position=dbt.v1.SmallInteger(),
    name=dbt.v1.String(120),
    kind=dbt.v1.String(20),
)
DOCUMENTS = table(
    "documents",
    id=dbt.v1.Uuid(),
    project_id=dbt.v1.Uuid(),
    phase_id=dbt.v1.Uuid(),
    author_id=dbt.v1.Uuid(),
    slug=dbt.v1.String(120),
    title=dbt.v1.String(200),
    kind=dbt.v1.String(20),
    body=dbt.v1.Json(),
    version=dbt.v1.Integer(),
    updated_at=dbt.v1.UtcDateTime(),
)
COMMENTS = table(
    "comments",
    id=dbt.v1.Uuid(),
    document_id=dbt.v1.Uuid(),
    thread_id=dbt.v1.Uuid(),
    author_id=dbt.v1.Uuid(),
    body=dbt.v1.Text(),
    mentions=dbt.v1.Array(dbt.v1.Text()),
)


def a_project(number: int, **values: object) -> dict[str, object]:
    defaults = {"owner_id": OWNER, "slug": f"p{number}", "name": f"Project {number}", "status": "draft", "tags": []}
    return {"id": key(number), **defaults, **values}


def insert(database: Database, into: sa.TableClause, rows: list[dict[str, Any]]) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.insert(into), rows)


def column(database: Database, of: sa.TableClause, name: str) -> dict[uuid.UUID, Any]:
    with database.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.select(of.c.id, of.c[name]))}


def count_each(session: Session) -> list[int]:
    hanging = (models.Member, models.Phase, models.Document, models.Comment)
    return [session.scalars(sa.select(sa.func.count()).select_from(model)).one() for model in hanging]


def fill(database: Database) -> None:
    """Put projects there for each status and each array of tags, many more, and one with all that hangs on a project."""
    insert(
        database,
        PROJECTS,
        [
            *(a_project(number, status=text) for number, (text, _, _) in enumerate(STATUSES, start=1)),
            *(a_project(number, tags=tags) for number, (tags, _) in enumerate(TAGS, start=SECOND)),
            *(a_project(number, tags=[f"t{number}", "all"], status="Paused") for number in range(THIRD, THIRD + MANY)),
        ],
    )
    insert(database, MEMBERS, [{"project_id": key(1), "user_id": OWNER, "role": "owner"}])
    phase = {"id": key(2), "project_id": key(1), "position": 1, "name": "Design", "kind": "design"}
    insert(database, PHASES, [phase])
    place = {"project_id": key(1), "phase_id": key(2), "author_id": OWNER}
    document = {"slug": "context", "title": "Context", "kind": "diagram", "version": 4, "updated_at": MOMENT}
    insert(database, DOCUMENTS, [{"id": key(3), **place, **document, "body": BODY}])
    comment = {"document_id": key(3), "thread_id": key(4), "author_id": OWNER, "body": "Why?"}
    insert(database, COMMENTS, [{"id": key(4), **comment, "mentions": ["grace", "ada", "grace", "", None]}])


@dataclass(frozen=True, kw_only=True)
class Head:
    """What the tables hold at head."""

    statuses: dict[uuid.UUID, tuple[str, str | None]]
    tags: dict[uuid.UUID, list[str]]
    visibilities: set[models.Visibility]
    mentions: list[str]
    versions: list[models.DocumentVersion]
    hanging: list[int]
    differences: tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Back:
    """What the tables hold back at the first revision."""

    statuses: dict[uuid.UUID, str]
    tags: dict[uuid.UUID, list[str]]
    mentions: dict[uuid.UUID, list[str]]
    bodies: dict[uuid.UUID, object]


def to_head(database: Database, project: Project) -> Head:
    result = migrate(project, ["project"])
    assert result.ok, result["project"]
    with Session(database.engine) as session:
        projects = session.scalars(sa.select(models.Project)).all()
        return Head(
            statuses={one.id: (one.status, one.status_note) for one in projects},
            tags={one.id: list(one.tags) for one in projects},
            visibilities={one.visibility for one in projects},
            mentions=list(session.get_one(models.Comment, key(4)).mentions),
            versions=list(session.scalars(sa.select(models.DocumentVersion))),
            hanging=count_each(session),
            differences=check(project, ["project"])["project"].differences,
        )


def to_the_first(database: Database, project: Project) -> Back:
    result = rollback(project, "project", to="0001")
    assert result.ok, result["project"]
    return Back(
        statuses=column(database, PROJECTS, "status"),
        tags=column(database, PROJECTS, "tags"),
        mentions=column(database, COMMENTS, "mentions"),
        bodies=column(database, DOCUMENTS, "body"),
    )


@dataclass(frozen=True, kw_only=True)
class Grown:
    """What was seen at each stop of the way."""

    head: Head
    back: Back
    again: Head


@pytest.fixture(scope="module")
def grown(database: Database, project: Project) -> Iterator[Grown]:
    """Go to head with rows, change a status, go back, and to head again, where it stays."""
    database.clean()
    assert migrate(project, ["project"], to="0001").ok
    fill(database)
    head = to_head(database, project)
    with Session(database.engine) as session, session.begin():
        session.get_one(models.Project, key(THIRD)).status = models.ProjectStatus.ACTIVE
    back = to_the_first(database, project)
    yield Grown(head=head, back=back, again=to_head(database, project))
    database.clean()


def first(found: dict[uuid.UUID, Any], start: int, how_many: int) -> list[Any]:
    return [found[key(number)] for number in range(start, start + how_many)]


def test_texts_become_labels_and_come_back_as_they_were(grown: Grown) -> None:
    labels = [(label, note) for _, label, note in STATUSES]

    assert first(grown.head.statuses, 1, len(STATUSES)) == labels
    assert first(grown.back.statuses, 1, len(STATUSES)) == [text for text, _, _ in STATUSES]
    assert first(grown.again.statuses, 1, len(STATUSES)) == labels


def test_a_status_that_was_changed_since_does_not_come_back_as_its_old_text(grown: Grown) -> None:
    assert first(grown.head.statuses, THIRD, 2) == [("on_hold", "Paused"), ("on_hold", "Paused")]
    assert first(grown.back.statuses, THIRD, 2) == ["active", "Paused"]


def test_tags_keep_their_order_in_a_table_and_in_the_array(grown: Grown) -> None:
    carried = [kept for _, kept in TAGS]

    for stop in (grown.head, grown.back, grown.again):
        assert first(stop.tags, SECOND, len(TAGS)) == carried


def test_more_projects_than_a_batch_holds_are_carried_over(grown: Grown) -> None:
    tags = [[f"t{number}", "all"] for number in range(THIRD, THIRD + MANY)]

    for stop in (grown.head, grown.back, grown.again):
        assert first(stop.tags, THIRD, MANY) == tags
    assert first(grown.back.statuses, THIRD + 1, MANY - 1) == ["Paused"] * (MANY - 1)
    assert first(grown.again.statuses, THIRD + 1, MANY - 1) == [("on_hold", "Paused")] * (MANY - 1)


def test_who_is_mentioned_keeps_their_order_in_a_table_and_in_the_array(grown: Grown) -> None:
    assert grown.head.mentions == ["grace", "ada"]
    assert grown.back.mentions == {key(4): ["grace", "ada"]}
    assert grown.again.mentions == ["grace", "ada"]


def test_a_document_becomes_the_first_version_that_is_kept(grown: Grown) -> None:
    text = '{"a":1.5,"blocks":[{"text":"Où? 🏗"}]}'.encode()

    for stop in (grown.head, grown.again):
        (kept,) = stop.versions
        assert (kept.document_id, kept.version, kept.title, kept.body) == (key(3), 4, "Context", BODY)
        assert (kept.checksum, kept.size_bytes) == (sha256(text).digest(), len(text))
        assert (kept.author_id, kept.saved_at) == (OWNER, MOMENT)
    assert grown.back.bodies == {key(3): BODY}


def test_what_hangs_on_a_project_survives_its_table_being_rebuilt(grown: Grown) -> None:
    assert (grown.head.hanging, grown.again.hanging) == ([1, 1, 1, 1], [1, 1, 1, 1])


def test_with_rows_the_database_does_not_differ_from_the_models(grown: Grown) -> None:
    assert (grown.head.differences, grown.again.differences) == ((), ())


def test_at_head_a_status_is_a_label(grown: Grown, database: Database) -> None:
    assert grown.again.statuses

    with pytest.raises(sa.exc.DBAPIError):
        insert(database, without_tags(), [values_without_tags(a_project(9000, status="Paused"))])


def test_a_project_was_private_before_and_is_shown_to_its_team_after(grown: Grown, database: Database) -> None:
    insert(database, without_tags(), [values_without_tags(a_project(9001))])

    with Session(database.engine) as session:
        assert session.get_one(models.Project, key(9001)).visibility is models.Visibility.TEAM
    assert grown.again.visibilities == {models.Visibility.PRIVATE}


def test_a_tag_that_does_not_fit_stops_it_before_anything_is_changed(database: Database, project: Project) -> None:
    database.clean()
    assert migrate(project, ["project"], to="0001").ok
    insert(database, PROJECTS, [a_project(1, tags=["short", "y" * 201])])

    found = migrate(project, ["project"])["project"]

    assert found.revision == "0002"
    assert str(key(1)) in str(found.error)
    assert "a tag of 201 characters" in str(found.error)
    assert not sa.inspect(database.engine).has_table("project_tags")
    assert column(database, PROJECTS, "tags") == {key(1): ["short", "y" * 201]}


def without_tags() -> sa.TableClause:
    return table("projects", **{one.name: one.type for one in PROJECTS.c if one.name != "tags"})


def values_without_tags(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "tags"}
