"""What a session of the MySQL family is set to, and what its server says it is."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends.mysql.errors import ERRORS
from dbkit.backends.protocol import Endpoint, Fault

if TYPE_CHECKING:
    from pymysql.connections import Connection

log = logging.getLogger(__name__)

# What the strictest of the servers has by default: MariaDB 10.11 lacks ONLY_FULL_GROUP_BY and NO_ZERO_*.
SQL_MODE: Final = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION"


def set_session(connection: Connection[Any], endpoint: Endpoint, collation: str) -> None:
    """Set UTC, strictness and collation: in one statement, else each as far as the server allows.

    Lifts the bounds of the handshake, and forgets the password, which PyMySQL keeps on the connection.
    """
    connection.password = b""
    parts = (f"NAMES utf8mb4 COLLATE {collation}", "time_zone = '+00:00'", f"sql_mode = '{SQL_MODE}'")
    if not _try(connection, f"SET {', '.join(parts)}"):
        refused = [part for part in parts if not _try(connection, f"SET {part}")]
        for part in refused:
            log.warning("%s refuses SET %s; the session keeps its own", endpoint.host or endpoint.socket, part)
    for name in ("read_timeout", "write_timeout"):
        asked = endpoint.query.get(name)
        setattr(connection, f"_{name}", float(asked) if asked else None)


def named_flavour(text: str) -> str | None:
    """Find the product's name in a version; None where it names none, as MySQL does."""
    found = re.search(r"tidb|mariadb", text, re.IGNORECASE)
    return found[0].lower() if found else None


def ask_version(connection: Connection[Any]) -> str:
    """Ask for the version and its comment, in which TiDB and MariaDB name themselves too."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT VERSION(), @@version_comment")
        return " ".join(str(part) for part in cursor.fetchone() or ())
    finally:
        cursor.close()


def _try(connection: Connection[Any], statement: str) -> bool:
    """Send a statement; False where the server refuses it. What ends the connection is raised."""
    import pymysql

    cursor = connection.cursor()
    try:
        cursor.execute(statement)
    except pymysql.err.MySQLError as error:
        if ERRORS.fault(error) in {Fault.CONNECTION_LOST, Fault.UNREACHABLE}:
            raise
        return False
    finally:
        cursor.close()
    return True
