"""Which rights accounts need on MySQL 8, and the base of its family.

One statement per right, so that each says what it is for. https://dev.mysql.com/doc/refman/8.0/en/privileges-provided.html
GET_LOCK, by which migrations lock, needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dbkit.backends.names import quote
from dbkit.backends.protocol import Grant, GrantPlace, Grants, Role
from dbkit.backends.rights import PASSWORD

if TYPE_CHECKING:
    import sqlalchemy as sa

SERVICE: Final[Mapping[str, str]] = {
    "SELECT": "SELECT from its tables, and reading the version table for health and status",
    "INSERT": "INSERT into its tables",
    "UPDATE": "UPDATE of rows in its tables",
    "DELETE": "DELETE of rows from its tables",
}
FAMILY: Final[Mapping[str, str]] = {
    "SELECT": "reading the version table, and rows in revisions",
    "INSERT": "noting a revision as applied, and INSERT in revisions",
    "UPDATE": "noting the next revision, and UPDATE in revisions",
    "DELETE": "noting a revision as undone, and DELETE in revisions",
    "CREATE": "creating the database (dbkit create), and CREATE TABLE in revisions",
    "DROP": "DROP TABLE in revisions and rollbacks, and dropping the database (dbkit drop)",
    "ALTER": "ALTER TABLE in revisions",
    "INDEX": "CREATE INDEX and DROP INDEX in revisions",
    "CREATE TEMPORARY TABLES": "temporary tables in revisions",
    "CREATE VIEW": "CREATE VIEW in revisions",
    "SHOW VIEW": "reading how a view is defined, in revisions",
}
VERSION: Final[Mapping[Role, Mapping[str, str]]] = {
    Role.SERVICE: {"SELECT": "reading the version table for health and status"},
    Role.MIGRATION: {
        "SELECT": "reading the version table",
        "INSERT": "noting a revision as applied",
        "UPDATE": "noting the next revision",
        "DELETE": "noting a revision as undone",
        "CREATE": "making the version table",
    },
}
REFERENCES: Final = {"REFERENCES": "foreign keys in revisions"}
ROUTINES: Final = {
    # https://dev.mysql.com/doc/refman/8.0/en/stored-programs-logging.html
    "TRIGGER": "triggers in revisions; with binary logging the server also needs log_bin_trust_function_creators = 1",
    "CREATE ROUTINE": "procedures and functions in revisions",
}
# What SHOW GRANTS says of a whole server or database: `GRANT SELECT, INSERT ON `shop\_db`.* TO …`
_HELD: Final = re.compile(r"GRANT (?P<rights>.+?) ON (?P<database>\*|`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\")\.\* TO ")


@dataclass(frozen=True, kw_only=True)
class MysqlGrants:
    """Words the rights of one member of the family."""

    migration: Mapping[str, str] = field(default_factory=lambda: {**FAMILY, **REFERENCES, **ROUTINES})
    """The rights of the migration account and what each is for."""

    def script(self, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Word the account and its rights on the database; there is no way to leave single tables out that are still to come."""
        account = _account(place, role)
        tls = " REQUIRE SSL" if place.tls else ""
        made = Grant(sql=f"CREATE USER {account} IDENTIFIED BY {PASSWORD}{tls}", purpose="logging in")
        return (made, *self._rights(place, role).values())

    def missing(self, connection: sa.Connection, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Compare with SHOW GRANTS, which has the rights of active roles too."""
        lines = connection.exec_driver_sql("SHOW GRANTS").scalars().all()
        databases = {database for database, _right in self._rights(place, role)}
        held = {(database, right) for database in databases for line in lines for right in _held(line, database)}
        # Of several accounts of one name the server takes the one whose host fits best: the grant must name that.
        host = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar()).rpartition("@")[2]
        rights = self._rights(replace(place, client_host=host), role)
        enough = {database for database, right in held if right == "ALL PRIVILEGES"}
        return tuple(grant for key, grant in rights.items() if key not in held and key[0] not in enough)

    def _rights(self, place: GrantPlace, role: Role) -> dict[tuple[str, str], Grant]:
        """Word the rights by database: the version table may be in one of its own, which is what a schema is here."""
        wanted = {place.database: SERVICE if role is Role.SERVICE else self.migration}
        if place.version_schema is not None:
            wanted.setdefault(place.version_schema, VERSION[role])
        account = _account(place, role)
        return {
            (database, right): Grant(
                sql=f"GRANT {right} ON {quote(escaped(database), '`', '`')}.* TO {account}", purpose=purpose
            )
            for database, rights in wanted.items()
            for right, purpose in rights.items()
        }


def _account(place: GrantPlace, role: Role) -> str:
    """Quote an account as identifiers are: within '…' a backslash would mean one thing or another by the sql_mode."""
    return f"{quote(place.account(role), '`', '`')}@{quote(place.client_host, '`', '`')}"


def escaped(database: str) -> str:
    r"""Escape what GRANT reads as wildcards: `a_b` also names `axb`, `a\_b` does not (seen on MariaDB 10.11 and TiDB 8.5)."""
    return re.sub(r"([\\_%])", r"\\\1", database)


def _held(line: str, database: str) -> Iterator[str]:
    """Read the rights that one line of SHOW GRANTS gives on a database."""
    found = _HELD.match(line)
    if found and (found["database"] == "*" or _matches(found["database"], database)):
        yield from (right.strip().upper() for right in found["rights"].split(","))


def _matches(quoted: str, database: str) -> bool:
    """Tell whether a pattern of GRANT names a database; TiDB has names without regard to case, and so it is done for all."""
    pattern = quoted[1:-1].replace(quoted[0] * 2, quoted[0])
    words = {"_": ".", "%": ".*"}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join(words.get(part) or re.escape(part.removeprefix("\\") or part) for part in parts)
    return re.fullmatch(expression, database, re.IGNORECASE | re.DOTALL) is not None


GRANTS: Grants = MysqlGrants()
