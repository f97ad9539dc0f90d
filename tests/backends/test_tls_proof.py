"""The proof of TLS on every driver: what dbkit makes hands nothing to an impostor, what others write does, and the page says so."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig
from dbkit.errors import ExitCode
from dbkit.testing.clients import Clients, Task, environment
from dbkit.testing.impostor import Handed
from dbkit.testing.proof import Arena, arena, candidates
from dbkit.testing.verdicts import Attack, Outcome, Proof, Store, Trial, Way
from tests.docs.attacks import PAGE, elsewhere, ours, proofs_elsewhere, proofs_of_ours, put

ROOT = Path(__file__).parent.parent.parent
USUAL = "mysql+pymysql://u:{password}@{host}:{port}/d?ssl_ca={ca}&ssl_verify_cert=true&ssl_verify_identity=true"
BARE = "mysql+pymysql://u:{password}@{host}:{port}/d"
REQUIRE = "postgresql+psycopg2://u:{password}@{host}:{port}/d?sslmode=require"
PREFER = "postgresql+psycopg2://u:{password}@{host}:{port}/d"
ASYNCMY = "mysql+asyncmy://u:{password}@{host}:{port}/d"


@pytest.fixture(scope="module")
def found() -> Iterator[Arena]:
    with arena() as made:
        yield made


@pytest.fixture(scope="module")
def mine(found: Arena) -> dict[str, Proof]:
    return proofs_of_ours(found)


@pytest.fixture(scope="module")
def others(found: Arena) -> dict[str, Proof]:
    return proofs_elsewhere(found)


def config(backend: str) -> DatabaseConfig:
    return DatabaseConfig(backend=backend, service="user", host="db.example.com", user="u", database="d")


def counted(proof: Proof) -> dict[tuple[str, str, str], set[str]]:
    """Sum up the outcomes of each client."""
    clients: dict[tuple[str, str, str], set[str]] = {}
    for trial in proof.trials:
        clients.setdefault((trial.driver, trial.kind, trial.way), set()).add(trial.outcome)
    return clients


SAFE = {Outcome.ARRIVED, Outcome.REFUSED, Outcome.GIVEN}


def test_no_driver_of_the_mysql_family_hands_a_log_in_to_an_impostor(mine: dict[str, Proof]) -> None:
    proof = mine["tidb"]
    assert list(proof.findings()) == []
    assert proof.exit_code is ExitCode.OK
    assert counted(proof) == {
        (driver, kind, way): SAFE for driver, kind in (("pymysql", "sync"), ("asyncmy", "async")) for way in Way
    }


def test_no_driver_of_postgresql_hands_a_log_in_to_an_impostor(mine: dict[str, Proof]) -> None:
    proof = mine["postgresql"]
    assert list(proof.findings()) == []
    assert proof.exit_code is ExitCode.OK
    drivers = (("psycopg2", "sync"), ("psycopg", "sync"), ("psycopg", "async"), ("asyncpg", "async"))
    expected = {(driver, kind, way): SAFE for driver, kind in drivers for way in Way}
    assert counted(proof) == expected | {("asyncpg", "async", Way.URL): {Outcome.DECLINED}}


def installed(proof: Proof) -> bool:
    """Tell whether a driver could be loaded: that of SQL Server has no build for some machines."""
    return Outcome.NOT_INSTALLED not in {trial.outcome for trial in proof.trials}


def test_the_driver_of_sql_server_verifies_by_the_systems_store(mine: dict[str, Proof]) -> None:
    proof = mine["mssql"]
    if not installed(proof):
        assert list(proof.findings()) == ["pyodbc (sync): unproved: no engine of it could be made"]
        pytest.skip(f"pyodbc cannot be loaded: {proof.trials[0].said}")
    assert list(proof.findings()) == []
    stores = {store: {trial.outcome for trial in proof.trials if trial.store is store} for store in Store}
    assert stores == {Store.FILE: {Outcome.DECLINED}, Store.SYSTEM: SAFE}


def test_every_client_meets_every_attack_with_the_ca_in_either_place(mine: dict[str, Proof]) -> None:
    assert {name: len(proof.trials) for name, proof in mine.items()} == {
        "tidb": 2 * len(Way) * len(Store) * len(Attack),
        "postgresql": 4 * len(Way) * len(Store) * len(Attack),
        "mssql": len(Way) * len(Store) * len(Attack),
    }
    assert {trial.seen.in_clear for proof in mine.values() for trial in proof.trials} == {Handed.NOTHING}


@pytest.mark.parametrize("backend", ["mariadb", "mysql"])
def test_the_other_members_of_the_family_are_as_safe_as_tidb(found: Arena, backend: str) -> None:
    trials = found.attack_all(candidates(config(backend)), [Store.FILE])
    assert counted(Proof(service="user", trials=trials)) == {
        (driver, kind, way): SAFE for driver, kind in (("pymysql", "sync"), ("asyncmy", "async")) for way in Way
    }


def test_the_password_is_a_canary_and_nobody_is_asked_for_the_real_one(found: Arena) -> None:
    there = replace(config("postgresql"), password_file="/nowhere/at/all", password_provider="no.such.module:function")
    controls = [found.attack(item, Store.FILE, Attack.CONTROL) for item in candidates(there)]
    assert [trial.outcome for trial in controls] == [Outcome.ARRIVED] * 4
    assert {trial.seen.over_tls for trial in controls} == {Handed.HASH}  # of the canary: the impostor computes it too


@pytest.mark.parametrize("backend", ["tidb", "postgresql"])
def test_an_address_is_looked_for_in_the_certificate_as_a_name_is(found: Arena, backend: str) -> None:
    there = replace(config(backend), host="10.0.0.5")
    outcomes = [
        [found.attack(item, Store.FILE, attack).outcome for item in candidates(there) if item.way is Way.ENGINE]
        for attack in (Attack.CONTROL, Attack.OTHER_HOST)
    ]
    assert outcomes == [[Outcome.ARRIVED] * 2, [Outcome.REFUSED] * 2]


def test_a_service_that_is_configured_to_go_in_clear_is_found_out(found: Arena) -> None:
    there = replace(config("tidb"), host="localhost", tls="insecure-loopback")
    proof = Proof(service="user", trials=found.attack_all(candidates(there), [Store.SYSTEM]))
    assert proof.exit_code is ExitCode.DIFFERENT
    assert {trial.outcome for trial in proof.trials} == {Outcome.LEAKED}
    assert {trial.seen.over_tls for trial in proof.trials} == {Handed.NOTHING}


def leaks(proof: Proof) -> set[tuple[Store, Attack, Handed, Handed]]:
    return {(trial.store, trial.attack, trial.seen.in_clear, trial.seen.over_tls) for trial in proof.leaks}


NO, LOGIN, CLEAR = Handed.NOTHING, Handed.HASH, Handed.PASSWORD


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            USUAL,
            {(Store.FILE, Attack.UNTRUSTED_CA, NO, LOGIN), (Store.SYSTEM, Attack.OTHER_HOST, NO, LOGIN)},
        ),
        (
            REQUIRE,
            {(Store.SYSTEM, item, NO, LOGIN) for item in (Attack.UNTRUSTED_CA, Attack.OTHER_HOST, Attack.EXPIRED)},
        ),
        (
            BARE,
            {(Store.SYSTEM, item, NO, LOGIN) for item in (Attack.UNTRUSTED_CA, Attack.OTHER_HOST, Attack.EXPIRED)}
            | {(Store.SYSTEM, Attack.NO_TLS, LOGIN, NO), (Store.SYSTEM, Attack.CLEAR_TEXT, CLEAR, NO)},
        ),
    ],
    ids=["the usual URL", "sslmode=require", "PyMySQL without options"],
)
def test_settings_that_are_known_to_be_unsafe_are_found_out(
    others: dict[str, Proof], template: str, expected: set[tuple[Store, Attack, Handed, Handed]]
) -> None:
    assert leaks(others[template]) == expected
    assert others[template].exit_code is ExitCode.DIFFERENT


def test_the_usual_url_fails_its_control_where_the_ca_is_a_file(others: dict[str, Proof]) -> None:
    assert {(trial.store, trial.attack) for trial in others[USUAL].unproved} == {
        (Store.FILE, Attack.CONTROL),
        (Store.FILE, Attack.CLEAR_TEXT_VERIFIED),
    }


@pytest.mark.parametrize("template", [PREFER, ASYNCMY])
def test_a_client_that_goes_in_clear_leaks_even_in_the_control(others: dict[str, Proof], template: str) -> None:
    """Libpq tries again in clear what was refused over TLS; asyncmy does not try TLS."""
    assert {trial.outcome for trial in others[template].trials} == {Outcome.LEAKED}
    assert max(trial.seen.in_clear for trial in others[template].trials) is Handed.PASSWORD


def test_bytes_are_counted_before_tls_and_over_it(others: dict[str, Proof]) -> None:
    def sizes(template: str, attack: Attack) -> tuple[int, int]:
        found: Trial = next(
            trial for trial in others[template].trials if trial.attack is attack and trial.store is Store.SYSTEM
        )
        return found.seen.clear_bytes, found.seen.tls_bytes

    assert sizes(REQUIRE, Attack.NO_TLS) == (8, 0)
    clear, over_tls = sizes(REQUIRE, Attack.UNTRUSTED_CA)
    assert (clear, over_tls > 60) == (8, True)
    assert sizes(BARE, Attack.NO_TLS)[1] == 0


def test_the_tables_of_the_page_are_what_the_proof_says(mine: dict[str, Proof], others: dict[str, Proof]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    said = put(put(page, "our attacks", ours(mine)), "attacks elsewhere", elsewhere(others))
    absent = [f"| {get_backend(name).traits.title} |" for name, proof in mine.items() if not installed(proof)]
    assert without(page, absent) == without(said, absent), "run `make docs`"


def without(page: str, beginnings: list[str]) -> list[str]:
    """Leave out the rows of drivers that this machine does not have."""
    return [line for line in page.splitlines() if not line.startswith(tuple(beginnings))]


def test_a_client_that_hangs_is_ended_and_the_next_one_is_served() -> None:
    canary = secrets.token_hex(8)
    with socket.create_server(("127.0.0.1", 0)) as silent, Clients(environment("/none"), patience_s=0.5) as clients:
        port = silent.getsockname()[1]
        task = Task(kind="sync", way=Way.URL, text=f"mysql+pymysql://u:{canary}@127.0.0.1:{port}/d", canary=canary)
        assert clients.connect(task).kind == "lost"
        clients._patience_s = 60  # the start of a process takes what it takes
        closed = Task(kind="sync", way=Way.URL, text="nosuchdialect://u@127.0.0.1/d")
        assert clients.connect(closed).kind == "failed"


PROJECT_TESTS = """
import sys
import pytest
import sqlalchemy as sa

