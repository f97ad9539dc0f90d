"""How tests that are written once, without `await`, use asynchronous engines too: on SQLAlchemy's own bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.util.concurrency import greenlet_spawn, in_greenlet

from tests.servers import SERVERS, WAYS

_ALL = [pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend)) for way in WAYS]
on_every_driver = pytest.mark.parametrize("database", _ALL, indirect=True)
"""Gives a test the `database` in the way of every driver; its module is marked `driven`."""
servers_by_every_driver = pytest.mark.parametrize(
    "server", [item for item, way in zip(_ALL, WAYS, strict=True) if way.backend in SERVERS], indirect=True
)
"""Gives a test each `server` in the way of every driver; the test is marked `driven`."""

_runner: asyncio.Runner | None = None


def is_driving() -> bool:
    """Tell whether the caller runs on the bridge."""
    return in_greenlet()


def drive(work: Callable[[], Any]) -> Any:
    """Run something on the bridge; always in the same event loop, for connections of asynchronous drivers belong to one."""
    global _runner  # noqa: PLW0603 - one for the process
    if _runner is None:
        _runner = asyncio.Runner()
    return _runner.run(greenlet_spawn(work))


def end_driving() -> None:
    """Close the event loop."""
    global _runner  # noqa: PLW0603 - one for the process
    if _runner is not None:
        _runner.close()
        _runner = None
