"""A statement on TiDB that was refused with nothing but "try again later".

Seen on 8.5.3: while anybody in the cluster changes a schema, whatever a DDL is refused for before it is queued as a job comes as 8028,
in place of its own error (`toErr` in pkg/executor/ddl.go). Nothing of such a DDL is carried out, so it is sent again, and then says
why.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.marks import driver_error
from dbkit.backends.mysql.errors import code_of
from dbkit.backends.tidb.living import JOBS

if TYPE_CHECKING:
    import sqlalchemy as sa

# https://docs.pingcap.com/tidb/stable/error-codes
SCHEMA_CHANGED: Final = 8028
PAUSES_S: Final = (0.05, 0.2, 0.5, 1.0)
# https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html
IN_TRANSACTION: Final = 1


def send_until_told(
    connection: sa.Connection,
    prove: Callable[[], None],
    send: Callable[[], object],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send a statement, and send it again while the server does not say why it refuses it.

    Not where it stands in a transaction: a DDL commits that first, and what could not be committed would be left out. And not where
    a DDL of the database is unfinished, which may be this one.

    Args:
        connection: to the database.
        prove: is called before each time; may raise.
        send: sends it.
        sleep: waits some seconds.
    """
    raw: Any = connection.connection.dbapi_connection
    pauses_s = () if raw.server_status & IN_TRANSACTION else PAUSES_S
    for pause_s in pauses_s:
        prove()
        try:
            send()
        except Exception as error:
            if code_of(driver_error(error)) != SCHEMA_CHANGED or _unfinished(raw, connection):
                raise
            sleep(pause_s)
        else:
            return
    prove()
    send()


def _unfinished(raw: Any, connection: sa.Connection) -> bool:  # noqa: ANN401 - the driver's connection
    """Count the jobs below SQLAlchemy, whose statements are what is being sent."""
    with raw.cursor() as cursor:
        cursor.execute(JOBS.text.replace(":name", "%s"), (connection.engine.url.database,))
        return bool(cursor.fetchone()[0])
