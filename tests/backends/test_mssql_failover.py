"""Whether an SQL Server can be reached, as far as it goes without one: Microsoft's real driver against stubs of the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from dbkit.errors import UnreachableError
from dbkit.failover.plan import Outcome, Step
from dbkit.failover.probe import Inquiry, inquire
from dbkit.testing.authorities import Issued
from tests.backends.inquiries import in_time
from tests.backends.mssql_stub import LoginStub
from tests.backends.mssql_there import Server, ca, certificate, config, loads, server, trusted
from tests.backends.strangers import (
    breaks_off,
    breaks_off_in_tls,
    hangs_up,
    hangs_up_in_tls,
    never_speaks,
    refusing,
    stranger,
)

__all__ = ["ca", "certificate", "server", "trusted"]

pytestmark = loads


def asked(port: int, budget_s: float) -> Inquiry:
    return inquire(config(port, fallback="dev"), budget_s=budget_s, dice=lambda: 0.0)


def test_a_server_that_is_there_answers(server: Server) -> None:
    found = asked(server.port, 10)
    assert (found.step, [attempt.outcome for attempt in found.attempts]) == (Step.USE_PRIMARY, [Outcome.ANSWERED])


def test_a_refused_port_is_decided_in_0_3_seconds_though_the_driver_asks_again_and_again() -> None:
    with refusing() as port:
        found = in_time(lambda: asked(port, 3), 0.3)
    assert (found.step, [attempt.outcome for attempt in found.attempts]) == (Step.FALL_BACK, [Outcome.ABSENT] * 3)
    assert "Connection refused (3 attempts" in found.reason


def test_a_server_that_never_greets_counts_as_gone_when_the_budget_is_over() -> None:
    with stranger(never_speaks) as port:
        found = in_time(lambda: asked(port, 0.4), 0.5)
    assert (found.step, found.seconds >= 0.4) == (Step.FALL_BACK, True)


@pytest.mark.parametrize("talk", [hangs_up, breaks_off], ids=["closes", "resets"])
def test_who_hangs_up_before_a_word_counts_as_gone(talk: Any) -> None:
    with stranger(talk) as port:
        assert asked(port, 3).step is Step.FALL_BACK


@pytest.mark.parametrize("talk", [hangs_up_in_tls, breaks_off_in_tls], ids=["closes", "resets"])
def test_who_breaks_off_the_handshake_of_tls_is_no_absence(talk: Any) -> None:
    with stranger(talk("tds")) as port:
        found = asked(port, 5)
    assert (found.step, Outcome.REFUSED in [attempt.outcome for attempt in found.attempts]) == (Step.RAISE, True)


def test_a_refused_log_in_is_raised(certificate: Issued) -> None:
    with LoginStub(certificate=certificate) as stub:
        found = asked(stub.port, 10)
    assert (found.step, type(found.error)) == (Step.RAISE, UnreachableError)
    assert "refuses the log-in of 'app'" in str(found.error)
