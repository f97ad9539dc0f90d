"""Chooses the backends that a run has, hands out servers and throw-away databases, and says at the end what ran."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dbkit.testing.conformance.profile import server_variable
from tests.driving import drive, end_driving, is_driving
from tests.servers import (
    BACKENDS,
    SERVERS,
    Database,
    Server,
    Way,
    find_server,
    how_to_start,
    need_server,
    throw_away_database,
)

# A round trip to a database takes what it takes; only its outcome is tested.
settings.register_profile("dbkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dbkit"), print_blob=True, max_examples=50)
settings.load_profile("ci" if os.environ.get("CI") else "dbkit")

_REQUIRED = pytest.StashKey[frozenset[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that turns skips for a missing server into a failure."""
    parser.addoption(
        "--require-backends",
        default="",
        metavar="NAMES",
        help=f"fail unless these backends run (comma-separated, of: {', '.join(BACKENDS)})",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare one mark per backend, refuse a run without what it requires, and forget the developer's own settings."""
    for backend in BACKENDS:
        config.addinivalue_line("markers", f"{backend}: runs on {backend}")
    config.addinivalue_line("markers", "driven: runs in an event loop, so that engines of every driver can be used")
    required = frozenset(filter(None, config.getoption("--require-backends").replace(" ", "").split(",")))
    if unknown := required.difference(BACKENDS):
        raise pytest.UsageError(f"--require-backends: unknown {sorted(unknown)}, known {list(BACKENDS)}")
    missing = [name for name in SERVERS if name in required and find_server(name) is None]
    if missing:
        raise pytest.UsageError("--require-backends: " + "; ".join(how_to_start(name) for name in missing))
    config.stash[_REQUIRED] = required
    for name in list(os.environ):
        if "DATABASE_" in name or (name.startswith("DBKIT_") and not name.startswith("DBKIT_TEST_")):
            del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every report carry the backend that its test ran on; a report's keywords hold any parameter's words too."""
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        item.user_properties.extend(("backend", name) for name in BACKENDS if name in marks)


def pytest_report_header() -> list[str]:
    """Say at the top which servers this run talks to."""
    return [f"{name}: {_describe(name)}" for name in SERVERS if find_server(name)]


def _describe(backend: str) -> str:
    server = need_server(backend)
    try:
        return f"{server.version()} at {server.url.host}:{server.url.port}"
    except Exception as error:  # noqa: BLE001 - whatever the driver raises, the tests will tell it in full
        return f"unknown ({type(error).__name__})"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run what is marked `driven` where the inside of an asynchronous engine can be used like any other: its fixtures too."""
    if is_driving() or item.get_closest_marker("driven") is None:
        return None
    drive(lambda: item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem))
    return True


def pytest_unconfigure() -> None:
    """End the event loop of the tests, where there was one."""
    end_driving()


def _parameters(backends: tuple[str, ...]) -> list[object]:
    return [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in backends]


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """Forget the passwords of a test when it ends: another one's words may hold them, and would be hidden."""
    registry = sys.modules["dbkit.config.redact"]._registry
    known = dict(registry._values)
    yield
    registry._values.clear()
    registry._values.update(known)
    registry._forms = None


@pytest.fixture(scope="session", params=_parameters(SERVERS))
def server(request: pytest.FixtureRequest) -> Server:
    """Give each real server in turn; skips where there is none.

    A test that takes it from `tests.driving.servers_by_every_driver` is given it once for each driver.
    """
    way = request.param if isinstance(request.param, Way) else Way(backend=request.param)
    found = find_server(way.backend)
    if found is None:
        pytest.skip(how_to_start(way.backend))
    return replace(found, way=way)


@dataclass(frozen=True, kw_only=True)
class Databases:
    """One database per backend for the whole worker: creating them is slow."""

    stack: ExitStack
    folder: Path
    made: dict[str, Database] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    def give(self, backend: str, module: str) -> Database:
        """Give a backend's database, empty when a module has it for the first time: its drivers may share what is slow to make."""
        if backend not in self.made:
            self.made[backend] = self.stack.enter_context(throw_away_database(backend, self.folder))
        elif self.users[backend] != module:
            self.made[backend].clean()
        self.users[backend] = module
        return self.made[backend]


@pytest.fixture(scope="session")
def _databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Drop them all at the end."""
    with ExitStack() as stack:
        yield Databases(stack=stack, folder=tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="module", params=_parameters(BACKENDS))
def database(request: pytest.FixtureRequest, _databases: Databases) -> Iterator[Database]:
    """Give a database on each backend in turn, empty at the start of the module; skips where there is no server.

    A test that takes it from `tests.driving.on_every_driver` is given it in the way of each driver.
    """
    way = request.param if isinstance(request.param, Way) else Way(backend=request.param)
    if way.backend != "sqlite" and find_server(way.backend) is None:
        pytest.skip(how_to_start(way.backend))
    found = _databases.give(way.backend, request.node.nodeid)
    reached = found.by(way) if way.driver else found
    yield reached
    reached.engine.dispose()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last which backends ran and which did not."""
    ran: Counter[str] = Counter()
    for outcome in ("passed", "failed", "xfailed", "xpassed"):
        for report in terminalreporter.stats.get(outcome, ()):
            ran.update(value for key, value in report.user_properties if key == "backend")
    terminalreporter.section("backends")
    there = ", ".join(f"{name} ({ran[name]} tests)" for name in BACKENDS if ran[name])
    terminalreporter.write_line(f"ran: {there or 'none'}")
    missing = [f"{name} ({_absence(name)})" for name in BACKENDS if not ran[name]]
    terminalreporter.write_line(f"did not run: {', '.join(missing) or 'none'}")


def _absence(backend: str) -> str:
    """Say why a backend has no tests in this run."""
    if backend != "sqlite" and find_server(backend) is None:
        return f"{server_variable(backend)} is not set"
    return "no test selected"
