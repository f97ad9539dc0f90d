"""What the MySQL family has in common: its drivers, those that are refused, its protocol."""

from __future__ import annotations

from typing import Final

from dbkit.backends.traits import ASYNC, SYNC, Driver
from dbkit.errors import MissingDriverError

REFUSED: Final = {
    # measured with aiomysql 0.3.2: a server that does not offer TLS gets the log-in, verifying SSLContext or not
    "aiomysql": "it does not verify: where the server offers no TLS, it goes on in clear and sends the log-in",
    # measured with mysql-connector 26.10: `ssl_ca` in a URL, it is unverified, and clear text where the server wants that
    "mysqlconnector": "it does not verify: with a CA in the URL alone it takes any certificate, and clear text too",
}

# Before 1.2 PyMySQL sends the log-in in clear to a server that does not offer TLS, whatever was asked for.
OLDEST: Final = (1, 2)

WIRE: Final = "mysql"
# right on TiDB too, whose variables tls_version and have_ssl are not (seen on 8.5.3)
TLS_QUERY: Final = "SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher')"


def drivers(extra: str) -> tuple[Driver, ...]:
    """List the drivers of a member of the family.

    Args:
        extra: the extra that brings PyMySQL.
    """
    return (
        Driver(name="pymysql", kinds=SYNC, extra=extra),
        Driver(name="asyncmy", kinds=ASYNC, extra="async", module="connect_asyncmy"),
    )


def check_pymysql() -> None:
    """Refuse a PyMySQL that may speak in clear.

    Raises:
        MissingDriverError: it is too old.
    """
    import pymysql

    if tuple(pymysql.VERSION[:2]) < OLDEST:
        raise MissingDriverError(
            f"PyMySQL {pymysql.VERSION_STRING} may send the log-in in clear", hint="pip install 'PyMySQL>=1.2'"
        )
