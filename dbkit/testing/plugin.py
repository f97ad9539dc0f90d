"""The pytest plugin: checks of revisions, migrated databases, throw-away CAs, impostor servers and the proof of TLS as fixtures.

Loading it imports nothing heavy; what is behind an option or a fixture is imported when that is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from dbkit.errors import DbkitError

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.testing.authorities import Authority, Issued
    from dbkit.testing.given import Database
    from dbkit.testing.impostor import Impostor
    from dbkit.testing.state import State
    from dbkit.testing.verdicts import Proof

_STATE: pytest.StashKey[State] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the keys of the ini file."""
    group = parser.getgroup("dbkit", "databases and migrations of dbkit")
    group.addoption(
        "--dbkit",
        action="store_true",
        help="check each service's revisions: one head, up and down and up again, and that the models match",
    )
    group.addoption(
        "--dbkit-backends",
        metavar="NAMES",
        help="the backends to test on, with commas; DBKIT_TEST_<NAME>_URL names the server of each. By default DBKIT_TEST_BACKENDS,"
        " the ini key dbkit_backends, or sqlite",
    )
    group.addoption(
        "--dbkit-services",
        metavar="NAMES",
        help="the services to test, with commas; by default DBKIT_TEST_SERVICES, or all",
    )
    parser.addini("dbkit_backends", "the backends to test on", type="args", default=[])
    parser.addini(
        "dbkit_root", "the dbkit project's folder, relative to this file; by default the root folder", default=""
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks, and refuse what was asked for and cannot be."""
    config.addinivalue_line(
        "markers",
        'dbkit(service=..., backends=..., scope="function"): whose database `dbkit_database` is, on which backends, and with'
        ' scope="worker" that all tests of a process share it',
    )
    config.addinivalue_line("markers", "dbkit_check: a check of `pytest --dbkit`")
    if config.option.dbkit or config.option.dbkit_backends is not None or config.option.dbkit_services is not None:
        state = _state(config)
        try:
            state.read()
        except DbkitError as error:
            from dbkit.testing.asked import told

            raise pytest.UsageError(told(error)) from None
        if config.option.dbkit:
            state.add_checks()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - pytest-xdist's
    """Tell a worker of pytest-xdist which run it belongs to."""
    node.workerinput["dbkit_run"] = _state(node.config).mark


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test that takes `dbkit_database` run for each service and each backend that are asked for."""
    if "dbkit_database" in metafunc.fixturenames:
        marks = [mark.kwargs for mark in metafunc.definition.iter_markers("dbkit")]
        metafunc.parametrize("dbkit_database", _state(metafunc.config).parameters(marks), indirect=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Have a test that knows the project be led to no configured database."""
    if "dbkit_project" not in getattr(item, "fixturenames", ()):
        return (yield)
    with _state(item.config).leading_nowhere():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Drop what the run has made: also where it failed or was interrupted."""
    state = session.config.stash.get(_STATE, None)
    if state is not None:
        state.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the databases that could not be dropped."""
    state = config.stash.get(_STATE, None)
    if state is not None and state.left:
        terminalreporter.section("dbkit could not drop")
        for line in state.left:
            terminalreporter.write_line(line)


def _state(config: pytest.Config) -> State:
    if _STATE not in config.stash:
        from dbkit.testing.state import State

        config.stash[_STATE] = State(config=config)
    return config.stash[_STATE]


@pytest.fixture(scope="session")
def dbkit_project(pytestconfig: pytest.Config) -> Project:
    """Give the dbkit project that is tested."""
    try:
        return _state(pytestconfig).read().project
    except DbkitError as error:
        from dbkit.testing.asked import told

        message = told(error)
    pytest.fail(message, pytrace=False)


@pytest.fixture
def dbkit_database(request: pytest.FixtureRequest, dbkit_project: Project) -> Iterator[Database]:
    """Give a migrated database of a service, as `@pytest.mark.dbkit` says, on each backend that is asked for.

    What the test's code asks dbkit for meanwhile, by `dbkit.engine`, `dbkit.session` or `DatabaseConfig.from_env`, leads there too.
    """
    del dbkit_project
    message = None
    try:
        with _state(request.config).giving(request.node, request.param) as database:
            yield database
    except DbkitError as error:
        from dbkit.testing.asked import told

        message = told(error)
    if message is not None:
        pytest.fail(message, pytrace=False)


class Impostors(Protocol):
    """Starts an impostor."""

    def __call__(
        self, backend: str, *, certificate: Issued | None = None, asks_clear: bool = False, password: str = ""
    ) -> Impostor:
        """Start one for the protocol of a backend; without a certificate it offers no TLS."""
        ...


@pytest.fixture(scope="session")
def dbkit_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a throw-away CA for clients to trust: `ca_file` is its certificate, `issue("localhost")` signs a server's."""
    from dbkit.testing.authorities import Authority

    return Authority.make(tmp_path_factory.mktemp("dbkit-ca"))


@pytest.fixture(scope="session")
def dbkit_stranger_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a throw-away CA that no client is told of."""
    from dbkit.testing.authorities import Authority

    return Authority.make(tmp_path_factory.mktemp("dbkit-stranger-ca"))


@pytest.fixture
def dbkit_impostor() -> Iterator[Impostors]:
    """Give what starts impostors on loopback; `finish()` says what one has seen, and all end with the test."""
    from dbkit.testing.impostors import impostor_of

    with ExitStack() as stack:

        def start(
            backend: str, *, certificate: Issued | None = None, asks_clear: bool = False, password: str = ""
        ) -> Impostor:
            kind = impostor_of(backend)
            return stack.enter_context(kind(certificate=certificate, asks_clear=asks_clear, password=password))

        yield start


@pytest.fixture
def dbkit_prove_tls() -> Callable[[DatabaseConfig], Proof]:
    """Give the proof of `dbkit tls prove` for one configuration; `leaks` and `unproved` of what it returns must be empty."""
    from dbkit.testing.proof import prove

    return prove
