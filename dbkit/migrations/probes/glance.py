"""One look at a service's database for those who wait for it: over in time, on a connection of its own, and writing nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.deadlines import Watch
from dbkit.errors import (
    DatabaseAheadError,
    DatabaseMissingError,
    DbkitError,
    DifferentError,
    ExitCode,
    InterruptedRunError,
    TlsRefusedError,
    UnreachableError,
)
from dbkit.migrations.precheck import describe
from dbkit.migrations.probes.probe import Probe
from dbkit.migrations.probes.readiness import Health
from dbkit.migrations.results import ServiceResult
from dbkit.revisions.known import known_history
from dbkit.revisions.standing import refuse_ahead

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.config import DatabaseConfig
    from dbkit.project import Project

Goal = Literal["server", "head"]
"""What is waited for: a server that takes the log-in, or a database that is at the newest revision of the files."""

# A driver that is given less may round it down to no limit at all.
LEAST_S = 1.0


class Standing(StrEnum):
    """Where a service stands that is waited for."""

    READY = "ready"
    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login_refused"
    TLS_REFUSED = "tls_refused"
    NOT_ALLOWED = "not_allowed"
    """The server took the log-in and not the database; in the MySQL family the database may as well be missing."""
    NO_DATABASE = "no_database"
    UNREADABLE = "unreadable"
    """The database answers, and its version table cannot be read."""
    PENDING = "pending"
    AHEAD = "ahead"
    REFUSED = "refused"
    """Configuration, revision files or the server's kind: no waiting mends them."""


