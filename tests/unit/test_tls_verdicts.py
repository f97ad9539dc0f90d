"""The verdict of the proof of TLS: what each outcome means, and what it ends with. No network."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig
from dbkit.config.secrets import Secret
from dbkit.errors import ExitCode
from dbkit.project import Project
from dbkit.testing.clients import Task, attempt, environment
from dbkit.testing.impostor import Handed, Seen
from dbkit.testing.proof import Place, _moved, disarmed
from dbkit.testing.verdicts import Attack, Outcome, Proof, Said, Store, Trial, Way, judge
from tests.projects import Home

FAILED = Said(kind="failed", text="no")
NEVER = Seen()
CAME = Seen(connections=1)
OVER_TLS = Seen(connections=1, over_tls=Handed.HASH)
IN_CLEAR = Seen(connections=1, in_clear=Handed.LOG_IN)
PASSWORD = Seen(connections=1, over_tls=Handed.PASSWORD)


@pytest.mark.parametrize(
    ("attack", "seen", "said", "outcome"),
    [
        (Attack.CONTROL, OVER_TLS, FAILED, Outcome.ARRIVED),
        (Attack.CONTROL, CAME, FAILED, Outcome.UNPROVED),
        (Attack.CONTROL, NEVER, FAILED, Outcome.UNPROVED),
        (Attack.CONTROL, IN_CLEAR, FAILED, Outcome.LEAKED),
        (Attack.CONTROL, Seen(connections=2, over_tls=Handed.HASH, in_clear=Handed.HASH), FAILED, Outcome.LEAKED),
        (Attack.UNTRUSTED_CA, CAME, FAILED, Outcome.REFUSED),
        (Attack.UNTRUSTED_CA, NEVER, FAILED, Outcome.UNPROVED),
        (Attack.UNTRUSTED_CA, CAME, Said(kind="lost"), Outcome.UNPROVED),
        (Attack.OTHER_HOST, OVER_TLS, FAILED, Outcome.LEAKED),
        (Attack.OTHER_HOST, OVER_TLS, Said(kind="lost"), Outcome.LEAKED),
        (Attack.UNTRUSTED_CA, Seen(connections=1, over_tls=Handed.LOG_IN), FAILED, Outcome.LEAKED),
        (Attack.EXPIRED, OVER_TLS, Said(kind="connected"), Outcome.LEAKED),
        (Attack.NO_TLS, IN_CLEAR, FAILED, Outcome.LEAKED),
        (Attack.CLEAR_TEXT, CAME, FAILED, Outcome.REFUSED),
        (Attack.CLEAR_TEXT_VERIFIED, PASSWORD, FAILED, Outcome.GIVEN),
        (Attack.CLEAR_TEXT_VERIFIED, OVER_TLS, FAILED, Outcome.REFUSED),
        (Attack.CLEAR_TEXT_VERIFIED, CAME, FAILED, Outcome.UNPROVED),
        (Attack.CLEAR_TEXT_VERIFIED, IN_CLEAR, FAILED, Outcome.LEAKED),
        (Attack.NO_TLS, NEVER, Said(kind="declined"), Outcome.DECLINED),
        (Attack.NO_TLS, NEVER, Said(kind="missing"), Outcome.NOT_INSTALLED),
        (Attack.NO_TLS, IN_CLEAR, Said(kind="missing"), Outcome.LEAKED),
    ],
)
def test_an_attack_is_judged_by_what_the_impostor_saw(attack: Attack, seen: Seen, said: Said, outcome: Outcome) -> None:
    assert judge(attack, seen, said) is outcome


def trial(outcome: Outcome, way: Way = Way.ENGINE, *, attack: Attack = Attack.CONTROL, seen: Seen = CAME) -> Trial:
    return Trial(
        driver="d", kind="sync", way=way, store=Store.FILE, attack=attack, outcome=outcome, seen=seen, said="because"
    )


ARRIVED = trial(Outcome.ARRIVED)


@pytest.mark.parametrize(
    ("trials", "code"),
    [
        ([ARRIVED, trial(Outcome.REFUSED), trial(Outcome.GIVEN)], 0),
        ([ARRIVED, trial(Outcome.LEAKED)], 4),
        ([ARRIVED, trial(Outcome.UNPROVED)], 4),
        ([ARRIVED, trial(Outcome.DECLINED, Way.URL)], 0),
        ([trial(Outcome.DECLINED), trial(Outcome.DECLINED, Way.URL)], 4),
        ([trial(Outcome.DECLINED), trial(Outcome.ARRIVED, Way.URL)], 4),
        ([ARRIVED, replace(trial(Outcome.NOT_INSTALLED), driver="other")], 0),
        ([trial(Outcome.NOT_INSTALLED)], 4),
        ([trial(Outcome.DECLINED), trial(Outcome.NOT_INSTALLED)], 4),
        ([], 0),
    ],
)
def test_a_proof_ends_with_four_where_a_credential_left_or_nothing_is_known(trials: list[Trial], code: int) -> None:
    assert Proof(service="user", trials=tuple(trials)).exit_code == code


def test_a_finding_says_what_left_how_and_how_much_of_it() -> None:
    seen = Seen(connections=1, clear_bytes=36, tls_bytes=83, over_tls=Handed.HASH)
    proof = Proof(service="user", trials=(trial(Outcome.LEAKED, attack=Attack.OTHER_HOST, seen=seen),))
    assert list(proof.findings()) == [
        "d (sync), engine, CA from a file: other-host: a hash of the password left over TLS that was not verified (83 bytes)"
    ]


def test_a_configuration_that_cannot_be_read_keeps_its_own_exit_code() -> None:
    assert Proof(service="user", failed=ExitCode.USAGE, error="no").exit_code is ExitCode.USAGE


def place(store: Store = Store.FILE) -> Place:
    return Place(port=7, store=store, ca_file="/ca.pem", canary=secrets.token_hex(8))


def test_only_host_port_ca_and_password_are_changed() -> None:
    real = DatabaseConfig(
        backend="tidb",
        service="user",
        host="db.example.com",
        port=4000,
        user="u",
        password=Secret(secrets.token_hex(8)),
        password_file="/nowhere",
        password_provider="no.module:function",
        database="d",
        ssl_ca="/real.pem",
        connect_timeout_s=3.0,
        query={"read_timeout": "5"},
    )
    there = place()
    assert _moved(real, there) == replace(
        real,
        host="localhost",
        port=7,
        password=Secret(there.canary),
        password_file=None,
        password_provider=None,
        ssl_ca="/ca.pem",
    )
    assert _moved(real, place(Store.SYSTEM)).ssl_ca == "system"


@pytest.mark.parametrize("host", ["10.0.0.5", "2001:db8::1"])
def test_a_service_that_is_reached_by_an_address_is_attacked_by_one(host: str) -> None:
    assert _moved(DatabaseConfig(backend="tidb", host=host), place()).host == "127.0.0.1"


def test_a_service_in_clear_is_attacked_in_clear() -> None:
    """A CA given to it would make it verify."""
    real = DatabaseConfig(backend="tidb", host="localhost", tls="insecure-loopback")
    assert _moved(real, place()).endpoint().tls.mode == "off"


def test_neither_the_file_of_the_password_nor_its_provider_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Home(tmp_path).write("user").project()
    for key, value in {
        "DATABASE_TYPE": "tidb",
        "USER_DATABASE_PASSWORD_FILE": str(tmp_path / "missing"),
        "DATABASE_PASSWORD_PROVIDER": "no.such.module:function",
        "DATABASE_MIGRATION_PASSWORD_FILE": str(tmp_path / "missing"),
    }.items():
        monkeypatch.setenv(key, value)
    config = disarmed(project, "user")
    assert (config.password_file, config.password_provider, config.migration_password) == (None, None, None)
    assert config.password is not None


@pytest.mark.parametrize(
    "line", ["DATABASE_PASSWORD={real}", "DATABASE_URL=tidb://u:{real}@db.example.com/d"], ids=["by itself", "in a URL"]
)
def test_a_password_in_the_dotenv_or_in_code_is_not_used(tmp_path: Path, line: str) -> None:
    real = secrets.token_hex(8)
    Home(tmp_path).write("user")
    (tmp_path / ".env").write_text(f"DATABASE_TYPE=tidb\n{line.format(real=real)}\n")
    for project in (Project.find(tmp_path), Project.find(tmp_path, password=real)):
        password = disarmed(project, "user").password
        assert password is not None
        assert password.reveal() != real


def test_the_clients_environment_holds_no_password() -> None:
    given = {
        "PATH": "/bin",
        "USER_DATABASE_PASSWORD": "x",
        "PGPASSWORD": "x",
        "DATABASE_URL": "x",
        "PGSSLMODE": "disable",
    }
    assert environment("/ca.pem", given) == {"PATH": "/bin", "PGSSLMODE": "disable", "SSL_CERT_FILE": "/ca.pem"}


def test_a_driver_that_is_not_installed_is_told_from_one_that_fails() -> None:
    text = "postgresql+nosuchdriver://u@localhost/d"
    assert attempt(Task(kind="sync", way=Way.URL, text=text)).kind == "failed"
    said = attempt(Task(kind="sync", way=Way.URL, text="mysql+mysqldb://u@localhost/d"))
    assert (said.kind, said.text) == ("missing", "No module named 'MySQLdb'")
