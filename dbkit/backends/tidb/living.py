"""Whether a session of a TiDB cluster has gone, and what it began has ended. What cannot be told counts as alive."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

# The cluster's list asks every server at its status port. Seen on 8.5.3: where one does not answer, TiDB tries for 40 s, and then
# leaves that server's sessions out, with a warning and no error.
PATIENCE_MS: Final = 5000
HERE: Final = sa.text("SELECT id FROM information_schema.processlist")
EVERYWHERE: Final = sa.text(
    f"SELECT /*+ MAX_EXECUTION_TIME({PATIENCE_MS}) */ id FROM information_schema.cluster_processlist"  # noqa: S608 - a constant
)
# Both name a server by the same UUID: https://docs.pingcap.com/tidb/stable/information-schema-tidb-servers-info
SERVERS: Final = sa.text("SELECT ddl_id FROM information_schema.tidb_servers_info")
THIS_SERVER: Final = sa.text("SHOW STATUS LIKE 'server_id'")
JOBS: Final = sa.text(
    "SELECT count(*) FROM information_schema.ddl_jobs"
    " WHERE db_name = :name AND state NOT IN ('synced', 'cancelled', 'rollback done')"
)


def dead(connection: sa.Connection, number: int, account: str) -> bool:
    """Whether a connection has gone and nothing that its run began is still being done.

    Our own number is no proof of life: numbers begin anew when a server does. Without the right PROCESS an account sees its own
    sessions only, so of another account's connection it can tell nothing.

    Args:
        connection: to the run's database.
        number: of the other's connection.
        account: of the other's connection, as current_user() gave it.
    """
    mine, me = connection.execute(sa.text("SELECT connection_id() AS mine, current_user() AS me")).one()
    if account != me and not _sees_all(connection):
        return False
    ours = int(number == mine)
    here = connection.scalars(HERE).all()
    if here.count(number) > ours or not (_alone(connection) or _gone(connection, number, ours=ours)):
        return False
    return not connection.scalar(JOBS, {"name": connection.engine.url.database})


def _alone(connection: sa.Connection) -> bool:
    """Whether this server is its cluster's only one: then its own list is the whole one."""
    this = connection.execute(THIS_SERVER).first()
    return this is not None and connection.scalars(SERVERS).all() == [this[1]]


def _gone(connection: sa.Connection, number: int, *, ours: int) -> bool:
    """Whether the list of the whole cluster could be had from every server, and has the number no more often than it is ours."""
    try:
        listed = connection.scalars(EVERYWHERE).all()
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    whole = not connection.execute(sa.text("SHOW WARNINGS")).all()
    return whole and listed.count(number) <= ours


def _sees_all(connection: sa.Connection) -> bool:
    grants = connection.scalars(sa.text("SHOW GRANTS")).all()
    return any(" ON *.* " in grant and ("ALL PRIVILEGES" in grant or "PROCESS" in grant) for grant in grants)
