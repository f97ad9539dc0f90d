"""How what a session and a server of the MySQL family are set to is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from dbkit.backends.mysql.session import SQL_MODE
from dbkit.backends.names import quote
from dbkit.backends.observing import advice, fine, judge_idle, judge_limit, problem
from dbkit.backends.protocol import Demand, Observation

_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`", re.DOTALL)
_TLS: Final = re.compile(r"\bREQUIRE (?:SSL|X509|SUBJECT|ISSUER|CIPHER)\b")
_ON: Final = frozenset({"ON", "1", "YES"})
_READ_ONLY: Final = ("read_only", "super_read_only", "tidb_restricted_read_only", "tidb_super_read_only")


def judge_session(has: Mapping[str, str]) -> Iterator[Observation]:
    """Judge what a session is set to; a server may have refused it."""
    zone = has.get("time_zone", "")
    if zone in {"+00:00", "UTC"}:
        yield fine("session.time_zone", f"the session's time zone is UTC ({zone})")
    else:
        yield problem(
            "session.time_zone",
            f"the session's time zone is {zone!r}: times are shifted on their way in and out",
            "have the server allow SET time_zone",
        )
    lacking = sorted(set(SQL_MODE.split(",")) - set(has.get("sql_mode", "").split(",")))
    if lacking:
        yield problem(
            "session.sql_mode",
            f"the session's sql_mode lacks {', '.join(lacking)}: values that do not fit are cut instead of refused",
            "have the server allow SET sql_mode",
        )
    else:
        yield fine("session.sql_mode", "the session is strict (sql_mode)")
    yield judge_isolation(has.get("transaction_isolation") or has.get("tx_isolation", ""))


def judge_isolation(level: str) -> Observation:
    """Judge the isolation of transactions."""
    if level == "READ-UNCOMMITTED":
        hint = "set transaction_isolation='REPEATABLE-READ' on the server"
        return problem("session.isolation", "transactions read what others have not committed (READ-UNCOMMITTED)", hint)
    return fine("session.isolation", f"transactions are {level.replace('-', ' ').lower()}")


def judge_limits(has: Mapping[str, str], demand: Demand) -> Iterator[Observation]:
    """Hold the server's and the account's limits against the pool; 0 is none."""
    for check, name, hint in (
        ("limits.server", "max_connections", "raise max_connections on the server"),
        ("limits.account", "max_user_connections", "ALTER USER … WITH MAX_USER_CONNECTIONS 0"),
    ):
        limit = int(has.get(name, "0")) or None
        yield judge_limit(check, name, limit=limit, demand=demand, hint=hint)
    limit_s = float(has.get("wait_timeout", "0")) or None
    yield judge_idle(
        "limits.idle", "wait_timeout", limit_s=limit_s, demand=demand, hint="raise wait_timeout on the server"
    )


def judge_writing(has: Mapping[str, str]) -> Iterator[Observation]:
    """Judge whether rows can be written, safely."""
    closed = [name for name in _READ_ONLY if has.get(name, "OFF").upper() in _ON]
    if closed:
        hint = "connect to the primary, or have an administrator switch it off"
        yield problem("server.writable", f"the server only reads ({', '.join(closed)} is on)", hint)
    else:
        yield fine("server.writable", "the server takes writes")
    engine = has.get("default_storage_engine", "InnoDB")
    if not re.fullmatch("InnoDB|NDBCLUSTER|ROCKSDB", engine, re.IGNORECASE):
        hint = "set default_storage_engine=InnoDB on the server"
        yield problem("server.storage", f"new tables are {engine}, which knows no transactions", hint)
    if has.get("foreign_key_checks", "ON").upper() not in _ON:
        hint = "set foreign_key_checks=ON on the server"
        yield problem("session.foreign_keys", "foreign keys are not checked (foreign_key_checks)", hint)


def judge_log_in(account: str, created: str, has: Mapping[str, str], *, forgetful: bool) -> Observation:
    """Judge whether an account may log in without TLS.

    Args:
        account: as CURRENT_USER() gives it.
        created: its SHOW CREATE USER, whose quoted parts are the business of others.
        has: the server's variables.
        forgetful: whether an ALTER USER takes REQUIRE SSL away unless it says it anew.
    """
    if has.get("require_secure_transport", "OFF").upper() in _ON:
        return fine("tls.account", "the server lets nobody in without TLS (require_secure_transport)")
    if _TLS.search(_QUOTED.sub("", created)):
        return fine("tls.account", f"{account} cannot log in without TLS")
    user, _, host = account.rpartition("@")
    hint = f"ALTER USER {quote(user, '`', '`')}@{quote(host, '`', '`')} REQUIRE SSL;"
    if forgetful:
        hint += " and again with every ALTER USER, such as one that changes the password: it takes that away"
    said = f"TLS is verified here, and {account} may log in without it: elsewhere its password can go over the network unprotected"
    return advice("tls.account", said, hint)
