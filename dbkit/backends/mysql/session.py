"""What a session of the MySQL family is set to, and what its server says it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.mysql.errors import ERRORS, code_of
from dbkit.backends.protocol import Endpoint, Fault
from dbkit.backends.telling import tell_refused
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine.interfaces import DBAPIConnection

# What the strictest of the servers has by default: MariaDB 10.11 lacks ONLY_FULL_GROUP_BY and NO_ZERO_*.
SQL_MODE: Final = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION"

# How long after its deadline a statement is given up on this side: the server's own word keeps the connection, and comes first.
GRACE_S: Final = 0.5


def session_settings(endpoint: Endpoint, collation: str, deadline: str) -> tuple[str, ...]:
    """List what is set, the collation first.

    Args:
        endpoint: what was asked for.
        collation: the backend's own, where none was.
        deadline: the server's limit of a statement, used where there is a deadline.
    """
    names = f"NAMES utf8mb4 COLLATE {endpoint.collation or collation}"
    always = (names, "time_zone = '+00:00'", f"sql_mode = '{SQL_MODE}'")
    if endpoint.deadline_s is None:
        return always
    # whole seconds, of which the server takes one at least; a server that waits less than that keeps its own
    lock_wait = f"LEAST(@@GLOBAL.innodb_lock_wait_timeout, {max(1, int(endpoint.deadline_s))})"
    return (*always, f"innodb_lock_wait_timeout = {lock_wait}", deadline)


def leave_autocommit(*event: Any) -> None:  # noqa: ANN401 - SQLAlchemy's `do_connect`
    """Have the driver leave autocommit as the server has it, for `set_session` to switch off; unless somebody asked for it."""
    *_, arguments = event
    arguments.setdefault("autocommit", None)


def set_session(connection: DBAPIConnection, endpoint: Endpoint, settings: Sequence[str]) -> None:
    """Set a session: in one statement, else each as far as the server allows. With it autocommit, where the driver has left it.

    Raises:
        ConfigurationError: the server does not have the collation that was configured.
    """
    if getattr(connection, "autocommit_mode", False) is not None:
        _set(connection, endpoint, settings)
        return
    _set(connection, endpoint, (*settings, "autocommit = 0"))
    connection.autocommit(False)  # noqa: FBT003 - sends it once more only where the server's answer does not say that it is off


def _set(connection: DBAPIConnection, endpoint: Endpoint, settings: Sequence[str]) -> None:
    if _refused(connection, f"SET {', '.join(settings)}") is None:
        return
    place = endpoint.host or endpoint.socket
    for setting in settings:
        said = _refused(connection, f"SET {setting}")
        if said is None:
            continue
        if endpoint.collation is not None and setting is settings[0]:
            raise ConfigurationError(
                f"DATABASE_COLLATION is {endpoint.collation!r}, which {place} refuses: {said}",
                hint="SHOW COLLATION WHERE Charset = 'utf8mb4' lists what it has",
            )
        tell_refused(place, f"SET {setting}")


def socket_bound(endpoint: Endpoint, name: str) -> float | None:
    """Tell how long the driver waits for the network in a statement: as its option in the URL says, else by the deadline."""
    asked = endpoint.query.get(name)
    if asked:
        return float(asked)
    # a wait for a lock takes a second at least, whatever the deadline
    return None if endpoint.deadline_s is None else max(1.0, endpoint.deadline_s) + GRACE_S


def named_flavour(text: str) -> str | None:
    """Find the product's name in a version; None where it names none, as MySQL does."""
    found = re.search(r"tidb|mariadb", text, re.IGNORECASE)
    return found[0].lower() if found else None


def ask_version(connection: DBAPIConnection) -> str:
    """Ask for the version and its comment, in which TiDB and MariaDB name themselves too."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT VERSION(), @@version_comment")
        return " ".join(str(part) for part in cursor.fetchone() or ())
    finally:
        cursor.close()


def _refused(connection: DBAPIConnection, statement: str) -> str | None:
    """Send a statement; give what the server says where it refuses it. What ends the connection is raised."""
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
    except Exception as error:
        # a driver's error has the server's number; any other is none of the server's words
        if code_of(error) <= 0 or ERRORS.fault(error) in {Fault.CONNECTION_LOST, Fault.UNREACHABLE}:
            raise
        return ERRORS.message(error)
    finally:
        cursor.close()
    return None
