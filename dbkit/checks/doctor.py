"""What is wrong with services: each is looked at by itself, side by side, within a bounded time; nothing is written."""

from __future__ import annotations

import importlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dbkit.checks.findings import FindingsResult
from dbkit.checks.visit import Load, Visit
from dbkit.errors import DbkitError

if TYPE_CHECKING:
    from dbkit.project import Project

# More at once would wait for each other's answers and be measured as slow.
AT_ONCE: Final = 4
DEADLINE_S: Final = 30.0


def doctor(
    project: Project, services: Sequence[str] = (), *, processes: int = 1, deadline_s: float = DEADLINE_S
) -> FindingsResult:
    """Look at the settings and servers of services (none: all).

    Args:
        project: whose.
        services: by name.
        processes: how many processes each service runs, every one with a pool of its own.
        deadline_s: how long one service may take, in seconds; a server that hangs does not hold up the others.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names, began = project.select(services), time.monotonic()
    # What connects takes a second to load where the machine is busy, which is no service's doing.
    importlib.import_module("dbkit.config.connect")
    load = Load(processes=processes, together=_together(project))
    visits = [Visit(project=project, name=name, load=load, deadline_s=deadline_s) for name in names]
    for at in range(0, len(visits), AT_ONCE):
        _side_by_side(visits[at : at + AT_ONCE])
    found = tuple(visit.result() for visit in visits)
    return FindingsResult(command="doctor", services=found, seconds=time.monotonic() - began)


def _side_by_side(visits: Sequence[Visit]) -> None:
    """Make some visits at once, and leave those behind that take too long: a thread cannot be ended, but need not be waited for."""
    threads = [threading.Thread(target=visit.make, name=f"doctor-{visit.name}", daemon=True) for visit in visits]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread, visit in zip(threads, visits, strict=True):
        thread.join(max(0.0, began + visit.deadline_s - time.monotonic()))


def _together(project: Project) -> Counter[tuple[str, str | None]]:
    """Count the connections that all services of the project may open on each server, with one process each."""
    found: Counter[tuple[str, str | None]] = Counter()
    for name in project.service_names:
        try:
            config = project.config(name)
        except DbkitError:
            continue  # it is told where that service is looked at
        found[config.backend, config.address] += config.pool_size + config.max_overflow
    return found