heavy = [name for name in ("sqlalchemy", "cryptography", "dbkit.config") if name in EARLY]

def test_nothing_heavy_came_with_the_plugin():
    assert heavy == []

def test_an_impostor_sees_what_a_client_hands_over(dbkit_ca, dbkit_stranger_ca, dbkit_impostor):
    server = dbkit_impostor("tidb", certificate=dbkit_stranger_ca.issue("localhost"), password="canary-in-a-coal-mine")
    url = f"mysql+pymysql://u:canary-in-a-coal-mine@localhost:{server.port}/d"
    with pytest.raises(sa.exc.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        sa.create_engine(url + f"?ssl_ca={dbkit_ca.ca_file}").connect()
    assert server.finish().over_tls.name == "NOTHING"
    server = dbkit_impostor("tidb", certificate=dbkit_stranger_ca.issue("localhost"), password="canary-in-a-coal-mine")
    with pytest.raises(sa.exc.OperationalError, match="Access denied"):
        sa.create_engine(f"mysql+pymysql://u:canary-in-a-coal-mine@localhost:{server.port}/d").connect()
    assert server.finish().over_tls.name == "HASH"

def test_the_proof_is_at_hand(dbkit_prove_tls):
    assert dbkit_prove_tls.__name__ == "prove"
"""


def test_the_plugin_hands_out_impostors_and_is_light_until_then(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys, builtins\nbuiltins.EARLY = frozenset(sys.modules)\n")
    (tmp_path / "test_project.py").write_text(PROJECT_TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "dbkit.testing.plugin", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1][:8]) == (0, "3 passed"), done.stdout


def test_the_plugin_is_registered_with_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"dbkit": "dbkit.testing.plugin"}
