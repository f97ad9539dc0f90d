"""What stands in the tables of the service `knowledge` goes through its revisions, forward, back and forward again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

import dbkit.types as dbt
from dbkit.migrations import check, migrate, rollback
from dbkit.migrations.results import Result
from dbkit.project import Project
from tests.servers import Database

TABLES = ("resources", "topics", "resource_topics", "chunks", "citations", "bookmarks")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

resources = sa.table(
    "resources",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("kind", dbt.v1.String(20)),
    sa.column("title", dbt.v1.String(300)),
    sa.column("details", dbt.v1.Json()),
    sa.column("content_hash", dbt.v1.Binary(32)),
    sa.column("project_id", dbt.v1.Uuid()),
    sa.column("added_by", dbt.v1.Uuid()),
    sa.column("created_at", dbt.v1.UtcDateTime()),
)
grown = sa.table(
    "resources",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("details", dbt.v1.Json()),
    sa.column("language", dbt.v1.String(35)),
    sa.column("scope", dbt.v1.String(36)),
)
topics = sa.table(
    "topics",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("path", dbt.v1.String(400)),
    sa.column("name", dbt.v1.String(120)),
    sa.column("depth", dbt.v1.SmallInteger()),
)
resource_topics = sa.table(
    "resource_topics",
    sa.column("resource_id", dbt.v1.Uuid()),
    sa.column("topic_id", dbt.v1.Uuid()),
    sa.column("relevance", dbt.v1.Float()),
)
chunks = sa.table(
    "chunks",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("resource_id", dbt.v1.Uuid()),
    sa.column("position", dbt.v1.Integer()),
    sa.column("body", dbt.v1.Text()),
    sa.column("token_count", dbt.v1.Integer()),
    sa.column("embedding", dbt.v1.Array(dbt.v1.Float())),
    sa.column("embedding_model", dbt.v1.String(80)),
)
citations = sa.table(
    "citations",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("chunk_id", dbt.v1.Uuid()),
    sa.column("document_id", dbt.v1.Uuid()),
    sa.column("marker", dbt.v1.String(40)),
    sa.column("quote", dbt.v1.Text()),
    sa.column("created_by", dbt.v1.Uuid()),
)
bookmarks = sa.table(
    "bookmarks",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("user_id", dbt.v1.Uuid()),
    sa.column("resource_id", dbt.v1.Uuid()),
    sa.column("folder", dbt.v1.String(120)),
    sa.column("labels", dbt.v1.Array(dbt.v1.Text())),
    sa.column("note", dbt.v1.Text()),
    sa.column("created_at", dbt.v1.UtcDateTime()),
)
unweighed = sa.table("resource_topics", sa.column("resource_id", dbt.v1.Uuid()), sa.column("topic_id", dbt.v1.Uuid()))

DETAILS: dict[str, dict[str, Any]] = {
    "with a language": {"language": "de-AT", "licence": "MIT"},
    "with much else": {
        "language": "en",
        "ratio": 0.1 + 0.2,
        "least": 5e-324,
        "largest": 2**64 - 1,
        "smallest": -(2**63),
        "title": "Ärger — 誤 🎈",
        "Zulu": {"language": "fr", "a": [1, None, True, "x", 1.5, {}]},
        "empty": "",
    },
    "without one": {"licence": "MIT"},
    "with nothing": {},
    "with null": {"language": None},
    "with a number": {"language": 7},
    "with an object": {"language": {"spoken": "en"}},
    "with an empty text": {"language": ""},
    "with the longest": {"language": "x" * 35},
    "with a longer one": {"language": "x" * 36},
}
MOVED = {"with a language": "de-AT", "with much else": "en", "with the longest": "x" * 35}
MANY = range(2001, 3203)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What stood in the tables on their way, as the driver gave it."""

    first: dict[str, Rows]
    forward: dict[str, Rows]
    returned: dict[str, Rows]
    again: dict[str, Rows]


