"""How sides are timed and compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Side = Callable[[], None]


def seconds(side: Side) -> float:
    """Time one call."""
    began = time.perf_counter()
    side()
    return time.perf_counter() - began


def medians(*sides: Side, rounds: int, prepare: Side = lambda: None) -> list[float]:
    """Time sides in turn and give the median of each, in seconds; `prepare` runs before each call and is not timed."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, found in zip(sides, times, strict=True):
            prepare()
            found.append(seconds(side))
    return [statistics.median(found) for found in times]


def line(title: str, ours: float, theirs: float, *, goal: str) -> None:
    """Print one comparison."""
    print(
        f"{title:<34} {ours:>8.3f} s {theirs:>8.3f} s   {theirs / ours:>6.2f} x faster  ({ours / theirs:.2f} of it)   goal: {goal}"
    )
