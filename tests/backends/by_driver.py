"""Ways to the databases by drivers that somebody must ask for, for tests of these drivers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.servers import WAYS, Server, Way, find_server, how_to_start

ASYNC = [way for way in WAYS if way.asynchronous]


def ways(*, servers: bool = True, asynchronous: bool = True) -> list[Any]:
    """List ways as parameters: to servers or to SQLite as well, of asynchronous engines or of any that somebody must ask for."""
    chosen = ASYNC if asynchronous else [way for way in WAYS if way.driver]
    return [
        pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend))
        for way in chosen
        if not servers or way.backend != "sqlite"
    ]


def server_of(way: Way) -> Server:
    found = find_server(way.backend)
    if found is None:
        pytest.skip(how_to_start(way.backend))
    return replace(found, way=way)


def environ(way: Way, folder: Path) -> dict[str, str]:
    """Give the variables of a database that is there."""
    if way.backend == "sqlite":
        return {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": str(folder / "user.db"), **way.environ()}
    return server_of(way).environ("postgres" if way.backend == "postgresql" else "information_schema")
