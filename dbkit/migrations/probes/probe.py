"""One look at a service's database that is over in time, and that later looks can wait for instead of starting their own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dbkit.backends import backend_of, get_backend
from dbkit.backends.protocol import Fault
from dbkit.config.pool_use import pool_use
from dbkit.config.redact import redact
from dbkit.deadlines import Watch
from dbkit.errors import DatabaseMissingError, DbkitError, FallbackError, UnreachableError
from dbkit.migrations.databases import exists
from dbkit.migrations.probes.readiness import Health, SchemaState, schema_state, worded
from dbkit.revisions.known import known_history
from dbkit.revisions.layout import Layout, assumed_layout
from dbkit.revisions.standing import versions_in

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.revisions.history import History


TICK_S = 0.02


@dataclass(kw_only=True, eq=False)
class Probe:
    """A look that is going on. What it has found so far is in `found`, so that running out of time loses none of it."""

    project: Project
    service: str
    deadline_s: float
    watch: Watch
    found: Health
    began: float = field(default_factory=time.monotonic)
    config: DatabaseConfig | None = None
    history: History | None = None
    layout: Layout | None = None
    """Where its revisions are; set with the configuration."""

    @property
    def age_s(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self.began

    def read_files(self) -> None:
        """Read configuration and revision files. What is wrong with the files is noted: the database can answer all the same.

        Raises:
            DbkitError: the configuration is wrong.
        """
        self.watch.stage = "reading the configuration"
        self.config = self.project.config(self.service)
        self.layout = assumed_layout(self.project.registration(self.service).places)
        try:
            self.layout = self.project.layout(self.service)
            self.history = known_history(self.layout)
        except DbkitError as error:
            self.found = replace(self.found, error=worded(error))
        else:
            self.found = replace(self.found, head=", ".join(self.history.heads) or None)

    @property
    def in_memory(self) -> bool:
        """Whether there is nothing to connect to: a database in memory is another one for each thread, and is never migrated."""
        return self._config.sqlite_path == ":memory:"

    def see_memory(self) -> None:
        """Note what holds for every database in memory."""
        self.found = replace(self.found, reachable=True, state=SchemaState.NOT_MIGRATED)

    def look_at(self, engine: sa.Engine) -> None:
        """Note which side the service is on and how full its pool is, and refuse a database file that is not there: connecting would make it.

        Raises:
            DatabaseMissingError: the file is not there.
        """
        self.found = replace(self.found, pool=pool_use(engine), fallback=_stands_in(engine))
        config = self._config
        if get_backend(config.backend).traits.file_based and not exists(config):
            raise DatabaseMissingError(f"there is no database {config.sqlite_path!r}", hint="dbkit create makes it")

    def read(self, connection: sa.Connection) -> None:
        """Read the version table: the one statement of a probe.

        Raises:
            DbkitError: it cannot be read.
        """
        self.found = replace(self.found, fallback=_stands_in(connection.engine))
        current = self._current(connection)
        self.found = replace(self.found, reachable=True, revision=", ".join(current or ()) or None)
        if self.history is not None:
            self.found = replace(self.found, state=schema_state(self.history, current))

    def seen(self) -> Health:
        """Make the result of a probe that is over."""
        return replace(self.found, latency_s=self.age_s)

    def failed(self, error: BaseException) -> Health:
        """Make the result of a probe that failed."""
        if self.watch.passed:
            return self.late(self.deadline_s, self.age_s)
        if isinstance(error, DatabaseMissingError):
            self.found = replace(self.found, state=SchemaState.NO_DATABASE)
        return replace(self.found, error=worded(error), latency_s=self.age_s)

    def late(self, deadline_s: float, waited_s: float) -> Health:
        """Make the result of a probe that is not over in time, for somebody who had so long and has waited so long."""
        text = f"no answer within {deadline_s:g} s, while {self.watch.stage}{self._fullness()}"
        if self.age_s > waited_s + 1:
            text += f"; a probe has been hanging there for {self.age_s:.0f} s"
        return replace(self.found, reachable=False, state=SchemaState.UNKNOWN, error=redact(text), latency_s=waited_s)

    def connect_error(self, error: BaseException) -> BaseException:
        """Word the error of a connection that could not be had."""
        import sqlalchemy as sa

        from dbkit.config.connect import explain

        if isinstance(error, FallbackError):
            return error  # SQLAlchemy's too
        if isinstance(error, sa.exc.DBAPIError):
            return explain(self._config.for_fallback() if self.found.fallback else self._config, error)
        if isinstance(error, sa.exc.TimeoutError) and self.watch.left_s < TICK_S:
            self.watch.expire()  # the pool and the watch had the same patience, and the pool was first
        if isinstance(error, sa.exc.TimeoutError):
            return UnreachableError(f"no connection of the pool became free in {self.age_s:.3g} s{self._fullness()}")
        return error

    def _fullness(self) -> str:
        use = self.found.pool
        full = use is not None and use.limit is not None and use.in_use >= use.limit
        return f" ({use.in_use} of {use.limit} are in use)" if use and full else ""

    def _current(self, connection: sa.Connection) -> tuple[str, ...] | None:
        import sqlalchemy as sa

        assert self.layout is not None  # noqa: S101 - read before anything is connected to
        try:
            return tuple(sorted(connection.scalars(versions_in(self.layout))))
        except sa.exc.DBAPIError as error:
            errors = backend_of(connection.dialect).errors
            fault = errors.fault(error)
            if fault is Fault.NO_TABLE:
                return None
            if not error.connection_invalidated and fault not in {Fault.CONNECTION_LOST, Fault.UNREACHABLE}:
                self.found = replace(self.found, reachable=True)
            said = redact(errors.message(error))
            raise DbkitError(f"the version table {self.layout.version_table!r} cannot be read: {said}") from None

    @property
    def _config(self) -> DatabaseConfig:
        if self.config is None:
            raise UnreachableError("the configuration has not been read")
        return self.config


def _stands_in(engine: sa.Engine) -> bool:
    """Tell whether an engine, such as that of a connection, is on the file that stands in for its server."""
    from dbkit.failover.engines import route_of
    from dbkit.failover.plan import Route

    return route_of(engine) is Route.FALLBACK
