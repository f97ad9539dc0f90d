"""What is to be seen on a server of the MySQL family."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from dbkit.backends.mysql.collations import observe_text
from dbkit.backends.mysql.connect import CONNECTOR, MysqlConnector
from dbkit.backends.mysql.judging import judge_limits, judge_log_in, judge_session, judge_writing
from dbkit.backends.observing import ServerExaminer, advice, fine, judge_account, judge_version, observe_clock
from dbkit.backends.protocol import Demand, Endpoint, Examiner, Observation

if TYPE_CHECKING:
    import sqlalchemy as sa

_ANYTHING: Final = re.compile(r"GRANT (?:ALL PRIVILEGES|.*\bSUPER\b).* ON \*\.\* TO ")


@dataclass(frozen=True, kw_only=True)
class MysqlExaminer(ServerExaminer):
    """Looks at one member of the family; the others differ in age, collation and what they add."""

    connector: MysqlConnector
    title: str
    oldest: tuple[int, ...]
    """The oldest version that dbkit is made for."""
    collation: str
    """Compares case, accents and trailing blanks exactly."""
    forgetful: bool = False
    """Whether an ALTER USER that does not say REQUIRE SSL takes it away."""

    def examine(self, connection: sa.Connection, endpoint: Endpoint, demand: Demand) -> Iterator[Observation]:
        """Look at the session, the database and the server's limits."""
        has = variables(connection)
        said = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
        yield judge_version(self.title, self.connector.version(said), self.oldest)
        yield from observe_text(connection, has, exact=self.collation, asked=endpoint.collation)
        yield from judge_session(has)
        yield from judge_limits(has, demand)
        yield from judge_writing(has)
        yield from observe_clock(connection, "SELECT UNIX_TIMESTAMP(NOW(6))")
        yield _account(connection)
        yield self.judge_proxy(endpoint, connection)
        yield from self.judge_product(connection, has)
        if endpoint.tls.mode == "verify":
            # CURRENT_USER() has the host of the account; TiDB's SHOW CREATE USER of it has the client's
            account = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
            created = str(connection.exec_driver_sql("SHOW CREATE USER CURRENT_USER()").scalar_one())
            yield judge_log_in(account, created, has, forgetful=self.forgetful)

    def judge_proxy(self, endpoint: Endpoint, connection: sa.Connection) -> Observation:
        """Tell a proxy by the connection's number: it greets with one of its own. The greeting has 32 bits of it."""
        del self, endpoint
        driver = cast("Any", connection.connection.dbapi_connection)
        number = int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
        if driver.thread_id() in {number, number & 0xFFFFFFFF}:
            return fine("server.pooler", "nothing stands between, as far as can be told")
        said = "a proxy stands between this machine and the server"
        hint = "let it keep one server connection per client connection: settings and locks belong to a session"
        return advice("server.pooler", said, hint)

    def judge_product(self, connection: sa.Connection, has: Mapping[str, str]) -> Iterator[Observation]:
        """Look at what this member alone has."""
        del self, connection, has
        yield from ()


def variables(connection: sa.Connection) -> dict[str, str]:
    """Read all variables of the session, which every account may."""
    return {str(name): str(value) for name, value in connection.exec_driver_sql("SHOW SESSION VARIABLES")}


def _account(connection: sa.Connection) -> Observation:
    grants = connection.exec_driver_sql("SHOW GRANTS").scalars().all()
    name = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
    return judge_account(name, superuser=any(_ANYTHING.match(line) for line in grants))


EXAMINER: Examiner = MysqlExaminer(
    connector=cast("MysqlConnector", CONNECTOR),
    title="MySQL",
    # utf8mb4_0900_bin: https://dev.mysql.com/doc/relnotes/mysql/8.0/en/news-8-0-17.html
    oldest=(8, 0, 17),
    collation="utf8mb4_0900_bin",
)
