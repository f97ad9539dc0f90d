"""What a session of PostgreSQL is asked for when it starts, whichever driver starts it."""

from __future__ import annotations

import math
from typing import Final

from dbkit.backends.names import quote
from dbkit.backends.protocol import Endpoint

ZONE: Final = "UTC"


def start_settings(endpoint: Endpoint) -> dict[str, str]:
    """Give the settings that stand in the start-up packet, so that neither a rollback nor RESET takes them back.

    Only what was configured: a pooler between (PgBouncer) refuses a start-up with settings that it does not know.
    """
    settings = {}
    if endpoint.schema is not None:
        # that schema alone: with `public` behind it, a schema that is missing would quietly mean `public`
        settings["search_path"] = quote(endpoint.schema, '"', '"')
    if endpoint.deadline_s is not None:
        settings["statement_timeout"] = str(milliseconds(endpoint.deadline_s))
    return settings


def milliseconds(seconds: float) -> int:
    """Give whole milliseconds, never none: 0 would mean no limit."""
    return max(1, math.ceil(seconds * 1000))


def handshake_s(endpoint: Endpoint) -> float:
    """Tell how long connecting may take: no longer than a statement may."""
    return min(endpoint.connect_timeout_s, endpoint.deadline_s or math.inf)
