"""The marks of runs in the names of throw-away databases, and which server a test may go to."""

from __future__ import annotations

import pytest

from dbkit.errors import ConfigurationError
from dbkit.testing.runs import has_ended, mark_in, new_mark, prefix
from dbkit.testing.servers import MissingServerError, find_server, server_variable


def test_a_run_that_goes_on_has_not_ended() -> None:
    assert has_ended(new_mark()) is False


def test_a_run_whose_process_is_gone_has_ended() -> None:
    machine, _pid, began, number = new_mark().split("_")
    assert has_ended(f"{machine}_4194399_{began}_{number}") is True


def test_a_process_that_has_taken_over_the_number_is_another() -> None:
    machine, pid, _began, number = new_mark().split("_")
    assert has_ended(f"{machine}_{pid}_1_{number}") is True


@pytest.mark.parametrize("mark", ["0000ff_4194399_1_0000", "nonsense", "", "0000ff_4194399_1_0000_gw0_1"])
def test_of_other_machines_and_other_names_nothing_is_known(mark: str) -> None:
    assert has_ended(mark) is False


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("dbkit_t_0000ff_12_a1_0000_gw0_3", "0000ff_12_a1_0000"),
        ("dbkit_t_0000ff_12_a1_0000", "0000ff_12_a1_0000"),
        ("dbkit_t_0000ff_12_a1", None),
        ("mine_dbkit_t_0000ff_12_a1_0000_gw0_3", None),
        ("dbkit_t_0000ff_12_a1_0000-copy", None),
        ("dbkit_user", None),
    ],
)
def test_only_a_name_that_bears_a_mark_is_ours(name: str, wanted: str | None) -> None:
    assert mark_in(name, prefix({})) == wanted


def test_people_who_share_a_server_can_have_beginnings_of_their_own() -> None:
    assert (prefix({}), prefix({"DBKIT_TEST_PREFIX": "ada"})) == ("dbkit_t_", "ada_t_")


def test_a_server_is_reached_as_its_url_says() -> None:
    url = "mysql+asyncmy://me:word@localhost:4001/test"
    found = find_server("tidb", {"DBKIT_TEST_TIDB_URL": f" {url}\n"})
    keys = found.variables("one")
    assert (found.config.backend, keys["PORT"], keys["USER"], keys["DRIVER"]) == ("tidb", "4001", "me", "asyncmy")
    assert (keys["MIGRATION_USER"], keys["MIGRATION_PASSWORD"]) == ("me", "word")


def test_the_variable_of_a_backend_with_a_dash_can_be_exported() -> None:
    assert server_variable("acme-lite") == "DBKIT_TEST_ACME_LITE_URL"


def test_a_blank_url_is_none() -> None:
    with pytest.raises(MissingServerError):
        find_server("postgresql", {"DBKIT_TEST_POSTGRESQL_URL": "  "})


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("localhost", "insecure-loopback"), ("postgres", "insecure-private"), ("db.example.com", "verify")],
)
def test_without_a_ca_only_a_server_that_is_near_is_reached_in_clear(host: str, wanted: str) -> None:
    found = find_server("postgresql", {"DBKIT_TEST_POSTGRESQL_URL": f"postgresql://me:p%40ss@{host}/postgres"})
    keys = found.variables("one")
    assert (keys["TLS"], keys["HOST"], keys["PASSWORD"], keys["NAME"]) == (wanted, host, "p@ss", "one")


def test_with_a_ca_its_certificate_is_proved() -> None:
    environ = {"DBKIT_TEST_TIDB_URL": "mysql+pymysql://me@localhost:4000/test", "DBKIT_TEST_CA": "/etc/ca.pem"}
    found = find_server("tidb", environ).variables("one")
    assert (found["TYPE"], found["TLS"], found["SSL_CA"], found["DRIVER"]) == (
        "tidb",
        "verify",
        "/etc/ca.pem",
        "pymysql",
    )


def test_a_server_that_nobody_names_is_missed_by_name() -> None:
    with pytest.raises(MissingServerError, match="TiDB is asked for, and DBKIT_TEST_TIDB_URL is not set"):
        find_server("tidb", {})


def test_a_url_that_cannot_be_used_is_told_by_its_variable_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match=r"^DBKIT_TEST_MARIADB_URL cannot be used: ") as caught:
        find_server("mariadb", {"DBKIT_TEST_MARIADB_URL": "mariadb://me:s3cret@[nowhere/x"})
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def test_a_socket_needs_no_tls_and_no_ca() -> None:
    url = "postgresql://me@/postgres?host=/var/run/postgresql"
    keys = find_server("postgresql", {"DBKIT_TEST_POSTGRESQL_URL": url}).variables("one")
    assert (keys["HOST"], keys["TLS"]) == ("/var/run/postgresql", "verify")


def test_a_driver_that_trusts_the_systems_cas_alone_is_given_no_file() -> None:
    environ = {"DBKIT_TEST_MSSQL_URL": "mssql+pyodbc://sa:word@localhost/master", "DBKIT_TEST_CA": "/etc/ca.pem"}
    assert find_server("mssql", environ).variables("one")["SSL_CA"] == "system"
