"""What is to be seen on a TiDB server: what MySQL has, and the switches that change what SQL means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from dbkit.backends.mysql.connect import MysqlConnector
from dbkit.backends.mysql.examine import MysqlExaminer
from dbkit.backends.observing import advice, fine, problem
from dbkit.backends.protocol import Endpoint, Examiner, Observation
from dbkit.backends.tidb import cloud
from dbkit.backends.tidb.connect import CONNECTOR

if TYPE_CHECKING:
    import sqlalchemy as sa

_ADMINISTRATOR: Final = "have an account with SYSTEM_VARIABLES_ADMIN run: "


@dataclass(frozen=True, kw_only=True)
class TidbExaminer(MysqlExaminer):
    """Adds TiDB's switches: https://docs.pingcap.com/tidb/stable/system-variables."""

    def judge_proxy(self, endpoint: Endpoint, connection: sa.Connection) -> Observation:
        """Take TiDB Cloud's gateway for granted."""
        if cloud.is_cloud(endpoint.host):
            return fine("server.pooler", "nothing but TiDB Cloud's gateway stands between")
        return super().judge_proxy(endpoint, connection)

    def judge_product(self, connection: sa.Connection, has: Mapping[str, str]) -> Iterator[Observation]:
        """Look at the switches, and try whether collations are obeyed."""
        yield from judge_constraints(has)
        yield from judge_transactions(has)
        yield judge_collations(obeyed=_obeys_collations(connection))


def judge_constraints(has: Mapping[str, str]) -> Iterator[Observation]:
    """Judge whether constraints are kept and enforced."""
    if _on(has, "tidb_enable_check_constraint"):
        yield fine("tidb.check_constraints", "CHECK constraints are kept and enforced")
    else:
        yield advice(
            "tidb.check_constraints",
            "CHECK constraints are thrown away, without an error (tidb_enable_check_constraint is off); "
            "dbkit's types check values themselves",
            f"{_ADMINISTRATOR}SET GLOBAL tidb_enable_check_constraint = ON; those thrown away before do not come back",
        )
    if _on(has, "tidb_enable_foreign_key", missing=True):
        yield fine("tidb.foreign_keys", "foreign keys are enforced")
    else:
        yield problem(
            "tidb.foreign_keys",
            "foreign keys are accepted and not enforced (tidb_enable_foreign_key is off)",
            f"{_ADMINISTRATOR}SET GLOBAL tidb_enable_foreign_key = ON",
        )
    if _on(has, "tidb_enable_noop_functions"):
        yield problem(
            "tidb.noop_functions",
            "statements without effect are accepted: FOR SHARE locks nothing (tidb_enable_noop_functions is on)",
            f"{_ADMINISTRATOR}SET GLOBAL tidb_enable_noop_functions = OFF",
        )
    else:
        yield fine("tidb.noop_functions", "statements that TiDB does not carry out are refused")


def judge_transactions(has: Mapping[str, str]) -> Iterator[Observation]:
    """Judge how transactions lock."""
    mode = has.get("tidb_txn_mode", "")
    # seen on 8.5.3: BEGIN OPTIMISTIC fails with 9007 at COMMIT, and a deferred check of keys with 8141, no IntegrityError
    if mode in {"", "optimistic"}:
        yield advice(
            "tidb.transactions",
            "transactions are optimistic: a conflict shows at COMMIT (tidb_txn_mode)",
            f"{_ADMINISTRATOR}SET GLOBAL tidb_txn_mode = 'pessimistic'",
        )
    else:
        yield fine("tidb.transactions", f"transactions are {mode}")
    if not _on(has, "tidb_constraint_check_in_place_pessimistic", missing=True):
        yield advice(
            "tidb.unique_keys",
            "a duplicate key shows at COMMIT only (tidb_constraint_check_in_place_pessimistic is off)",
            f"{_ADMINISTRATOR}SET GLOBAL tidb_constraint_check_in_place_pessimistic = ON",
        )
    if _on(has, "tidb_skip_isolation_level_check"):
        yield advice(
            "tidb.isolation",
            "isolation that TiDB does not have is accepted: SERIALIZABLE is snapshot isolation (tidb_skip_isolation_level_check)",
            f"{_ADMINISTRATOR}SET GLOBAL tidb_skip_isolation_level_check = OFF",
        )


def judge_collations(*, obeyed: bool) -> Observation:
    """Judge whether collations mean anything."""
    if obeyed:
        return fine("tidb.collations", "collations are obeyed (new_collations_enabled_on_first_bootstrap)")
    return problem(
        "tidb.collations",
        "every collation compares bytes (new_collations_enabled_on_first_bootstrap was off)",
        "it counts at the first start of a cluster alone: move to a new cluster that was started with it on",
    )


def _obeys_collations(connection: sa.Connection) -> bool:
    """Try it: what was chosen stands in a table that few accounts may read."""
    return bool(
        connection.exec_driver_sql(
            "SELECT CONVERT('a' USING utf8mb4) COLLATE utf8mb4_general_ci = CONVERT('A' USING utf8mb4) COLLATE utf8mb4_general_ci"
        ).scalar_one()
    )


def _on(has: Mapping[str, str], name: str, *, missing: bool = False) -> bool:
    """Tell whether a switch is on; `missing` is what counts where this version does not have it."""
    return has[name].upper() in {"ON", "1"} if name in has else missing


EXAMINER: Examiner = TidbExaminer(
    connector=cast("MysqlConnector", CONNECTOR),
    title="TiDB",
    # JSON_OBJECT() and JSON_ARRAY() as defaults, foreign keys for general use: https://docs.pingcap.com/tidb/stable/release-8.5.0
    oldest=(8, 5),
    collation="utf8mb4_0900_bin",
    # seen on 8.5.3
    forgetful=True,
)
