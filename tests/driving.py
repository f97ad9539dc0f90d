"""Tests by every driver that are written once, without `await`: on the bridge of the conformance suite."""

from __future__ import annotations

import pytest

from dbkit.testing.driving import drive, end_driving, is_driving
from tests.servers import SERVERS, WAYS

__all__ = ["drive", "end_driving", "is_driving", "on_every_driver", "servers_by_every_driver"]

_ALL = [pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend)) for way in WAYS]
on_every_driver = pytest.mark.parametrize("database", _ALL, indirect=True)
"""Gives a test the `database` in the way of every driver; its module is marked `driven`."""
servers_by_every_driver = pytest.mark.parametrize(
    "server", [item for item, way in zip(_ALL, WAYS, strict=True) if way.backend in SERVERS], indirect=True
)
"""Gives a test each `server` in the way of every driver; the test is marked `driven`."""
