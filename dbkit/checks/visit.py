"""The visit of the doctor at one service: its settings, its server, its accounts."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbkit.backends import get_backend
from dbkit.backends.protocol import Demand, Observation, Verdict
from dbkit.checks import server, settings
from dbkit.checks.findings import Finding, ServiceFindings
from dbkit.config.explain import explain
from dbkit.deadlines import Watch
from dbkit.errors import (
    BackendMismatchError,
    ConfigurationError,
    DatabaseMissingError,
    DbkitError,
    ExitCode,
    MissingDriverError,
    TlsRefusedError,
    UnreachableError,
)
from dbkit.migrations.databases import database_name

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.revisions.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many connections are asked for."""

    processes: int
    """Of each service."""
    together: Counter[tuple[str, str | None]]
    """By all services of the project with one process each, by backend and address."""

    def demand(self, config: DatabaseConfig) -> Demand:
        """Give what one service asks of its server."""
        return Demand(
            connections=(config.pool_size + config.max_overflow) * self.processes,
            together=self.together[config.backend, config.address] * self.processes,
            idle_s=config.pool_recycle_s,
        )


class Visit:
    """What is found, while it is found: it can be asked at any time, also when the looking hangs."""

    def __init__(self, *, project: Project, name: str, load: Load, deadline_s: float) -> None:
        self.name = name
        self.deadline_s = deadline_s
        self._project = project
        self._load = load
        self._lock = threading.Lock()
        self._known = ServiceFindings(service=name)
        self._bug: BaseException | None = None
        self._done = False
        self._began = time.monotonic()

    def make(self) -> None:
        """Look, and note what stops the looking; for a thread of its own."""
        self._began = time.monotonic()
        try:
            with Watch(self.deadline_s) as watch:
                self._look(watch)
        except DbkitError as error:
            if not watch.passed:
                self._stop(error)
        except BaseException as error:  # noqa: BLE001 - raised again by `result`, in the thread that asked
            self._bug = error
        self._note(seconds=time.monotonic() - self._began)
        self._done = not watch.passed

    def result(self) -> ServiceFindings:
        """Give what was found; of a visit that has not ended, that it has not."""
        if self._bug is not None:
            raise self._bug
        if not self._done:
            said = f"{self._known.host or self.name} did not answer all questions within {self.deadline_s:g} s"
            self._stop(UnreachableError(said, hint="look at the server's load; --deadline gives it more time"))
            self._note(seconds=time.monotonic() - self._began)
        return self._known

    def _look(self, watch: Watch) -> None:
        config = self._configured()
        file = get_backend(config.backend).traits.file_based
        place = {"backend": config.backend, "host": None if file else config.address, "database": database_name(config)}
        self._note(**place, user=config.user)
        now, endpoint = datetime.now(UTC), config.endpoint()
        self._see([settings.unknown_variables(self._project, self.name, os.environ)])
        self._add(settings.secret_files(config, endpoint))
        self._add(settings.ca_file(config, endpoint, now))
        self._see(settings.library(endpoint, get_backend(config.backend).connector(endpoint.driver)))
        with server.opened(config) as connection:
            self._note(version=server.version(config, connection))
            for check, part in self._questions(config, connection):
                watch.check()
                self._see(server.guarded(config, connection, check=check, part=part))
        if not file:
            watch.check()
            self._see(server.protection(config, now))
            watch.check()
            self._see(server.migration_account(config, layout=self._layout()))

    def _configured(self) -> DatabaseConfig:
        """Give the configuration; where it is refused, note what backend it was to be for."""
        try:
            return self._project.config(self.name)
        except ConfigurationError:
            found = explain(self._project.settings, self.name, environ=os.environ, overrides=self._project.overrides)
            self._note(backend=found.backend, refused=True)
            raise

    def _questions(
        self, config: DatabaseConfig, connection: sa.Connection
    ) -> Iterator[tuple[str, Iterator[Observation]]]:
        """Give what the server is asked with the service's account, under the name of the check that fails where it is refused."""
        backend = get_backend(config.backend)
        demand = self._load.demand(config)
        yield "server.examination", backend.examiner.examine(connection, config.endpoint(), demand)
        if not backend.traits.file_based:
            yield "connection.latency", server.latency(connection)
            yield "connection.second", server.second_connection(config, connection)
            yield "rights.service", server.rights(config, connection, layout=self._layout())

    def _layout(self) -> Layout | None:
        try:
            return self._project.layout(self.name)
        except DbkitError:
            return None  # told by every other command

    def _stop(self, error: DbkitError) -> None:
        """Note what stopped the visit, as a finding too."""
        seen = Observation(check=_check_of(error), verdict=Verdict.PROBLEM, message=error.message, hint=error.hint)
        self._see([seen])
        self._note(stopped=error.exit_code, error=error.message, hint=error.hint)

    def _see(self, seen: Iterable[Observation]) -> None:
        self._add(Finding.of(self.name, one) for one in seen)

    def _add(self, found: Iterable[Finding]) -> None:
        for finding in found:
            with self._lock:  # whoever asks for the result of a visit that hangs adds to it too
                self._known = replace(self._known, findings=(*self._known.findings, finding))

    def _note(self, **values: object) -> None:
        with self._lock:
            self._known = replace(self._known, **values)  # type: ignore[arg-type]  # fields of the class, by name


def _check_of(error: DbkitError) -> str:
    """Name the check that an error is the finding of."""
    if isinstance(error, BackendMismatchError):
        return "server.type"
    if isinstance(error, DatabaseMissingError):
        return "database.exists"
    if isinstance(error, MissingDriverError):
        return "driver.sync"
    if isinstance(error, TlsRefusedError):
        return "tls.certificate"
    return "settings.usable" if error.exit_code is ExitCode.USAGE else "connection.reachable"
