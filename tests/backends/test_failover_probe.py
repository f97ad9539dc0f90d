"""Whether a server can be reached: what each driver meets is told apart, in time whatever hangs, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig
from dbkit.config.secrets import Secret
from dbkit.errors import (
    BackendMismatchError,
    ConfigurationError,
    DatabaseMissingError,
    DbkitError,
    TlsRefusedError,
    UnreachableError,
)
from dbkit.failover.plan import Outcome, Step
from dbkit.failover.probe import Inquiry, attempt_once, inquire
from tests.backends.accounts import Stripped, throw_away_account
from tests.backends.by_driver import environ, server_of
from tests.backends.healthy import sockets
from tests.backends.inquiries import in_time, primary_threads, sweep_up, until
from tests.backends.private import PrivateServer
from tests.backends.relay import relayed
from tests.backends.strangers import (
    WIRES,
    black_hole,
    breaks_off,
    breaks_off_in_tls,
    demands_certificate,
    hangs_up,
    hangs_up_in_tls,
    never_speaks,
    refusing,
    stranger,
    turns_away,
)
from tests.servers import SERVERS, WAYS, Way

BUDGET_S = 0.4
STOPPED_BUDGET_S = 0.06
SLACK_S = 0.1
ABSENT, ANSWERED, REFUSED, SILENT = Outcome.ABSENT, Outcome.ANSWERED, Outcome.REFUSED, Outcome.SILENT

Place = Callable[[], AbstractContextManager[int]]


@pytest.fixture(autouse=True)
def _swept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no socket to the tests after."""
    yield
    if "asyncpg" in request.node.name:
        until(lambda: not primary_threads())
        sweep_up()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A server as one driver reaches it, with a fallback."""

    way: Way
    config: DatabaseConfig

    def inquire(self, budget_s: float = BUDGET_S, **changes: Any) -> Inquiry:
        """Ask for it, or for what is configured otherwise; the pauses are the shortest."""
        config = replace(self.config, **changes)
        return inquire(config, asynchronous=self.way.asynchronous, budget_s=budget_s, dice=lambda: 0.0)

    @property
    def wire(self) -> str:
        """Name the protocol; skips where no stranger speaks it."""
        wire = get_backend(self.way.backend).traits.wire or ""
        if wire not in WIRES:
            pytest.skip(f"no stranger of tests.backends.strangers speaks {wire}")
        return wire


def asked_by(way: Way, folder: Path) -> Asked:
    fallback = {"DATABASE_FALLBACK": "dev", "DBKIT_PROJECT": str(folder)}
    return Asked(way=way, config=DatabaseConfig.from_env(environ={**environ(way, folder), **fallback}))


@pytest.fixture(
    params=[
        pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend))
        for way in WAYS
        if way.backend in SERVERS
    ]
)
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    (tmp_path / "dbkit.toml").write_text("")
    yield asked_by(request.param, tmp_path)
    until(lambda: not primary_threads())


def outcomes(found: Inquiry) -> list[Outcome]:
    return [attempt.outcome for attempt in found.attempts]


def test_a_server_that_is_there_answers_the_first_attempt(asked: Asked) -> None:
    asked.inquire(5)
    until(lambda: not primary_threads())
    before = sockets()
    found = asked.inquire(5)
    assert (found.step, outcomes(found), found.error) == (Step.USE_PRIMARY, [ANSWERED], None)
    title = get_backend(asked.way.backend).traits.title
    assert found.reason.startswith(f"{title} at {asked.config.address} answers (1 attempt in 0.")
    until(lambda: not primary_threads())
    assert sockets() == before


def test_a_refused_port_is_decided_by_three_attempts_in_0_3_seconds(asked: Asked) -> None:
    with refusing() as port:
        found = in_time(lambda: asked.inquire(3, port=port), 0.3)
    assert (found.step, outcomes(found)) == (Step.FALL_BACK, [ABSENT] * 3)
    assert found.seconds >= 0.15
    assert isinstance(found.error, UnreachableError)
    said = r"(Connection refused|Connect call failed.*)"
    title = get_backend(asked.way.backend).traits.title
    assert re.fullmatch(
        rf"{title} at localhost:{port} cannot be reached: {said} \(3 attempts in 0\.\d\d s\)", found.reason
    )


@pytest.mark.parametrize("place", [black_hole, lambda: stranger(never_speaks)], ids=["black hole", "never greets"])
def test_who_gives_no_word_counts_as_gone_when_the_budget_is_over(asked: Asked, place: Place) -> None:
    with place() as port:
        found = in_time(lambda: asked.inquire(port=port), BUDGET_S + SLACK_S)
    assert found.seconds >= BUDGET_S
    assert (found.step, outcomes(found)) == (Step.FALL_BACK, [SILENT] * 3)
    assert "no answer within 0.4 s" in str(found.error)
    assert found.reason.endswith("cannot be reached: no answer within 0.4 s (3 attempts in 0.40 s)")


@pytest.mark.parametrize("talk", [hangs_up, breaks_off], ids=["closes", "resets"])
def test_who_hangs_up_before_a_word_counts_as_gone(asked: Asked, talk: Any) -> None:
    with stranger(talk) as port:
        found = in_time(lambda: asked.inquire(3, port=port), 0.4)
    assert (found.step, outcomes(found)) == (Step.FALL_BACK, [ABSENT] * 3)


def test_a_name_that_does_not_resolve_counts_as_gone(asked: Asked) -> None:
    found = asked.inquire(3, host="nowhere.invalid")
    assert (found.step, outcomes(found)[0]) == (Step.FALL_BACK, ABSENT)
    assert isinstance(found.error, UnreachableError)


def refused(found: Inquiry, kind: type[DbkitError], words: str) -> None:
    assert (found.step, outcomes(found)[0]) == (Step.RAISE, REFUSED)
    assert type(found.error) is kind
    assert words in str(found.error)
    assert found.reason == str(found.error)


def test_a_wrong_password_is_raised_and_does_not_show(asked: Asked) -> None:
    password = secrets.token_hex(8)
    found = asked.inquire(5, password=Secret(password))
    refused(found, UnreachableError, "refuses the log-in of")
    assert password not in repr(found)


def test_a_database_that_is_not_there_is_raised(asked: Asked) -> None:
    refused(asked.inquire(5, database="dbkit_nowhere"), DatabaseMissingError, "has no database 'dbkit_nowhere'")


def test_an_untrusted_certificate_is_raised(asked: Asked) -> None:
    refused(asked.inquire(5, ssl_ca="system"), TlsRefusedError, "TLS with")


def test_a_server_without_tls_is_raised(asked: Asked) -> None:
    refused(asked.inquire(5, port=Stripped(asked.way.backend).port), TlsRefusedError, "TLS with")


@pytest.mark.parametrize("talk", [hangs_up_in_tls, breaks_off_in_tls], ids=["closes", "resets"])
def test_who_breaks_off_the_handshake_of_tls_is_no_absence(asked: Asked, talk: Any) -> None:
    with stranger(talk(asked.wire)) as port:
        found = asked.inquire(5, port=port)
    assert (found.step, outcomes(found)[0]) == (Step.RAISE, REFUSED)


def test_who_demands_a_certificate_of_us_is_no_absence(asked: Asked, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with stranger(demands_certificate(asked.wire, ca)) as port:
        for _ in range(3):  # of the server's answer and the end of its connection now one, now the other is first
            found = asked.inquire(5, port=port, ssl_ca=str(tmp_path / "ca.pem"))
            assert (found.step, outcomes(found)[0]) == (Step.RAISE, REFUSED)


def test_a_server_of_another_kind_is_raised(asked: Asked) -> None:
    if asked.wire == "mysql":
        found = asked.inquire(5, backend="mysql")
        refused(found, BackendMismatchError, f"but the server at {asked.config.address} is {asked.way.backend!r}")
        return
    with stranger(turns_away) as port:  # speaks MySQL's protocol
        found = asked.inquire(5, port=port)
    assert (found.step, outcomes(found)[0]) == (Step.RAISE, REFUSED)


def test_a_server_that_is_full_is_raised(asked: Asked) -> None:
    if asked.wire == "mysql":
        with stranger(turns_away) as port:
            refused(asked.inquire(5, port=port), UnreachableError, "Too many connections (1040)")
        return
    password = secrets.token_hex(8)
    with throw_away_account(server_of(asked.way), password) as account:
        account.run({"other": "", "postgresql": 'ALTER ROLE "{user}" CONNECTION LIMIT 0'})
        found = asked.inquire(5, user=account.user, password=Secret(password))
    refused(found, UnreachableError, "too many connections for role")


def test_a_server_that_is_slow_and_answers_within_the_budget_is_no_absence(asked: Asked) -> None:
    with relayed(asked.config.port, lambda: time.sleep(0.3)) as relay:
        found = asked.inquire(2, port=relay.port)
    assert (found.step, ANSWERED in outcomes(found)) == (Step.USE_PRIMARY, True)
    assert 0.3 <= found.seconds < 1.5


@pytest.mark.parametrize("change", [{"fallback": "off"}, {"environment": "production"}], ids=["off", "production"])
def test_where_nothing_may_fall_back_an_absence_is_raised(asked: Asked, change: dict[str, str]) -> None:
    with refusing() as port:
        found = asked.inquire(3, port=port, **change)
    assert (found.step, outcomes(found), type(found.error)) == (Step.RAISE, [ABSENT] * 3, UnreachableError)


def test_a_configuration_that_cannot_be_used_is_raised(asked: Asked, tmp_path: Path) -> None:
    refused(asked.inquire(ssl_ca=str(tmp_path / "none.pem")), ConfigurationError, "none.pem")


def test_a_password_that_cannot_be_had_is_raised(asked: Asked, tmp_path: Path) -> None:
    found = asked.inquire(5, password=None, password_file=str(tmp_path / "none"))
    refused(found, ConfigurationError, str(tmp_path / "none"))


def test_a_password_is_asked_for_as_for_any_connection(asked: Asked, tmp_path: Path) -> None:
    assert asked.config.password is not None
    file = tmp_path / "password"
    file.write_text(asked.config.password.reveal())
    file.chmod(0o600)
    assert asked.inquire(5, password=None, password_file=str(file)).step is Step.USE_PRIMARY


def test_a_provider_of_passwords_that_hangs_is_no_absence(asked: Asked, tmp_path: Path) -> None:
    name = f"provider_{secrets.token_hex(4)}"
    (tmp_path / f"{name}.py").write_text("import threading\n\ndef hang(login):\n    threading.Event().wait()\n")
    config = {"root": str(tmp_path), "password": None, "password_provider": f"{name}:hang"}
    found = asked.inquire(**config)
    refused(found, UnreachableError, f"DATABASE_PASSWORD_PROVIDER '{name}:hang' did not answer within 0.")
    assert found.seconds < BUDGET_S
    assert attempted(asked, 0.2, **config) is REFUSED


def test_threads_ask_at_once_and_all_are_answered(asked: Asked) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = [future.result() for future in [pool.submit(asked.inquire, 10) for _ in range(6)]]
    assert [one.step for one in found] == [Step.USE_PRIMARY] * 6


def test_it_can_be_asked_inside_an_event_loop(asked: Asked) -> None:
    async def ask() -> Inquiry:
        return asked.inquire(5)

    assert asyncio.run(ask()).step is Step.USE_PRIMARY


def attempted(asked: Asked, bound_s: float, **changes: Any) -> Outcome:
    config = replace(asked.config, **changes)
    return attempt_once(config, bound_s, asynchronous=asked.way.asynchronous).outcome


def test_one_attempt_tells_what_it_met(asked: Asked) -> None:
    assert attempted(asked, 5) is ANSWERED
    with refusing() as port:
        assert attempted(asked, 5, port=port) is ABSENT
    assert attempted(asked, 5, database="dbkit_nowhere") is REFUSED
    assert attempted(asked, 5, ssl_ca="/nowhere.pem") is REFUSED


def test_a_process_that_has_no_more_descriptors_does_not_take_that_for_an_absence(asked: Asked) -> None:
    assert attempted(asked, 5) is ANSWERED  # imports what there is to import
    until(lambda: not primary_threads())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    for_a_loop = 3 if asked.way.asynchronous else 0  # Python's own leaves one that has none of its three half-made
    next_ones = [os.dup(0) for _ in range(for_a_loop + 1)]
    for number in next_ones:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_ones[-1], limits[1]))
    try:
        found = attempt_once(asked.config, 5, asynchronous=asked.way.asynchronous)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found.outcome is REFUSED
    assert asked.inquire(5).step is Step.USE_PRIMARY


def test_attempts_one_after_the_other_leave_one_thread_behind_which_ends_by_itself(asked: Asked) -> None:
    with stranger(never_speaks) as port:
        began = time.monotonic()
        assert [attempted(asked, 0.05, port=port) for _ in range(5)] == [SILENT] * 5
        assert time.monotonic() - began < 1.5
        assert len(primary_threads()) == 1
        until(lambda: not primary_threads())


def test_a_child_of_a_fork_waits_for_no_attempt_of_its_parent(asked: Asked) -> None:
    with relayed(asked.config.port) as relay:
        relay.fall_silent()
        assert attempted(asked, 0.05, port=relay.port) is SILENT
        child = os.fork()
        if child == 0:
            status = 1
            try:
                relay_is_passed = attempted(asked, 0.05, port=relay.port) is SILENT
                status = (
                    0
                    if relay_is_passed and len(primary_threads()) == 1 and asked.inquire(5).step is Step.USE_PRIMARY
                    else 2
                )
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_stopped_server_counts_as_gone_in_time_and_leaves_nothing_behind_when_it_goes_on(
    private: PrivateServer, tmp_path: Path, asynchronous: bool
) -> None:
    (tmp_path / "dbkit.toml").write_text("")
    server = private.server
    name = "postgres" if server.backend == "postgresql" else "mysql"
    given = {**server.environ(name), "DATABASE_FALLBACK": "dev", "DBKIT_PROJECT": str(tmp_path)}
    asked = Asked(
        way=Way(backend=server.backend, asynchronous=asynchronous), config=DatabaseConfig.from_env(environ=given)
    )
    assert asked.inquire(10).step is Step.USE_PRIMARY
    until(lambda: not primary_threads())
    before = sockets()
    private.stop()
    try:
        time.sleep(0.3)
        found = [asked.inquire(STOPPED_BUDGET_S) for _ in range(20)]
        assert [one.step for one in found] == [Step.FALL_BACK] * 20
        # three in four: this machine may be busy with something else
        assert sorted(one.seconds for one in found)[15] < STOPPED_BUDGET_S + SLACK_S
        assert len(primary_threads()) <= sum(len(one.attempts) for one in found)
    finally:
        private.go_on()
    assert asked.inquire(20).step is Step.USE_PRIMARY
    until(lambda: not primary_threads())
    assert sockets() <= before
