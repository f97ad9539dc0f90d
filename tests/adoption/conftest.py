"""Hands out each application on each backend, and tells at the end what was compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.adoption.applications import APPLICATIONS, Application
from tests.adoption.cases import Case
from tests.servers import find_server, how_to_start

COMPARED = "compared"


def _halts(application: Application, backend: str) -> bool:
    return backend in application.halts


def _parameters(wanted: Callable[[Application, str], bool]) -> list[object]:
    """List the applications and backends that are wanted."""
    return [
        pytest.param(
            (application, backend),
            id=f"{application.name}-{backend}",
            marks=getattr(pytest.mark, backend),
        )
        for application in APPLICATIONS
        for backend in application.backends
        if wanted(application, backend)
    ]


def _case(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Case:
    application: Application
    application, backend = request.param
    if backend != "sqlite" and find_server(backend) is None:
        pytest.skip(how_to_start(backend))
    return Case(application=application, backend=backend, folder=factory.mktemp(application.name))


@pytest.fixture(scope="session", params=_parameters(lambda *given: not _halts(*given)))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Give each application on each backend that its own upgrade works on; skips where there is no server."""
    return _case(request, tmp_path_factory)


@pytest.fixture(scope="session", params=_parameters(_halts))
def halting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Give each application on each backend that its own upgrade fails on; skips where there is no server."""
    return _case(request, tmp_path_factory)


@pytest.fixture(
    params=_parameters(lambda application, backend: bool(application.varying) and backend not in application.halts)
)
def varying(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Give the applications of whose rows not every value is compared."""
    return _case(request, tmp_path_factory)


class _ByCase(LoadScopeScheduling):
    """Runs all tests of an application on a backend in one worker, which makes the stock tool's database once."""

    def _split_scope(self, nodeid: str) -> str:
        said = nodeid.partition("[")[2].rstrip("]")
        return next(
            case
            for application in APPLICATIONS
            for backend in application.backends
            if (case := f"{application.name}-{backend}") in (said, said.rpartition("-")[0])
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Keep the tests of one case together; the groups of xdist's own are not known to pytest 9.2."""
    return _ByCase(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was compared, by application and backend."""
    found: dict[str, dict[str, str]] = {}
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for key, value in report.user_properties:
            if key == COMPARED and report.when == "call":
                application, backend, what = value
                cell = what if report.passed else "DIFFERENT"
                found.setdefault(application, {})[backend] = cell
    if not found:
        return
    backends = list(dict.fromkeys(backend for row in found.values() for backend in row))
    terminalreporter.section("adoption: tables (rows) compared with what the application's own upgrade makes")
    table = [["application", *backends]]
    table += [[name, *(row.get(backend, "-") for backend in backends)] for name, row in sorted(found.items())]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        terminalreporter.write_line(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
