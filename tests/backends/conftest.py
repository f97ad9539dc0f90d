"""The product's engine on each backend's database, and a service whose database is there or yet to come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from tests.backends.healthy import Service, configured, service_on
from tests.backends.private import BINARIES, PrivateServer, private_server, why_not
from tests.servers import BACKENDS, Database, find_server, how_to_start

PRIVATE = [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in BINARIES]
ASKED = [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"]


@pytest.fixture
def config(database: Database) -> DatabaseConfig:
    return DatabaseConfig.from_env(environ=database.environ)


@pytest.fixture
def engine(config: DatabaseConfig) -> Iterator[sa.Engine]:
    made = config.create_engine()
    yield made
    made.dispose()


@pytest.fixture(scope="module", params=ASKED)
def backend(request: pytest.FixtureRequest) -> str:
    """Name each backend in turn; skips where there is no server."""
    if request.param != "sqlite" and find_server(request.param) is None:
        pytest.skip(how_to_start(request.param))
    return str(request.param)


@pytest.fixture
def service(backend: str, tmp_path: Path) -> Iterator[Service]:
    """Give a service whose database nobody has made."""
    with service_on(backend, tmp_path) as made, configured(made) as found:
        yield found


@pytest.fixture(scope="module")
def _migrated(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service_on(backend, tmp_path_factory.mktemp("service")) as made:
        with configured(made):
            made.migrate()
        yield made


@pytest.fixture
def migrated(_migrated: Service) -> Iterator[Service]:
    """Give a service at head, put back to it after the test."""
    with configured(_migrated) as found:
        yield found
    with configured(_migrated):
        _migrated.put_back()


@pytest.fixture(scope="session", params=PRIVATE)
def private(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """Give a server that may be stopped; whoever stops it lets it go on."""
    reason = why_not(request.param)
    if reason is not None:
        pytest.skip(reason)
    with private_server(request.param) as found:
        yield found
