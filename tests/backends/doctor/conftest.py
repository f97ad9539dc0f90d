"""A server, a database with a table in it, an account, and the doctor's look at a service there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.pool import NullPool

from dbkit.checks.doctor import doctor
from dbkit.checks.findings import ServiceFindings
from tests.backends.accounts import Account, throw_away_account
from tests.backends.doctor.examined import PASSWORD, Look
from tests.projects import Home
from tests.servers import Server, find_server, how_to_start


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Server:
    """Give a server by its name, for tests that choose; else each in turn."""
    found = find_server(request.param)
    if found is None:
        pytest.skip(how_to_start(request.param))
    return found


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    """Give a database with a table in it."""
    with server.database() as made:
        with server.engine(made, poolclass=NullPool).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE things (id INT PRIMARY KEY)")
        yield made


@pytest.fixture
def account(server: Server, name: str) -> Iterator[Account]:
    with throw_away_account(server, PASSWORD) as made:
        yield made
        if server.backend == "postgresql":  # a role is not dropped while it has rights in any database
            with server.engine(name, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as administrator:
                administrator.exec_driver_sql(f'DROP OWNED BY "{made.user}"')


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, name: str) -> Look:
    """Give the doctor's visit at a service on the server, by other variables where they are given."""
    project = Home(tmp_path).write("user").project()

    def examine(*, processes: int = 1, deadline_s: float = 60.0, **environ: str) -> ServiceFindings:
        for key, value in (server.environ(name) | environ).items():
            monkeypatch.setenv(key, value)
        return doctor(project, processes=processes, deadline_s=deadline_s).services[0]

    return examine
