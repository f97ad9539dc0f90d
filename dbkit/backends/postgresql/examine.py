"""What is to be seen on a PostgreSQL server. Sources: https://www.postgresql.org/docs/current/runtime-config.html and view-pg-settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from dbkit.backends.names import quote
from dbkit.backends.observing import (
    ServerExaminer,
    advice,
    fine,
    judge_account,
    judge_idle,
    judge_limit,
    judge_version,
    observe_clock,
    problem,
)
from dbkit.backends.postgresql.collations import judge_text
from dbkit.backends.protocol import Demand, Endpoint, Examiner, Observation

if TYPE_CHECKING:
    import sqlalchemy as sa

# The oldest that its makers maintained in 2025: https://www.postgresql.org/support/versioning/; measured on 15.
OLDEST: Final = (13,)
# The columns of newer versions by way of JSON, in which those that are not there are NULL.
_DATABASE: Final = """
SELECT current_database() AS database, current_user AS account, current_schema() AS schema, pg_is_in_recovery() AS standby,
    coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale', d.datcollate) AS collate, d.datctype AS ctype,
    to_jsonb(d) ->> 'datcollversion' AS ordered_by, d.datconnlimit AS database_limit, r.rolconnlimit AS account_limit,
    r.rolsuper AS superuser, pg_backend_pid() AS pid
FROM pg_database d, pg_roles r
WHERE d.datname = current_database() AND r.rolname = current_user"""
# Since PostgreSQL 15, and NULL for a collation without a version, such as C: https://www.postgresql.org/docs/15/catalog-pg-database.html
_ORDER: Final = "SELECT pg_database_collation_actual_version(oid) FROM pg_database WHERE datname = current_database()"


@dataclass(frozen=True, kw_only=True)
class PostgresqlExaminer(ServerExaminer):
    """Looks at the settings, at the database's entry and at the account's."""

    def examine(self, connection: sa.Connection, endpoint: Endpoint, demand: Demand) -> Iterator[Observation]:
        """Look at the session, the database and the limits of server, database and account."""
        has = settings(connection)
        row = dict(connection.exec_driver_sql(_DATABASE).mappings().one())
        number = int(has["server_version_num"])
        version = divmod(number, 10000)
        yield judge_version("PostgreSQL", version, OLDEST)
        if row["ordered_by"] is not None:
            row["orders_by"] = connection.exec_driver_sql(_ORDER).scalar_one()
        yield from judge_text(has, row, asked=endpoint.collation)
        yield from judge_session(has)
        yield judge_account(str(row["account"]), superuser=row["superuser"])
        yield judge_schema(row, endpoint.schema)
        yield from judge_limits(has, row, demand)
        yield judge_writing(has, standby=row["standby"])
        yield from observe_clock(connection, "SELECT extract(epoch FROM clock_timestamp())")
        yield judge_pooler(row["pid"], cast("Any", connection.connection.dbapi_connection).info.backend_pid)


def settings(connection: sa.Connection) -> dict[str, str]:
    """Read all settings of the session that this account may see, times in their base unit."""
    return {
        str(name): str(value) for name, value in connection.exec_driver_sql("SELECT name, setting FROM pg_settings")
    }


def judge_session(has: Mapping[str, str]) -> Iterator[Observation]:
    """Judge what a session is set to."""
    zone = has["TimeZone"]
    if zone.upper() in {"UTC", "ETC/UTC"}:
        yield fine("session.time_zone", f"the session's time zone is UTC ({zone})")
    else:
        hint = "a pooler in transaction mode loses SET: set it for the account, ALTER ROLE … SET TimeZone = 'UTC'"
        yield problem(
            "session.time_zone", f"the session's time zone is {zone!r}: times without a zone are shifted", hint
        )
    yield fine("session.isolation", f"transactions are {has['transaction_isolation']}")
    for check, name, what in (
        ("session.statements", "statement_timeout", "statements"),
        ("session.transactions", "idle_in_transaction_session_timeout", "transactions that wait for their client"),
    ):
        limit_ms = int(has.get(name, "0"))
        ended = f"end after {limit_ms / 1000:g} s" if limit_ms else "have no limit of time"
        yield fine(check, f"{what} {ended} ({name})")


def judge_schema(row: Mapping[str, Any], asked: str | None) -> Observation:
    """Judge whether unqualified names mean a schema, and the one that was configured."""
    found, wanted = row["schema"], asked or "public"
    if found == wanted:
        return fine("database.schema", f"tables are in schema {found!r}")
    name = quote(wanted, '"', '"')
    if found is None:
        said = f"there is no schema {wanted!r} that {row['account']!r} may use"
        hint = f"CREATE SCHEMA {name}; GRANT USAGE ON SCHEMA {name} TO {quote(row['account'], chr(34), chr(34))}"
        return problem("database.schema", said, hint)
    hint = f"set DATABASE_SCHEMA={found}, or ALTER ROLE … SET search_path = {name}"
    return advice("database.schema", f"tables are in schema {found!r}, not {wanted!r} (search_path)", hint)


def judge_limits(has: Mapping[str, str], row: Mapping[str, Any], demand: Demand) -> Iterator[Observation]:
    """Hold the limits of server, database and account against the pool; -1 is none."""
    kept = 0 if row["superuser"] else sum(int(has.get(f"{who}reserved_connections", "0")) for who in ("superuser_", ""))
    limit = int(has["max_connections"]) - kept
    what = f"max_connections{f' without the {kept} kept for administrators' if kept else ''}"
    yield judge_limit("limits.server", what, limit=limit, demand=demand, hint="raise max_connections on the server")
    for check, of, word in (("limits.database", "database", "DATABASE"), ("limits.account", "account", "ROLE")):
        # an administrator is not held to them: https://www.postgresql.org/docs/current/sql-createrole.html
        held = None if row["superuser"] or row[f"{of}_limit"] < 0 else int(row[f"{of}_limit"])
        hint = f"ALTER {word} {quote(row[of], chr(34), chr(34))} CONNECTION LIMIT -1"
        yield judge_limit(check, f"the {of}'s CONNECTION LIMIT", limit=held, demand=demand, hint=hint)
    idle_s = int(has.get("idle_session_timeout", "0")) / 1000 or None
    hint = "ALTER ROLE … SET idle_session_timeout = 0"
    yield judge_idle("limits.idle", "idle_session_timeout", limit_s=idle_s, demand=demand, hint=hint)


def judge_writing(has: Mapping[str, str], *, standby: bool) -> Observation:
    """Judge whether rows can be written."""
    if standby:
        return problem("server.writable", "the server is a standby and only reads", "connect to the primary")
    if has.get("transaction_read_only") == "on":
        hint = "ALTER ROLE … RESET default_transaction_read_only, or the same for the database"
        return problem("server.writable", "transactions only read (default_transaction_read_only is on)", hint)
    return fine("server.writable", "the server takes writes")


def judge_pooler(server_pid: int, greeted_pid: int) -> Observation:
    """Tell a pooler by the process that it greets with, which is none of the server's (PgBouncer makes one up)."""
    if server_pid == greeted_pid:
        return fine("server.pooler", "nothing stands between, as far as can be told")
    return advice(
        "server.pooler",
        "a pooler stands between this machine and the server",
        "let it pool by session, and migrate past it: settings, prepared statements and the migration lock belong to a session",
    )


EXAMINER: Examiner = PostgresqlExaminer()
