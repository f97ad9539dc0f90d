"""The revisions of the service `user` on tables that hold rows: up to head, back, and up again, on every backend."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

import dbkit.types as dbt
from dbkit.migrations import check, migrate, rollback
from dbkit.project import Project
from tests.servers import Database
from tests.services.tables import shape

AT = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
NAMES = {
    "Ada King Lovelace": ("Ada King", "Lovelace"),
    "Grace Hopper": ("Grace", "Hopper"),
    "Teller": ("Teller", None),
    "Anna  Maria   Sibylla": ("Anna  Maria  ", "Sibylla"),
    "Ζωή Κωνσταντινοπούλου": ("Ζωή", "Κωνσταντινοπούλου"),
    "山田太郎": ("山田太郎", None),
    " Blank": ("", "Blank"),
    "Trailing ": ("Trailing", ""),
    "": ("", None),
    "x" * 200: ("x" * 200, None),
    "🏗" * 99 + " " + "ß" * 100: ("🏗" * 99, "ß" * 100),
}
NAMES |= {"ZOË Straße": ("ZOË", "Straße"), "Zoe\u0308": ("Zoe\u0308", None), "ΐ" * 200: ("ΐ" * 200, None)}
KEYS = {
    "ZOË Straße": "zoë strasse",
    "Zoe\u0308": "zoë",
    "Ζωή Κωνσταντινοπούλου": "ζωή κωνσταντινοπούλου",
    "ΐ" * 200: "\u03b9\u0308\u0301" * 200,
    "Teller": "teller",
}
"""What names are found by."""
PROFILE = {
    "job_title": "Architect",
    "avatar": bytes(range(256)),
    "locale": "de-CH",
    "time_zone": "UTC",
    "skills": ["UML", "日本"],
    "settings": {"theme": "dark", "panes": [1, None]},
    "created_at": AT,
    "updated_at": AT,
}
TYPES = {
    "user_id": dbt.v1.Uuid(),
    "avatar": dbt.v1.Binary(),
    "skills": dbt.v1.Array(dbt.v1.Text()),
    "settings": dbt.v1.Json(),
    "created_at": dbt.v1.UtcDateTime(),
    "updated_at": dbt.v1.UtcDateTime(),
}


@pytest.fixture(autouse=True)
def _emptied(database: Database) -> None:
    """Begin each test with an empty database."""
    database.clean()


def go(project: Project, to: str) -> None:
    """Go up to a revision."""
    result = migrate(project, ["user"], to=to)
    assert result.ok, result


def back(project: Project, to: str) -> None:
    """Go back to a revision."""
    result = rollback(project, "user", to=to)
    assert result.ok, result


def profiles(*names: str) -> sa.TableClause:
    """Name columns of the profiles, as they are at some revision."""
    return sa.table("profiles", *(sa.column(name, TYPES.get(name, dbt.v1.Text())) for name in ["user_id", *names]))


def insert_users(database: Database, ids: list[uuid.UUID]) -> None:
    """Write accounts."""
    users = sa.table("users", sa.column("id", dbt.v1.Uuid()), sa.column("email", dbt.v1.String(320)))
    with database.engine.begin() as connection:
        connection.execute(users.insert(), [{"id": id_, "email": f"{id_}@example.org"} for id_ in ids])


def insert_names(database: Database, names: list[str]) -> list[uuid.UUID]:
    """Write accounts with these full names and give their ids, as the first revision has them."""
    ids = [uuid.uuid4() for _ in names]
    insert_users(database, ids)
    table = profiles("full_name", "biography", *PROFILE)
    rows = [
        {"user_id": id_, "full_name": name, "biography": f"On {name}", **PROFILE}
        for id_, name in zip(ids, names, strict=True)
    ]
    with database.engine.begin() as connection:
        connection.execute(table.insert(), rows)
    return ids


def read(database: Database, *columns: str) -> dict[uuid.UUID, tuple[object, ...]]:
    """Read these columns of all profiles, by user."""
    table = profiles(*columns)
    with database.engine.connect() as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(sa.select(table))}


def test_names_are_split_come_back_and_are_split_again(database: Database, project: Project) -> None:
    go(project, "0001")
    ids = insert_names(database, list(NAMES))
    before = read(database, "full_name", "biography", *PROFILE)

    go(project, "0002")
    assert read(database, "given_name", "family_name") == dict(zip(ids, NAMES.values(), strict=True))
    assert read(database, "biography", *PROFILE) == {key: row[1:] for key, row in before.items()}

    go(project, "0004")
    columns = ("given_name", "family_name", "name_key", "about", *PROFILE)
    first, tables = read(database, *columns), shape(database.engine, "user")
    assert {name: first[id_][2] for id_, name in zip(ids, NAMES, strict=True) if name in KEYS} == KEYS

    back(project, "0001")
    assert read(database, "full_name", "biography", *PROFILE) == before
    assert read(database, "full_name") == {id_: (name,) for id_, name in zip(ids, NAMES, strict=True)}

    go(project, "head")
    assert read(database, *columns) == first
    assert shape(database.engine, "user") == tables
    assert check(project, ["user"]).services[0].differences == ()


def test_more_rows_than_a_batch_are_all_moved(database: Database, project: Project) -> None:
    go(project, "0001")
    ids = insert_names(database, [f"Given{number} Family{number}" for number in range(1001)])

    go(project, "0004")

    expected = {
        id_: (f"Given{number}", f"Family{number}", f"given{number} family{number}") for number, id_ in enumerate(ids)
    }
    assert read(database, "given_name", "family_name", "name_key") == expected
    back(project, "0001")
    assert read(database, "full_name") == {id_: (f"Given{n} Family{n}",) for n, id_ in enumerate(ids)}


def test_a_changed_default_counts_for_new_rows_alone(database: Database, project: Project) -> None:
    go(project, "0001")
    (there,) = insert_names(database, ["Ada Lovelace"])
    go(project, "0003")
    later = insert_without_zone(database)
    back(project, "0002")
    latest = insert_without_zone(database)

    assert read(database, "time_zone") == {there: ("UTC",), later: ("Etc/UTC",), latest: ("UTC",)}


def insert_without_zone(database: Database) -> uuid.UUID:
    """Write an account with a profile that says nothing of its time zone, and give its id."""
    new = uuid.uuid4()
    insert_users(database, [new])
    with database.engine.begin() as connection:
        connection.execute(profiles("given_name").insert(), [{"user_id": new, "given_name": "New"}])
    return new


def test_addresses_become_networks_and_what_is_none_goes(database: Database, project: Project) -> None:
    clients: list[object] = [
        {"address": "203.0.113.77", "user_agent": "Firefox"},
        {"address": "2001:db8:1:2:3:4:5:6"},
        {"address": "::ffff:198.51.100.9"},
        {"address": "fe80::1%eth0", "user_agent": "curl"},
        {"address": "unknown", "user_agent": "é"},
        {"address": None},
        {"user_agent": "Safari"},
        {"network": "192.0.2.0/24"},
        {},
        "the address 203.0.113.77",
        ["address", "203.0.113.77"],
        7,
    ]
    kept: list[object] = [
        {"network": "203.0.113.0/24", "user_agent": "Firefox"},
        {"network": "2001:db8:1::/48"},
        {"network": "198.51.100.0/24"},
        {"network": "fe80::/48", "user_agent": "curl"},
        {"user_agent": "é"},
        {},
        {"user_agent": "Safari"},
        {"network": "192.0.2.0/24"},
        {},
        {},
        {},
        {},
    ]
    go(project, "0004")
    ids = insert_sessions(database, clients)

    go(project, "0005")

    with database.engine.connect() as connection:
        found = {row.id: row.client for row in connection.execute(sa.select(SESSIONS.c.id, SESSIONS.c.client))}
    assert found == dict(zip(ids, kept, strict=True))
    assert "203.0.113.77" not in json.dumps(list(found.values()))


SESSIONS = sa.table(
    "sessions",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("user_id", dbt.v1.Uuid()),
    sa.column("token_hash", dbt.v1.Binary(32)),
    sa.column("client", dbt.v1.Json()),
    sa.column("expires_at", dbt.v1.UtcDateTime()),
)


def insert_sessions(database: Database, clients: Sequence[object]) -> list[uuid.UUID]:
    """Write sign-ins from these clients and give their ids."""
    user, ids = uuid.uuid4(), [uuid.uuid4() for _ in clients]
    insert_users(database, [user])
    rows = [
        {"id": id_, "user_id": user, "token_hash": id_.bytes * 2, "client": client, "expires_at": AT}
        for id_, client in zip(ids, clients, strict=True)
    ]
    with database.engine.begin() as connection:
        connection.execute(SESSIONS.insert(), rows)
    return ids


def test_what_cannot_be_undone_says_so_and_nothing_is_undone(database: Database, project: Project) -> None:
    go(project, "head")
    before = shape(database.engine, "user")

    for to in ("-1", "-2", "0001", "base"):
        for dry_run in (True, False):
            result = rollback(project, "user", to=to, dry_run=dry_run)

            (entry,) = result.services
            assert (result.ok, int(result.exit_code)) == (False, 1)
            assert entry.error == (
                "revision '0005' cannot be undone: the addresses that people signed in from are no longer known; "
                "nothing was undone"
            )
            assert entry.hint == "restore a backup that is older, or go forward with a new revision"
            assert (entry.revision, entry.applied) == ("0005", ())
    assert shape(database.engine, "user") == before
