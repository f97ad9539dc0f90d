"""How what the doctor sees is taken: numbers in, verdicts out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dbkit.backends import observing
from dbkit.backends.protocol import Verdict
from dbkit.checks import settings
from dbkit.checks.certificates import Certificate, ServerTls
from dbkit.checks.server import judge_accounts, judge_latency, judge_tls, protection
from dbkit.config import DatabaseConfig
from tests.projects import Home
from tests.unit.judged import ADVICE, NOW, OK, PROBLEM, demand


@pytest.mark.parametrize(
    ("limit", "connections", "together", "verdict"),
    [
        (None, 100_000, 100_000, OK),
        (100, 80, 80, OK),
        (100, 81, 81, ADVICE),
        (100, 100, 100, ADVICE),
        (100, 101, 101, PROBLEM),
        (100, 30, 80, OK),
        (100, 30, 90, ADVICE),
        (100, 30, 180, ADVICE),
    ],
)
def test_a_limit_is_held_against_what_is_asked(
    limit: int | None, connections: int, together: int, verdict: Verdict
) -> None:
    asked = demand(connections, together=together)
    seen = observing.judge_limit("limits.server", "max_connections", limit=limit, demand=asked, hint="raise it")
    assert seen.verdict is verdict


def test_a_limit_that_is_too_low_says_by_how_much_and_what_to_do() -> None:
    seen = observing.judge_limit("limits.server", "max_connections", limit=10, demand=demand(30), hint="raise it")
    assert seen.message == "max_connections: 10 connections; this service may open 30, and those above are refused"
    assert seen.hint == "lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW, or the number of processes; or raise it"


@pytest.mark.parametrize(
    ("limit_s", "idle_s", "verdict"),
    [(None, -1, OK), (28800, 300, OK), (300, 300, OK), (299, 300, ADVICE), (28800, -1, ADVICE)],
)
def test_connections_that_the_server_ends_first_are_advised_against(
    limit_s: float | None, idle_s: int, verdict: Verdict
) -> None:
    seen = observing.judge_idle("limits.idle", "wait", limit_s=limit_s, demand=demand(idle_s=idle_s), hint="raise it")
    assert seen.verdict is verdict


def test_a_shorter_recycling_is_advised_with_its_number() -> None:
    seen = observing.judge_idle("limits.idle", "wait", limit_s=60, demand=demand(), hint="raise it")
    assert seen.hint == "set DATABASE_POOL_RECYCLE=48; or raise it"


@pytest.mark.parametrize(
    ("version", "verdict"), [((12, 9), PROBLEM), ((13, 0), OK), ((13,), OK), ((15, 20), OK), ((18, 1), OK)]
)
def test_a_version_is_held_against_the_oldest(version: tuple[int, ...], verdict: Verdict) -> None:
    assert observing.judge_version("PostgreSQL", version, (13,)).verdict is verdict


@pytest.mark.parametrize(
    ("difference_ms", "doubt_ms", "verdict"),
    [
        (0.0, 0.1, OK),
        (-999.0, 0.1, OK),
        (1200.0, 300.0, OK),
        (1200.0, 100.0, ADVICE),
        (-1200.0, 100.0, ADVICE),
        (90_000.0, 1.0, PROBLEM),
        (-90_000.0, 1.0, PROBLEM),
    ],
)
def test_a_clock_that_goes_wrong_is_told_from_a_slow_answer(
    difference_ms: float, doubt_ms: float, verdict: Verdict
) -> None:
    assert observing.judge_clock(difference_ms, doubt_ms).verdict is verdict


class Answers:
    """A connection that gives one answer after another."""

    def __init__(self, *answers: float) -> None:
        self._answers = iter(answers)

    def exec_driver_sql(self, statement: str) -> Any:
        del statement
        return SimpleNamespace(scalar_one=lambda: next(self._answers))


def test_the_shortest_round_trip_tells_the_difference_of_clocks() -> None:
    ours = iter([100.0, 101.0, 200.0, 200.1, 300.0, 301.0, 400.0, 401.0, 500.0, 501.0])
    connection: Any = Answers(190.0, 200.55, 390.0, 490.0, 590.0)
    (seen,) = observing.observe_clock(connection, "SELECT now()", clock=lambda: next(ours))
    assert seen.message == "the server's clock is 500.0 ms ahead of this machine's (± 50.0 ms)"


def test_latency_is_the_median_and_the_worst() -> None:
    seen = judge_latency([1.0, 2.0, 30.0])
    said = "a round trip takes 2.0 ms (median of 3; the worst 30.0 ms)"
    assert (seen.verdict, seen.message) == (OK, said)
    assert judge_latency([1.0, 21.0, 30.0]).verdict is ADVICE


@pytest.mark.parametrize(
    ("days", "verdict"), [(-1, PROBLEM), (0, PROBLEM), (6, PROBLEM), (7, ADVICE), (20, ADVICE), (21, OK)]
)
def test_what_expires_soon_is_advised_and_then_a_problem(days: int, verdict: Verdict) -> None:
    assert settings.by_days(NOW + timedelta(days=days), NOW) is verdict


def test_of_several_cas_the_last_counts() -> None:
    seen = settings.judge_ca("/ca.pem", [NOW - timedelta(days=2), NOW + timedelta(days=90)], NOW)
    assert (seen.verdict, seen.message) == (OK, "the last of 2 CAs in /ca.pem expires in 90 days, on 2026-07-30")


def test_a_ca_that_has_expired_is_a_problem() -> None:
    seen = settings.judge_ca("/ca.pem", [NOW - timedelta(days=2)], NOW)
    assert (seen.verdict, seen.message) == (PROBLEM, "the CA in /ca.pem expired on 2026-04-29")


@pytest.mark.parametrize(
    ("mode", "strict", "verdict"),
    [(0o600, True, OK), (0o640, True, OK), (0o644, False, ADVICE), (0o644, True, PROBLEM), (0o602, True, PROBLEM)],
)
def test_a_file_that_everybody_may_read_is_advised_against_and_in_production_a_problem(
    tmp_path: Path, mode: int, strict: bool, verdict: Verdict
) -> None:
    key = tmp_path / "client.key"
    key.touch()
    key.chmod(mode)
    seen = settings.judge_mode("tls.key", "the key", key, strict=strict)
    assert seen.verdict is verdict
    assert (seen.hint is None) == (verdict is OK)


def certificate(days: int, subject: str = "CN=db") -> Certificate:
    end = NOW + timedelta(days=days)
    return Certificate(subject=subject, issuer="CN=ca", names=("db",), not_before=NOW, not_after=end, fingerprint="00")


@pytest.mark.parametrize(("days", "verdict"), [(3, PROBLEM), (10, ADVICE), (90, OK)])
def test_the_first_certificate_of_a_chain_that_expires_counts(days: int, verdict: Verdict) -> None:
    chain = (certificate(200), certificate(days, "CN=ca"))
    found = ServerTls(version="TLSv1.3", cipher="AES", chain=chain, ca_file="/ca.pem", verified=True)
    (seen,) = judge_tls(found, "verify", NOW)
    assert seen.verdict is verdict
    assert seen.message.startswith(f"TLSv1.3 with AES; the certificate of CN=db expires in {days} days, on 2026-0")


def test_a_certificate_that_is_not_verified_is_advised_against() -> None:
    found = ServerTls(version="TLSv1.2", cipher="AES", chain=(certificate(200),), ca_file=None, verified=False)
    seen = [*judge_tls(found, "insecure-private", NOW)]
    assert [(one.check, one.verdict) for one in seen] == [("tls.certificate", OK), ("tls.verification", ADVICE)]


@pytest.mark.parametrize(
    ("overrides", "verdict"),
    [
        ({"socket": "/run/postgresql"}, OK),
        ({"host": "localhost", "tls": "insecure-loopback"}, OK),
        ({"host": "db", "tls": "insecure-private"}, ADVICE),
    ],
)
def test_clear_text_is_well_on_this_machine_alone(overrides: dict[str, Any], verdict: Verdict) -> None:
    (seen,) = protection(DatabaseConfig(backend="postgresql", **overrides), NOW)
    assert seen.verdict is verdict


@pytest.mark.parametrize(
    ("environment", "migration_user", "checks"),
    [
        ("development", None, []),
        ("production", None, []),
        ("production", "app", ["rights.account"]),
        ("production", "app_migration", []),
    ],
)
def test_migrations_have_an_account_of_their_own(
    environment: Any, migration_user: str | None, checks: list[str]
) -> None:
    config = DatabaseConfig(backend="tidb", user="app", migration_user=migration_user, environment=environment)
    assert [one.check for one in judge_accounts(config)] == checks


def test_variables_with_the_services_own_prefix_are_looked_at_too(tmp_path: Path) -> None:
    project = Home(tmp_path).write("user", "project").project()
    environ = {"USER_DATABASE_HOST": "db", "USER_DATABASE_SHARDS": "3", "DATABASE_OLD_THING": "x", "DBKIT_DEBUG": "1"}
    seen = settings.unknown_variables(project, "user", environ)
    assert (seen.verdict, seen.message) == (ADVICE, "nothing reads DATABASE_OLD_THING, USER_DATABASE_SHARDS")
    assert settings.unknown_variables(project, "project", environ).message == "nothing reads DATABASE_OLD_THING"
    assert settings.unknown_variables(project, "project", {}).verdict is OK