@pytest.fixture(scope="module")
def story(database: Database, project: Project) -> Story:
    """Fill the tables of the first revision, bring them to head, back to the first, and to head again."""
    database.clean()
    go(migrate(project, ["knowledge"], to="0001"))
    for fill in (one_of_each, many, the_same_in_several_scopes, copies, kept_by_users):
        fill(database)
    first = raw(database)
    go(migrate(project, ["knowledge"]))
    forward = raw(database)
    go(rollback(project, "knowledge", to="0001"))
    returned = raw(database)
    insert(database, resources, a_resource(39, content=30))
    insert(database, unweighed, {"resource_id": key(2), "topic_id": key(100)})
    go(migrate(project, ["knowledge"]))
    return Story(first=first, forward=forward, returned=returned, again=raw(database))


def go(result: Result) -> None:
    assert result.ok, result


def key(number: int) -> uuid.UUID:
    """Give a key that sorts as its number."""
    return uuid.UUID(int=number)


def a_resource(number: int, *, content: int, **values: object) -> dict[str, Any]:
    defaults = {"kind": "book", "title": f"Book {number}", "details": {}, "project_id": None, "added_by": key(900)}
    created = START + timedelta(hours=number)
    return {**defaults, "id": key(number), "content_hash": content.to_bytes(32), "created_at": created, **values}


def insert(database: Database, table: sa.TableClause, *rows: dict[str, Any]) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.insert(table), list(rows))


def read(database: Database, columns: Sequence[sa.ColumnClause[Any]], *, within: range) -> list[tuple[Any, ...]]:
    """Read rows whose first column, a key, is of a range."""
    query = sa.select(*columns).where(columns[0].between(key(within.start), key(within.stop - 1)))
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(*columns[:2]))]


def raw(database: Database) -> dict[str, Rows]:
    """Read all there is as the driver gives it."""
    found = {}
    with database.engine.connect() as connection:
        for table in TABLES:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()
            found[table] = sorted((dict(row) for row in rows), key=repr)
    return found


def one_of_each(database: Database) -> None:
    """Fill every table, without any copies."""
    insert(
        database,
        resources,
        *(
            a_resource(number, content=number, details=details, project_id=key(700) if number % 2 else None)
            for number, details in enumerate(DETAILS.values(), start=1)
        ),
    )
    insert(database, topics, {"id": key(100), "path": "a", "name": "A", "depth": 0})
    insert(database, resource_topics, {"resource_id": key(1), "topic_id": key(100), "relevance": 0.1 + 0.2})
    chunk = {"id": key(200), "resource_id": key(1), "position": 1, "body": "…", "token_count": 1}
    insert(database, chunks, {**chunk, "embedding": [0.1, -1.5, 1 / 3], "embedding_model": "m"})
    citation = {"id": key(300), "chunk_id": key(200), "document_id": key(800), "marker": "[1]"}
    insert(database, citations, {**citation, "quote": "…", "created_by": key(900)})
    bookmark = {"id": key(400), "user_id": key(900), "resource_id": key(1), "folder": "später"}
    insert(database, bookmarks, {**bookmark, "labels": ["ä", ""], "note": None, "created_at": START})


def many(database: Database) -> None:
    """Make more rows than two batches hold."""
    values = (
        a_resource(number, content=number, details={"language": f"l{number}"}, project_id=key(number))
        for number in MANY
    )
    insert(database, resources, *values)


def the_same_in_several_scopes(database: Database) -> None:
    """Make one content for all and in two projects, and equally old copies of another."""
    owners = [(11, None), (12, None), (13, key(700)), (14, key(700)), (15, key(701))]
    insert(database, resources, *(a_resource(number, content=20, project_id=owner) for number, owner in owners))
    ages = [(16, START), (17, START - timedelta(microseconds=1)), (18, START - timedelta(microseconds=1))]
    insert(database, resources, *(a_resource(number, content=21, created_at=age) for number, age in reversed(ages)))


