"""What the doctor's judges are asked in the tests, and what they said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from dbkit.backends.protocol import Demand, Observation, Verdict

OK, ADVICE, PROBLEM = Verdict.OK, Verdict.ADVICE, Verdict.PROBLEM
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def demand(connections: int = 30, *, together: int | None = None, idle_s: int = 300) -> Demand:
    return Demand(connections=connections, together=connections if together is None else together, idle_s=idle_s)


def verdicts(seen: Iterable[Observation]) -> dict[str, Verdict]:
    return {one.check: one.verdict for one in seen}
