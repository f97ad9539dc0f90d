"""What is told once in a process: a pool makes many connections, and each meets the same server."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

_told: set[tuple[str | None, str]] = set()


def tell_refused(place: str | None, statement: str) -> None:
    """Warn that a server refuses a statement of the session's set-up, the first time that it does.

    Args:
        place: the server's host or socket.
        statement: what it refuses.
    """
    if (place, statement) not in _told:
        _told.add((place, statement))
        log.warning("%s refuses %s; the session keeps its own", place, statement)