def copies(database: Database) -> None:
    """Make three copies, of which the first has no chunks, and what hangs on them."""
    insert(database, resources, *(a_resource(number, content=30) for number in (31, 32, 33)))
    made = [{"id": key(110 + n), "path": path, "name": path, "depth": 0} for n, path in enumerate("xyz")]
    insert(database, topics, *made)
    spoken = [(31, 0, 0.5), (32, 0, 0.9), (32, 1, 0.8), (33, 1, 0.7), (33, 2, 0.6)]
    insert(
        database,
        resource_topics,
        *({"resource_id": key(one), "topic_id": key(110 + topic), "relevance": much} for one, topic, much in spoken),
    )
    texts = [(32, 1, "one"), (32, 3, "three"), (33, 1, "three"), (33, 2, "other"), (33, 9, "last"), (33, 0, "first")]
    plain = {"token_count": 1, "embedding": None, "embedding_model": None}
    insert(
        database,
        chunks,
        *(
            {"id": key(210 + n), "resource_id": key(one), "position": position, "body": body, **plain}
            for n, (one, position, body) in enumerate(texts)
        ),
    )
    cited = {"document_id": key(801), "quote": "…", "created_by": key(900)}
    marked = [{"id": key(310 + n), "chunk_id": key(210 + n), "marker": f"[{n}]", **cited} for n in range(6)]
    insert(database, citations, *marked)


def kept_by_users(database: Database) -> None:
    """Make three copies that users keep."""
    insert(database, resources, *(a_resource(number, content=40) for number in (41, 42, 43)))
    rows = [
        (410, 900, 42, ["x"], "older", 0),
        (411, 900, 41, ["y", "x"], "mine", 5),
        (412, 901, 43, ["p"], None, 2),
        (413, 901, 42, ["q", "p"], "only", 3),
        (414, 902, 43, [], None, 1),
    ]
    insert(
        database,
        bookmarks,
        *(
            {"id": key(number), "user_id": key(user), "resource_id": key(resource), "folder": "f", "labels": labels}
            | {"note": note, "created_at": START + timedelta(hours=hours)}
            for number, user, resource, labels, note, hours in rows
        ),
    )


@pytest.mark.usefixtures("story")
def test_the_language_moves_out_of_the_details_and_the_rest_of_them_stays(database: Database) -> None:
    kept = {
        name: {part: value for part, value in details.items() if part != "language" or name not in MOVED}
        for name, details in DETAILS.items()
    }
    expected = [(key(number), kept[name], MOVED.get(name)) for number, name in enumerate(DETAILS, start=1)]
    assert read(database, [grown.c.id, grown.c.details, grown.c.language], within=range(1, 11)) == expected


def test_rows_come_back_to_the_last_bit_and_go_forward_again(story: Story) -> None:
    left = {table: [row for row in rows if row in story.returned[table]] for table, rows in story.first.items()}

    assert {table: len(rows) for table, rows in left.items()} == {
        "resources": len(DETAILS) + len(MANY) + 3 + 1 + 1 + 1,
        "topics": 4,
        "resource_topics": 1 + 1,
        "chunks": 1,
        "citations": 1 + 2,
        "bookmarks": 1,
    }
    assert [row for row in story.forward["resources"] if row not in story.again["resources"]] == []
    assert {table: len(rows) for table, rows in story.again.items()} == {
        **{table: len(rows) for table, rows in story.forward.items()},
        "resource_topics": len(story.forward["resource_topics"]) + 1,
    }


@pytest.mark.usefixtures("story")
def test_more_rows_than_a_batch_holds_are_all_moved(database: Database) -> None:
    expected = [(key(number), f"l{number}", str(key(number))) for number in MANY]

    assert read(database, [grown.c.id, grown.c.language, grown.c.scope], within=MANY) == expected


@pytest.mark.usefixtures("story")
def test_a_resource_is_unique_in_its_project_and_among_those_for_all(database: Database) -> None:
    scopes = [(key(11), "all"), (key(13), str(key(700))), (key(15), str(key(701)))]

    assert read(database, [grown.c.id, grown.c.scope], within=range(11, 16)) == scopes
    with pytest.raises(IntegrityError):
        insert(database, resources, a_resource(99, content=20))


