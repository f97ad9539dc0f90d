"""How what the doctor sees of each product is taken: settings in, verdicts out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dbkit.backends import mssql, tidb
from dbkit.backends.mssql import examine as mssql_examine
from dbkit.backends.mysql import collations as mysql_collations
from dbkit.backends.mysql import judging
from dbkit.backends.postgresql import collations as postgresql_collations
from dbkit.backends.postgresql import examine as postgresql_examine
from dbkit.backends.protocol import Endpoint, Observation, Verdict
from dbkit.backends.sqlite.folders import file_system, judge_place
from dbkit.backends.tidb import examine as tidb_examine
from tests.unit.judged import ADVICE, OK, PROBLEM, demand, verdicts


class Answers:
    """A connection that gives one answer after another."""

    def __init__(self, *answers: float) -> None:
        self._answers = iter(answers)

    def exec_driver_sql(self, statement: str) -> Any:
        del statement
        return SimpleNamespace(scalar_one=lambda: next(self._answers))


# --- the MySQL family


@pytest.mark.parametrize(("greeted", "number", "verdict"), [(7, 7, OK), (7, (1 << 32) + 7, OK), (7, 99, ADVICE)])
def test_a_proxy_is_told_by_the_number_that_it_greets_with(greeted: int, number: int, verdict: Verdict) -> None:
    connection: Any = Answers(number)
    connection.connection = SimpleNamespace(dbapi_connection=SimpleNamespace(thread_id=lambda: greeted))
    examiner: Any = tidb.BACKEND.examiner
    assert examiner.judge_proxy(Endpoint(driver="pymysql", host="localhost"), connection).verdict is verdict


def test_the_gateway_of_tidb_cloud_is_no_proxy() -> None:
    host = "gateway01.eu-central-1.prod.aws.tidbcloud.com"
    examiner: Any = tidb.BACKEND.examiner
    assert examiner.judge_proxy(Endpoint(driver="pymysql", host=host), None).verdict is OK


SESSION = {
    "time_zone": "+00:00",
    "sql_mode": "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION",
    "transaction_isolation": "REPEATABLE-READ",
}


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"time_zone": "SYSTEM"}, "session.time_zone"),
        ({"sql_mode": "ANSI_QUOTES"}, "session.sql_mode"),
        ({"transaction_isolation": "READ-UNCOMMITTED"}, "session.isolation"),
    ],
)
def test_a_session_that_the_server_did_not_set_up_is_a_problem(changed: dict[str, str], check: str) -> None:
    assert set(verdicts(judging.judge_session(SESSION)).values()) == {OK}
    found = verdicts(judging.judge_session(SESSION | changed))
    assert [name for name, verdict in found.items() if verdict is PROBLEM] == [check]


def test_older_servers_name_the_isolation_otherwise() -> None:
    seen = [*judging.judge_session({**SESSION, "transaction_isolation": "", "tx_isolation": "READ-COMMITTED"})]
    assert seen[-1].message == "transactions are read committed"


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"read_only": "ON"}, "server.writable"),
        ({"super_read_only": "1"}, "server.writable"),
        ({"tidb_restricted_read_only": "ON"}, "server.writable"),
        ({"default_storage_engine": "MyISAM"}, "server.storage"),
        ({"foreign_key_checks": "OFF"}, "session.foreign_keys"),
    ],
)
def test_a_server_that_does_not_write_safely_is_a_problem(changed: dict[str, str], check: str) -> None:
    assert verdicts(judging.judge_writing({})) == {"server.writable": OK}
    found = verdicts(judging.judge_writing(changed))
    assert [name for name, verdict in found.items() if verdict is PROBLEM] == [check]


@pytest.mark.parametrize(
    ("created", "variables", "verdict"),
    [
        ("CREATE USER 'app'@'%' IDENTIFIED WITH 'x' AS '*F0' REQUIRE NONE PASSWORD EXPIRE DEFAULT", {}, ADVICE),
        ("CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*F0'", {}, ADVICE),
        ("CREATE USER 'REQUIRE SSL'@'%' REQUIRE NONE ATTRIBUTE '{\"comment\": \"it\\'s REQUIRE SSL\"}'", {}, ADVICE),
        ("CREATE USER `a``REQUIRE SSL`@`%` IDENTIFIED BY PASSWORD '*F0'", {"require_secure_transport": "OFF"}, ADVICE),
        ("CREATE USER 'app'@'%' IDENTIFIED WITH 'x' AS '*F0' REQUIRE SSL PASSWORD EXPIRE DEFAULT", {}, OK),
        ("CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*F0' REQUIRE SUBJECT '/CN=app'", {}, OK),
        ("CREATE USER `app`@`%` REQUIRE X509", {}, OK),
        ("CREATE USER `app`@`%`", {"require_secure_transport": "ON"}, OK),
    ],
)
def test_whether_an_account_needs_tls_is_read_outside_of_quotes(
    created: str, variables: dict[str, str], verdict: Verdict
) -> None:
    seen = judging.judge_log_in("a`pp@10.%", created, variables, forgetful=False)
    assert seen.verdict is verdict
    assert seen.hint == ("ALTER USER `a``pp`@`10.%` REQUIRE SSL;" if verdict is ADVICE else None)


def test_limits_of_0_are_none() -> None:
    has = {"max_connections": "0", "max_user_connections": "0", "wait_timeout": "0"}
    assert set(verdicts(judging.judge_limits(has, demand(100_000, idle_s=-1))).values()) == {OK}


def test_an_idle_time_below_the_pools_is_advised_against() -> None:
    has = {"max_connections": "151", "max_user_connections": "0", "wait_timeout": "60"}
    assert verdicts(judging.judge_limits(has, demand()))["limits.idle"] is ADVICE


def test_a_collation_is_judged_by_what_it_makes_equal() -> None:
    seen = mysql_collations.judge_collation(
        "utf8mb4_general_ci", "utf8mb4_0900_bin", ("case", "accents", "trailing blanks"), hint="ALTER"
    )
    said = "the collation is utf8mb4_general_ci, which passes over case, accents and trailing blanks in comparisons"
    assert (seen.verdict, seen.message) == (ADVICE, f"{said}: keys that differ elsewhere are duplicates here")


def test_a_collation_that_was_asked_for_is_well() -> None:
    seen = mysql_collations.judge_collation("utf8mb4_bin", "utf8mb4_bin", ("trailing blanks",), hint="ALTER")
    assert seen.verdict is OK


SWITCHES = {
    "tidb_enable_check_constraint": "ON",
    "tidb_enable_foreign_key": "ON",
    "tidb_enable_noop_functions": "OFF",
    "tidb_txn_mode": "pessimistic",
    "tidb_constraint_check_in_place_pessimistic": "ON",
    "tidb_skip_isolation_level_check": "OFF",
}


@pytest.mark.parametrize(
    ("changed", "check", "verdict"),
    [
        ({"tidb_enable_check_constraint": "OFF"}, "tidb.check_constraints", ADVICE),
        ({"tidb_enable_foreign_key": "OFF"}, "tidb.foreign_keys", PROBLEM),
        ({"tidb_enable_noop_functions": "ON"}, "tidb.noop_functions", PROBLEM),
        ({"tidb_txn_mode": "optimistic"}, "tidb.transactions", ADVICE),
        ({"tidb_txn_mode": ""}, "tidb.transactions", ADVICE),
        ({"tidb_constraint_check_in_place_pessimistic": "OFF"}, "tidb.unique_keys", ADVICE),
        ({"tidb_skip_isolation_level_check": "ON"}, "tidb.isolation", ADVICE),
    ],
)
def test_each_switch_of_tidb_is_judged(changed: dict[str, str], check: str, verdict: Verdict) -> None:
    def seen(has: dict[str, str]) -> dict[str, Verdict]:
        return verdicts([*tidb_examine.judge_constraints(has), *tidb_examine.judge_transactions(has)])

    assert set(seen(SWITCHES).values()) == {OK}
    assert {name: found for name, found in seen(SWITCHES | changed).items() if found is not OK} == {check: verdict}


def test_a_cluster_without_collations_is_a_problem() -> None:
    assert tidb_examine.judge_collations(obeyed=False).verdict is PROBLEM
    assert tidb_examine.judge_collations(obeyed=True).verdict is OK


# --- PostgreSQL


def test_a_server_with_reserved_connections_has_fewer() -> None:
    has = {"max_connections": "100", "superuser_reserved_connections": "3", "reserved_connections": "2"}
    row = {
        "superuser": False,
        "database": "shop",
        "database_limit": 20,
        "account": "app",
        "account_limit": 10,
    }
    seen = {one.check: one for one in postgresql_examine.judge_limits(has, row, demand(15))}
    assert seen["limits.server"].message.startswith("max_connections without the 5 kept for administrators: 95 conn")
    assert (seen["limits.database"].verdict, seen["limits.account"].verdict) == (OK, PROBLEM)
    assert str(seen["limits.account"].hint).endswith('ALTER ROLE "app" CONNECTION LIMIT -1')


def test_an_idle_session_that_postgresql_ends_is_advised_against() -> None:
    has = {"max_connections": "100", "idle_session_timeout": "60000"}
    row = {"superuser": True, "database": "shop", "database_limit": -1, "account": "app", "account_limit": -1}
    assert verdicts(postgresql_examine.judge_limits(has, row, demand()))["limits.idle"] is ADVICE


def test_a_standby_is_a_problem() -> None:
    assert postgresql_examine.judge_writing({}, standby=True).verdict is PROBLEM
    assert postgresql_examine.judge_writing({"transaction_read_only": "on"}, standby=False).verdict is PROBLEM
    assert postgresql_examine.judge_writing({"transaction_read_only": "off"}, standby=False).verdict is OK


def test_a_pooler_is_told_by_the_process_that_it_makes_up() -> None:
    assert postgresql_examine.judge_pooler(4711, 4711).verdict is OK
    assert postgresql_examine.judge_pooler(4711, 99).verdict is ADVICE


def test_a_session_that_lost_its_time_zone_is_a_problem() -> None:
    seen = postgresql_examine.judge_session({"TimeZone": "Europe/Vienna", "transaction_isolation": "read committed"})
    assert verdicts(seen)["session.time_zone"] is PROBLEM


def test_indexes_built_by_another_collation_are_a_problem() -> None:
    row = {"database": "shop", "collate": "de_DE.UTF-8", "ctype": "C", "ordered_by": "2.31", "orders_by": "2.36"}
    seen = {one.check: one for one in postgresql_collations.judge_text({"server_encoding": "UTF8"}, row, asked=None)}
    assert seen["database.collation_version"].verdict is PROBLEM
    hint = 'REINDEX DATABASE "shop"; ALTER DATABASE "shop" REFRESH COLLATION VERSION'
    assert seen["database.collation_version"].hint == hint
    assert seen["database.collation"].verdict is ADVICE


# --- SQL Server, of whose answers these are made after Microsoft's pages

ROW = {
    "version": "16.0.4135.4",
    "edition": 3,
    "collation": "Latin1_General_100_BIN2",
    "updateability": "READ_WRITE",
    "max_connections": 32767,
    "row_versions": True,
}


@pytest.mark.parametrize(
    ("changed", "check", "verdict"),
    [
        ({"version": "15.0.2000.5"}, "server.version", PROBLEM),
        ({"collation": "SQL_Latin1_General_CP1_CI_AS"}, "database.collation", ADVICE),
        ({"updateability": "READ_ONLY"}, "server.writable", PROBLEM),
        ({"row_versions": False}, "session.isolation", ADVICE),
        ({"max_connections": 20}, "limits.server", PROBLEM),
    ],
)
def test_each_property_of_sql_server_is_judged(changed: dict[str, object], check: str, verdict: Verdict) -> None:
    def seen(row: dict[str, object]) -> dict[str, Verdict]:
        return verdicts(mssql_examine.judge(row, demand(), asked=None))

    assert set(seen(dict(ROW)).values()) == {OK}
    assert {name: found for name, found in seen(ROW | changed).items() if found is not OK} == {check: verdict}


def test_azure_is_always_new_enough() -> None:
    seen: list[Observation] = [
        *mssql_examine.judge(ROW | {"version": "12.0.2000.8", "edition": 5}, demand(), asked=None)
    ]
    assert (seen[0].verdict, seen[0].message) == (OK, "Azure SQL is supported")


def test_the_examiner_of_sql_server_is_found() -> None:
    assert mssql.BACKEND.examiner is mssql_examine.EXAMINER


# --- the place of an SQLite file

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
server:/home /home/me nfs4 rw 0 0
/dev/sdb1 /home/me/with\\040blank xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/app.db", "ext4"),
        ("/tmp/app.db", "tmpfs"),
        ("/home/me/app.db", "nfs4"),
        ("/home/me/with blank/app.db", "xfs"),
        ("/home/melissa/app.db", "ext4"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_longest_mount(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    file.touch()
    assert verdicts(judge_place(file, f"server:/x {tmp_path.resolve()} nfs4 rw 0 0"))["file.system"] is PROBLEM
    assert verdicts(judge_place(file, f"/dev/sda {tmp_path.resolve()} ext4 rw 0 0"))["file.system"] is OK


def test_a_machine_without_a_table_of_mounts_says_nothing_of_them(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    file.touch()
    assert verdicts(judge_place(file, "")) == {"file.writable": OK}


def test_a_file_that_may_not_be_written_is_a_problem(tmp_path: Path) -> None:
    # what is not there cannot be written, by an administrator either
    assert verdicts(judge_place(tmp_path / "absent" / "app.db", "")) == {"file.writable": PROBLEM}
