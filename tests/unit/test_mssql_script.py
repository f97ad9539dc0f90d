"""The script for sqlcmd: whatever fails, nothing after it is executed, and every statement can stand where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dbkit.backends import backend_names, get_backend
from dbkit.backends.mssql.script import script
from dbkit.backends.optional import Scripted

GOLDEN = Path(__file__).parents[1] / "services" / "golden"
GUARD = "IF @@TRANCOUNT = 0 SET NOEXEC ON;"

# As Alembic writes two revisions, the second with a part that runs outside of a transaction.
WRITTEN = """BEGIN TRANSACTION;

CREATE TABLE version (n INT);

GO

-- Running upgrade  -> 0001

CREATE TABLE a (id INT);

GO

COMMIT;

GO

BEGIN TRANSACTION;

-- Running upgrade 0001 -> 0002

CREATE VIEW v AS SELECT 1 AS one;

GO

COMMIT;

GO

ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON;

GO

BEGIN TRANSACTION;

INSERT INTO version VALUES (2);

GO

COMMIT;

GO

"""


def batches(text: str) -> list[str]:
    """Cut a script as sqlcmd does: at lines that hold GO alone."""
    return [part.strip() for part in re.split(r"(?mi)^GO$", text) if part.strip()]


def test_each_statement_is_a_batch_and_each_open_transaction_is_guarded() -> None:
    assert batches(script(WRITTEN))[1:] == [
        "BEGIN TRANSACTION;",
        "CREATE TABLE version (n INT);",
        GUARD,
        "-- Running upgrade  -> 0001\n\nCREATE TABLE a (id INT);",
        GUARD,
        "COMMIT;",
        "BEGIN TRANSACTION;",
        "-- Running upgrade 0001 -> 0002\n\nCREATE VIEW v AS SELECT 1 AS one;",
        GUARD,
        "COMMIT;",
        "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON;",
        "BEGIN TRANSACTION;",
        "INSERT INTO version VALUES (2);",
        GUARD,
        "COMMIT;",
        "SET NOEXEC OFF;",
    ]


def test_the_script_sets_the_session_before_anything_else() -> None:
    assert batches(script(WRITTEN))[0].splitlines() == [
        "SET ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL, ARITHABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON;",
        "SET NUMERIC_ROUNDABORT OFF;",
        "SET XACT_ABORT ON;",
        "SET LANGUAGE us_english;",
        "SET DATEFORMAT ymd;",
    ]


class Client:
    """Sends batch after batch whatever happens, to a server with XACT_ABORT."""

    def __init__(self, fails: Callable[[str], bool]) -> None:
        self.committed: list[str] = []
        self._fails = fails
        self._pending: list[str] | None = None
        self._noexec = False

    def send(self, batch: str) -> None:
        statement = re.sub(r"(?m)^--.*$", "", batch).strip()
        if statement == "SET NOEXEC OFF;":
            self._noexec = False
        elif not self._noexec and not statement.startswith("SET "):
            self._execute(statement)

    def _execute(self, statement: str) -> None:
        if statement == GUARD:
            self._noexec = self._pending is None
        elif statement == "BEGIN TRANSACTION;":
            self._pending = []
        elif statement == "COMMIT;":
            assert self._pending is not None
            self.committed += self._pending
            self._pending = None
        elif self._fails(statement):
            self._pending = None
        else:
            (self.committed if self._pending is None else self._pending).append(statement)


def executed(text: str, fails: Callable[[str], bool]) -> list[str]:
    """Run a script and give what was committed."""
    client = Client(fails)
    for batch in batches(text):
        client.send(batch)
    return client.committed


@pytest.mark.parametrize("service", ["user", "project", "knowledge"])
def test_wherever_a_services_script_fails_nothing_of_it_is_committed(service: str) -> None:
    text = (GOLDEN / f"{service}_0001.mssql.sql").read_text(encoding="utf-8")
    statements = executed(text, lambda _statement: False)
    assert len(statements) >= 12
    assert statements[-1].startswith(f"INSERT INTO alembic_version_{service}")
    for failing in statements:
        assert executed(text, lambda statement, failing=failing: statement == failing) == []  # type: ignore[misc]  # bound


@pytest.mark.parametrize("service", ["user", "project", "knowledge"])
def test_no_index_of_a_service_is_larger_than_sql_server_takes(service: str) -> None:
    # 1700 bytes a key, none with (max): https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
    text = (GOLDEN / f"{service}_0001.mssql.sql").read_text(encoding="utf-8")
    tables = dict(re.findall(r"(?ms)^CREATE TABLE (\w+) \((.*?)^\);", text))
    keys = re.findall(r"CREATE INDEX \w+ ON (\w+) \(([^)]*)\)", text)
    keys += [
        (name, columns) for name, body in tables.items() for columns in re.findall(r"(?:UNIQUE|KEY) \(([^)]*)\)", body)
    ]
    assert len(keys) >= 12
    for table, columns in keys:
        assert 0 < sum(size(tables[table], column.strip()) for column in columns.split(",")) <= 1700


SIZES = {"UNIQUEIDENTIFIER": 16, "DATETIMEOFFSET": 10, "BIGINT": 8, "INTEGER": 4, "SMALLINT": 2, "DATE": 3, "BIT": 1}


def size(body: str, column: str) -> int:
    """Give the bytes that a column takes in a key, at most."""
    kind, length = re.findall(rf"(?m)^\s+{column} (\w+)(?:\((\w+)\))?", body)[0]
    if kind in SIZES:
        return SIZES[kind]
    return {"NVARCHAR": 2, "VARCHAR": 1, "VARBINARY": 1}[kind] * int(length)


def test_sql_server_alone_needs_a_script_of_its_own() -> None:
    assert [name for name in backend_names() if isinstance(get_backend(name).ddl, Scripted)] == ["mssql"]
