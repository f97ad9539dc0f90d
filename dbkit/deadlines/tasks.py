"""Work of an event loop that must end by a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from dbkit.deadlines.watch import Watch

# A driver that finds its socket shut ends by itself. Cancelled in the middle of a statement, psycopg would first connect
# anew, to have the server cancel it.
GRACE_S: Final = 0.1


@asynccontextmanager
async def cancelled_late(watch: Watch) -> AsyncIterator[None]:
    """Cancel what is done here soon after its watch has run out: what is not yet a socket that the watch knows ends by that.

    Raises:
        TimeoutError: it was cancelled.
    """
    limit = asyncio.timeout(watch.left_s + GRACE_S)
    try:
        async with limit:
            yield
    finally:
        if limit.expired():
            watch.expire()
