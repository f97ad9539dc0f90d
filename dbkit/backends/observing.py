"""What the examiners of all backends have in common: wording an observation, and judging versions, limits and clocks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from dbkit.backends.protocol import Demand, Endpoint, Observation, Verdict

if TYPE_CHECKING:
    import sqlalchemy as sa

# Of one server, what all services may open together is better kept below this part of the limit: others connect too.
FULL: Final = 0.8
# From here on a timestamp of the server and one of this machine cannot be compared; tokens and leases go wrong from a minute on.
SKEW_MS: Final = 1000.0
BROKEN_SKEW_MS: Final = 60_000.0
# The shortest of a few round trips tells best: https://www.rfc-editor.org/rfc/rfc5905#section-10 (the clock filter of NTP).
SAMPLES: Final = 5


class ServerExaminer:
    """The part that is the same for every server."""

    def reading(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Give no options: what is asked of a server reads only."""
        del endpoint
        return {}


def fine(check: str, message: str) -> Observation:
    """Note that something is as it should be."""
    return Observation(check=check, verdict=Verdict.OK, message=message)


def advice(check: str, message: str, hint: str) -> Observation:
    """Note that something works and could be better."""
    return Observation(check=check, verdict=Verdict.ADVICE, message=message, hint=hint)


def problem(check: str, message: str, hint: str) -> Observation:
    """Note that something will fail, lose data or is unsafe."""
    return Observation(check=check, verdict=Verdict.PROBLEM, message=message, hint=hint)


def graded(verdict: Verdict, check: str, message: str, *, hint: str) -> Observation:
    """Note something by a verdict; what is well needs no hint."""
    return Observation(check=check, verdict=verdict, message=message, hint=None if verdict is Verdict.OK else hint)


def judge_version(title: str, version: tuple[int, ...], oldest: tuple[int, ...]) -> Observation:
    """Hold a version against the oldest one that dbkit is made for."""
    found, needed = worded(version), worded(oldest)
    if version < oldest:
        return problem(
            "server.version",
            f"{title} {found} is not supported",
            f"use {title} {needed} or newer: revisions and types count on what it brought",
        )
    return fine("server.version", f"{title} {found} is supported ({needed} or newer)")


def judge_account(account: str, *, superuser: bool) -> Observation:
    """Judge whom the server takes this account for."""
    if superuser:
        said = f"the server knows this account as {account}, which may do anything"
        return advice("server.account", said, "give the service an account with the rights that it needs: dbkit grants")
    return fine("server.account", f"the server knows this account as {account}")


def worded(version: tuple[int, ...]) -> str:
    """Word a version: 10.11.19."""
    return ".".join(map(str, version))


def judge_limit(check: str, what: str, *, limit: int | None, demand: Demand, hint: str) -> Observation:
    """Hold a number of connections against what the service may open.

    Args:
        check: its name.
        what: whose limit it is, as the beginning of a sentence.
        limit: None where there is none.
        demand: of the service.
        hint: how the limit is raised.
    """
    asked = f"this service may open {demand.connections}"
    if limit is None:
        return fine(check, f"{what}: no limit; {asked}")
    said = f"{what}: {limit} connections; {asked}"
    lower = "lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW, or the number of processes"
    if demand.connections > limit:
        return problem(check, f"{said}, and those above are refused", f"{lower}; or {hint}")
    if demand.together > demand.connections:
        said += f", all of this project {demand.together}"
    if max(demand.connections, demand.together) <= limit * FULL:
        return fine(check, said)
    left = "which leaves too little for others" if demand.together <= limit else "which is more than there are"
    return advice(check, f"{said}, {left}", f"{lower}; or {hint}")


def judge_idle(check: str, what: str, *, limit_s: float | None, demand: Demand, hint: str) -> Observation:
    """Hold the time after which the server ends an idle connection against the pool's.

    Args:
        check: its name.
        what: the server's name for it.
        limit_s: in seconds; None where it waits for ever.
        demand: of the service.
        hint: how the time is made longer.
    """
    if limit_s is None:
        return fine(check, f"{what}: idle connections are kept")
    said = f"{what}: idle connections end after {limit_s:g} s"
    if 0 <= demand.idle_s <= limit_s:
        return fine(check, f"{said}; the pool renews its own after {demand.idle_s} s")
    kept = "for ever" if demand.idle_s < 0 else f"for {demand.idle_s} s"
    return advice(
        check,
        f"{said}; the pool keeps its own {kept}, and pays for a new one where it finds it dead",
        f"set DATABASE_POOL_RECYCLE={max(1, int(limit_s * FULL))}; or {hint}",
    )


def observe_clock(
    connection: sa.Connection, statement: str, *, clock: Callable[[], float] = time.time
) -> Iterator[Observation]:
    """Compare the server's clock with this machine's; half the round trip is how far that can be wrong.

    Args:
        connection: to ask on.
        statement: gives the server's seconds since 1970, with a fraction.
        clock: this machine's, likewise.
    """
    best_ms, difference_ms = math.inf, 0.0
    for _ in range(SAMPLES):
        before = clock()
        server = float(connection.exec_driver_sql(statement).scalar_one())
        after = clock()
        round_trip_ms = (after - before) * 1000
        if round_trip_ms < best_ms:
            best_ms, difference_ms = round_trip_ms, (server - (before + after) / 2) * 1000
    yield judge_clock(difference_ms, best_ms / 2)


def judge_clock(difference_ms: float, doubt_ms: float) -> Observation:
    """Judge how far the server's clock is ahead of this machine's, in milliseconds."""
    way = "ahead of" if difference_ms >= 0 else "behind"
    said = f"the server's clock is {abs(difference_ms):.1f} ms {way} this machine's (± {doubt_ms:.1f} ms)"
    hint = "keep both machines on NTP: times set by the server and by the service cannot be compared"
    beyond_ms = abs(difference_ms) - doubt_ms
    if beyond_ms > BROKEN_SKEW_MS:
        return problem("server.clock", said, f"{hint}, and certificates and tokens are refused")
    if beyond_ms > SKEW_MS:
        return advice("server.clock", said, hint)
    return fine("server.clock", said)