# What says that a server is there and has taken the log-in.
ANSWERED = frozenset({Standing.NOT_ALLOWED, Standing.NO_DATABASE, Standing.UNREADABLE, Standing.PENDING})
_FAULTS = {Fault.LOGIN_REFUSED: Standing.LOGIN_REFUSED, Fault.NOT_ALLOWED: Standing.NOT_ALLOWED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look found."""

    standing: Standing
    result: ServiceResult
    """What the service's result is if nobody looks again."""
    cut: bool = False
    """Time ran out before the look had all that it may take: it says nothing that an earlier one did not say better."""

    @property
    def service(self) -> str:
        """The service's name."""
        return self.result.service


@dataclass(kw_only=True, eq=False)
class Glance(Probe):
    """A look on a thread of its own."""

    goal: Goal
    engine: sa.Engine
    result: ServiceResult
    whole: bool
    """It has as long as its connect time-out allows."""
    fault: Fault | None = None
    """Why no connection could be had."""
    failure: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look, and leave behind what was found."""
        try:
            with self.watch:
                self._look()
        except BaseException as error:  # noqa: BLE001 - raised again by `sight` where it is a bug, in the thread that asked
            self.failure = error
        finally:
            self.done.set()

    def sight(self) -> Sight:
        """Give what was found when its time is up, or before.

        Raises:
            BaseException: a bug.
        """
        began = time.monotonic()
        # of those that began together, none takes from another's time
        if not self.done.wait(max(0.0, self.deadline_s - self.age_s)):
            return self._late(time.monotonic() - began)
        error = self.failure
        if error is None:
            return self._judged()
        if self.watch.passed:
            return self._late(time.monotonic() - began)
        if not isinstance(error, DbkitError):
            raise error
        return self._refused(error)

    def _look(self) -> None:
        if self.in_memory and self.goal == "server":
            return
        self.look_at(self.engine)
        with self._connected(self.engine) as connection:
            if self.goal == "head":
                self.read(connection)

    def _connected(self, engine: sa.Engine) -> sa.Connection:
        from sqlalchemy.exc import DBAPIError

        try:
            return engine.connect()
        except DBAPIError as error:
            self.fault = get_backend(self._config.backend).errors.fault(error)
            raise self.connect_error(error) from None

    def _late(self, waited_s: float) -> Sight:
        said = self.late(float(f"{self.deadline_s:.2g}"), waited_s).error or ""
        error = UnreachableError(said, hint="check that the server runs, its load, and what lies between")
        return Sight(standing=Standing.UNREACHABLE, result=self.result.failed(error), cut=not self.whole)

    def _refused(self, error: DbkitError) -> Sight:
        standing = self._standing(error)
        if self.goal == "server" and standing in ANSWERED:
            return Sight(standing=Standing.READY, result=self.result)
        if standing is Standing.UNREACHABLE and not isinstance(error, UnreachableError):
            error = UnreachableError(error.message, hint=error.hint)
        found = self.result.failed(error)
        if standing in ANSWERED:
            found = replace(found, exit_code=ExitCode.DIFFERENT)
        if standing is Standing.NO_DATABASE and self.history is not None:
            found = replace(found, pending=self.history.pending((), "heads"))
        return Sight(standing=standing, result=found)

    def _standing(self, error: DbkitError) -> Standing:
        if error.exit_code is ExitCode.USAGE:
            return Standing.REFUSED
        if isinstance(error, TlsRefusedError):
            return Standing.TLS_REFUSED
        if isinstance(error, DatabaseMissingError):
            return Standing.NO_DATABASE
        if self.found.reachable:
            return Standing.UNREADABLE
        return _FAULTS.get(self.fault or Fault.OTHER, Standing.UNREACHABLE)

    def _judged(self) -> Sight:
        """Judge the revisions of a database that could be read."""
        if self.history is None or self.goal == "server":
            return Sight(standing=Standing.READY, result=self.result)
        current = tuple((self.found.revision or "").split(", ")) if self.found.revision else ()
        found = replace(self.result, revision=self.found.revision)
        try:
            refuse_ahead(self.history, current)
        except DatabaseAheadError as error:
            return Sight(standing=Standing.AHEAD, result=found.failed(error))
        pending = self.history.pending(current, "heads")
        if not pending:
            return Sight(standing=Standing.READY, result=found)
        where = f"at revision {found.revision}" if found.revision else "not migrated"
        behind = DifferentError(
            f"the database is {where}, and {len(pending)} {'revision is' if len(pending) == 1 else 'revisions are'} still to be applied",
            hint="dbkit migrate applies them",
        )
        return Sight(standing=Standing.PENDING, result=replace(found.failed(behind), pending=pending))


class Looker:
    """Looks at services, all at once, and never twice at one at the same time."""

    def __init__(self, project: Project, goal: Goal) -> None:
        self._project = project
        self._goal: Goal = goal
        self._going: dict[str, Glance] = {}

    def __call__(self, services: list[str], left_s: float) -> list[Sight]:
        """Look at services, each for as long as its connect time-out and never longer than the seconds that are left."""
        begun = [self._begun(service, left_s) for service in services]
        return [found if isinstance(found, Sight) else found.sight() for found in begun]

    def _begun(self, service: str, left_s: float) -> Glance | Sight:
        """Begin to look, unless an earlier look still hangs in the driver; give at once what needs no look."""
        known = self._going.get(service)
        if known is not None and not known.done.is_set():
            return known
        try:
            glance = self._glance(service, left_s)
        except InterruptedRunError:  # raised by a signal, wherever it comes
            raise
        except DbkitError as error:
            return Sight(standing=Standing.REFUSED, result=ServiceResult(service=service).failed(error))
        self._going[service] = glance
        threading.Thread(target=glance.run, name=f"dbkit-wait-{service}", daemon=True).start()
        return glance

    def _glance(self, service: str, left_s: float) -> Glance:
        layout = self._project.layout(service)
        config = self._project.config(service)
        history = known_history(layout) if self._goal == "head" else None
        head = ", ".join(history.heads) or None if history else None
        bound_s = min(config.connect_timeout_s, left_s)
        engine = _engine(config, bound_s)  # not within the look's time: the first one imports SQLAlchemy and a driver
        return Glance(
            project=self._project,
            service=service,
            deadline_s=bound_s,
            watch=Watch(bound_s),
            found=Health(service=service, head=head),
            config=config,
            history=history,
            layout=layout,
            goal=self._goal,
            engine=engine,
            whole=bound_s >= config.connect_timeout_s,
            result=replace(describe(ServiceResult(service=service), config), head=head),
        )


def _engine(config: DatabaseConfig, bound_s: float) -> sa.Engine:
    """Make an engine for one look: a service's own may go elsewhere where its server is away, and keeps its connections."""
    from sqlalchemy.pool import NullPool

    options = get_backend(config.backend).examiner.reading(config.endpoint())
    patience_s = min(config.connect_timeout_s, max(LEAST_S, bound_s))
    reading = replace(config, query={**config.query, **options}, connect_timeout_s=patience_s)
    return reading.create_engine(poolclass=NullPool)
