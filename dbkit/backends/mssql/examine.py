"""What is to be seen on SQL Server. Written from Microsoft's pages; not measured, for no SQL Server was at hand.

- https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql (version, edition)
- https://learn.microsoft.com/sql/t-sql/functions/databasepropertyex-transact-sql (collation, updateability)
- https://learn.microsoft.com/sql/t-sql/functions/max-connections-transact-sql (@@MAX_CONNECTIONS)
- https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql (row versions, snapshot)
- https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support (CI, AI, BIN2)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.mssql.codecs import COLLATION
from dbkit.backends.observing import (
    ServerExaminer,
    advice,
    fine,
    judge_limit,
    judge_version,
    observe_clock,
    problem,
)
from dbkit.backends.protocol import Demand, Endpoint, Examiner, Observation

if TYPE_CHECKING:
    import sqlalchemy as sa

# SQL Server 2022, for which revisions and types are written.
OLDEST: Final = (16,)
# Azure SQL Database, and its Managed Instance, are always the newest and call themselves 12.
AZURE: Final = frozenset({5, 8})
_DATABASE: Final = """
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version,
    CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition,
    CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)) AS collation,
    CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(128)) AS updateability,
    @@MAX_CONNECTIONS AS max_connections,
    (SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = DB_NAME()) AS row_versions"""
# in seconds since 1970, with microseconds; DATEDIFF_BIG is there since 2016
_CLOCK: Final = "SELECT DATEDIFF_BIG(microsecond, '19700101', SYSUTCDATETIME()) / 1000000.0"


@dataclass(frozen=True, kw_only=True)
class MssqlExaminer(ServerExaminer):
    """Looks at the server's and the database's properties, which every account may read."""

    def examine(self, connection: sa.Connection, endpoint: Endpoint, demand: Demand) -> Iterator[Observation]:
        """Look at version, collation, isolation and limits; a session of SQL Server has no time zone."""
        row = connection.exec_driver_sql(_DATABASE).mappings().one()
        yield from judge(row, demand, asked=endpoint.collation)
        yield from observe_clock(connection, _CLOCK)


def judge(row: Mapping[Any, Any], demand: Demand, *, asked: str | None) -> Iterator[Observation]:
    """Judge the properties that were read."""
    if row["edition"] in AZURE:
        yield fine("server.version", "Azure SQL is supported")
    else:
        version = tuple(int(part) for part in str(row["version"]).split(".") if part.isdecimal())
        yield judge_version("SQL Server", version, OLDEST)
    yield judge_collation(str(row["collation"]), asked or COLLATION)
    hint = "connect to the primary; of an availability group, to its listener without ApplicationIntent=ReadOnly"
    if row["updateability"] == "READ_ONLY":
        yield problem("server.writable", "the database only reads", hint)
    else:
        yield fine("server.writable", "the database takes writes")
    yield judge_isolation(row_versions=row["row_versions"])
    yield judge_limit(
        "limits.server",
        "user connections",
        limit=int(row["max_connections"]),
        demand=demand,
        hint="raise 'user connections' with sp_configure",
    )


def judge_collation(collation: str, wanted: str) -> Observation:
    """Judge a collation by the parts of its name."""
    blanks = "trailing blanks"  # even BIN2 pads in `=`: https://learn.microsoft.com/sql/t-sql/language-elements/string-comparison-assignment
    over = [word for part, word in (("CI", "case"), ("AI", "accents")) if re.search(rf"_{part}(?:_|$)", collation)]
    said = f"the collation is {collation}, which passes over {' and '.join([*over, blanks])} in comparisons"
    if collation == wanted or not over:
        return fine("database.collation", said)
    return advice(
        "database.collation",
        f"{said}: keys that differ elsewhere are duplicates here",
        f"ALTER DATABASE … COLLATE {wanted}; it counts for new tables, existing ones keep theirs",
    )


def judge_isolation(*, row_versions: bool | int | None) -> Observation:
    """Judge whether readers wait for writers."""
    if row_versions:
        return fine("session.isolation", "transactions are read committed, on row versions")
    return advice(
        "session.isolation",
        "transactions are read committed by locks: readers and writers wait for each other",
        "ALTER DATABASE … SET READ_COMMITTED_SNAPSHOT ON",
    )


EXAMINER: Examiner = MssqlExaminer()
