"""A project on each backend, for runs that meet or are killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.runs import Runs
from tests.projects import Home
from tests.servers import BACKENDS, find_server, how_to_start


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"])
def runs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Give a project of one service, configured for a database that is not there."""
    made = Runs(home=Home(tmp_path).write("user"), backend=request.param)
    if request.param == "sqlite":
        monkeypatch.setenv("DATABASE_TYPE", "sqlite")
        yield made
        return
    server = find_server(request.param)
    if server is None:
        pytest.skip(how_to_start(request.param))
    with server.names("user") as template:
        for key, value in server.environ(template).items():
            monkeypatch.setenv(key, value)
        yield made