@pytest.mark.usefixtures("story")
def test_the_oldest_copy_stays_and_of_equally_old_ones_the_first_by_key(database: Database) -> None:
    assert read(database, [grown.c.id, grown.c.scope], within=range(16, 19)) == [(key(17), "all")]


@pytest.mark.usefixtures("story")
def test_topics_chunks_and_citations_of_copies_join_the_one_that_stays(database: Database) -> None:
    stays = key(31)

    assert read(database, [grown.c.id, grown.c.scope], within=range(31, 40)) == [(stays, "all")]
    spoken = [(stays, key(110), 0.5), (stays, key(111), 0.8), (stays, key(112), 0.6)]
    assert read(database, list(resource_topics.c), within=range(31, 40)) == spoken
    placed = [(key(210), stays, 1), (key(211), stays, 3)]
    assert read(database, [chunks.c.id, chunks.c.resource_id, chunks.c.position], within=range(210, 220)) == placed
    # its own; its own; the same text; the last before it; the last before it; none before it, so the first
    cited = [(310, 210), (311, 211), (312, 211), (313, 210), (314, 211), (315, 210)]
    expected = [(key(citation), key(chunk)) for citation, chunk in cited]
    assert read(database, [citations.c.id, citations.c.chunk_id], within=range(310, 320)) == expected


@pytest.mark.usefixtures("story")
def test_a_user_has_one_bookmark_after_the_merge_with_what_all_of_them_held(database: Database) -> None:
    columns = [bookmarks.c[name] for name in ("id", "user_id", "resource_id", "labels", "note")]

    assert read(database, columns, within=range(410, 420)) == [
        (key(411), key(900), key(41), ["y", "x"], "mine\n\nolder"),
        (key(412), key(901), key(41), ["p", "q"], "only"),
        (key(414), key(902), key(41), [], None),
    ]


def test_a_copy_that_was_merged_does_not_come_back(story: Story) -> None:
    counts = [
        len(stage["resources"]) - len(DETAILS) - len(MANY) for stage in (story.first, story.forward, story.returned)
    ]

    assert counts == [14, 6, 6]


def test_a_renamed_column_keeps_its_values(story: Story) -> None:
    assert sorted(row["folder"] for row in story.first["bookmarks"]) == ["f", "f", "f", "f", "f", "später"]
    assert sorted(row["shelf"] for row in story.forward["bookmarks"]) == ["f", "f", "f", "später"]
    assert sorted(row["folder"] for row in story.returned["bookmarks"]) == ["f", "f", "f", "später"]


@pytest.mark.usefixtures("story")
def test_a_default_that_changes_leaves_what_is_there(database: Database) -> None:
    insert(database, unweighed, {"resource_id": key(3), "topic_id": key(100)})

    weighed = [(key(1), key(100), 0.1 + 0.2), (key(2), key(100), 1.0), (key(3), key(100), 0.5)]
    assert read(database, list(resource_topics.c), within=range(1, 11)) == weighed


@pytest.mark.usefixtures("story")
def test_after_all_of_it_models_and_tables_agree(project: Project) -> None:
    assert [(entry.error, entry.differences) for entry in check(project, ["knowledge"]).services] == [(None, ())]


@pytest.mark.usefixtures("story")
def test_a_merge_that_failed_before_its_rule_was_made_goes_on_when_run_again(
    database: Database, project: Project
) -> None:
    go(rollback(project, "knowledge", to="0003"))
    insert(database, resources, *(a_resource(number, content=50) for number in (52, 51)))
    table = sa.Table("resources", sa.MetaData(), sa.Column("kind", sa.String(64)))
    in_the_way = sa.Index("ix_resources_scope_content_hash", table.c.kind)
    in_the_way.create(database.engine)

    failed = migrate(project, ["knowledge"], to="0004")["knowledge"]
    in_the_way.drop(database.engine)
    insert(database, resources, a_resource(53, content=50))
    go(migrate(project, ["knowledge"]))

    assert (failed.revision, failed.error is None) == ("0003", False)
    assert read(database, [grown.c.id, grown.c.scope], within=range(51, 54)) == [(key(51), "all")]
