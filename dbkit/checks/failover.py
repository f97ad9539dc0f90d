"""What services are on, and why: their server as it is now, the file in its place, and what each process last wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends import get_backend
from dbkit.errors import (
    DbkitError,
    ExitCode,
    FallbackAheadError,
    FallbackBehindError,
    FallbackDamagedError,
    FallbackError,
    FallbackForeignError,
    FallbackFullError,
    FallbackLockedError,
    FallbackMissingError,
    FallbackReadOnlyError,
    gravest,
)
from dbkit.failover.attach import prove_usable
from dbkit.failover.faults import neither
from dbkit.failover.plan import Outcome, Step
from dbkit.failover.probe import Inquiry, inquire
from dbkit.failover.state import Entry, is_alive, read, state_path
from dbkit.migrations.precheck import describe
from dbkit.migrations.results import ServiceResult, plain

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project

__all__ = ["FailoverResult", "Process", "ServiceFailover", "failover_status"]

SCHEMA_VERSION: Final = 1
Inquire = Callable[["DatabaseConfig"], Inquiry]


class Primary(StrEnum):
    """How a service's server is."""

    ANSWERS = "answers"
    AWAY = "away"
    """It cannot be reached, so that a service with a fallback goes there."""
    REFUSES = "refuses"
    """It is there and lets nobody in, or the configuration is wrong: no reason to fall back."""
    NO_SERVER = "no server"
    """The database is a file."""


AT_HEAD: Final = "at head"
_FILES: Final[dict[type[FallbackError], str]] = {
    FallbackMissingError: "missing",
    FallbackBehindError: "behind",
    FallbackAheadError: "ahead",
    FallbackForeignError: "foreign",
    FallbackLockedError: "locked",
    FallbackDamagedError: "damaged",
    FallbackReadOnlyError: "read-only",
    FallbackFullError: "full",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one process last wrote of itself."""

    pid: int
    host: str
    route: str
    """`primary` or `fallback`."""
    since: str
    """When it went there, in UTC."""
    reason: str
    alive: bool | None
    """None where that cannot be told, as on another machine."""

    @classmethod
    def of(cls, entry: Entry) -> Process:
        """Judge an entry of the state file."""
        since = entry.since.isoformat(timespec="seconds")
        return cls(
            pid=entry.pid,
            host=entry.host,
            route=entry.route,
            since=since,
            reason=entry.reason,
            alive=is_alive(entry),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFailover:
    """How one service stands."""

    service: str
    backend: str | None = None
    host: str | None = None
    database: str | None = None
    mode: str | None = None
    """DATABASE_FALLBACK; None where its configuration cannot be read."""
    primary: str | None = None
    """`answers`, `away`, `refuses` or `no server`; None where its configuration cannot be read."""
    probe: str | None = None
    """What the probe found, in one line."""
    probe_seconds: float | None = None
    file: str | None = None
    """The file that stands in for the server; None where nothing falls back."""
    file_state: str | None = None
    """`at head`, `missing`, `behind`, `ahead`, `foreign`, `locked`, `damaged`, `read-only` or `unknown`."""
    file_error: str | None = None
    """Why it cannot be used, in one line."""
    file_hint: str | None = None
    processes: tuple[Process, ...] = ()
    exit_code: ExitCode = ExitCode.OK
    error: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverResult:
    """How several services stand, in the order of their names."""

    services: tuple[ServiceFailover, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the services' codes."""
        return gravest(service.exit_code for service in self.services)

    def to_json(self) -> dict[str, Any]:
        """Make the document of `--format json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": "failover status",
            "exit_code": int(self.exit_code),
            "services": [plain(service) for service in self.services],
        }


def failover_status(project: Project, services: Sequence[str] = (), *, inquire: Inquire = inquire) -> FailoverResult:
    """Tell what services are on: each server is asked once more, all at once, within the service's budget. Writes nothing.

    Args:
        project: whose services.
        services: their names; none means all.
        inquire: asks for a server.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names = project.select(services)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        return FailoverResult(services=tuple(pool.map(lambda name: _standing(project, name, inquire), names)))


def _standing(project: Project, name: str, inquire: Inquire) -> ServiceFailover:
    try:
        config = project.config(name)
    except DbkitError as error:
        return ServiceFailover(service=name, exit_code=error.exit_code, error=error.message, hint=error.hint)
    place = describe(ServiceResult(service=name), config)
    found = ServiceFailover(
        service=name, backend=place.backend, host=place.host, database=place.database, mode=config.fallback
    )
    if get_backend(config.backend).traits.file_based:
        return replace(found, primary=Primary.NO_SERVER.value)
    return _judged(_with_file(project, config, found), inquire(config))


def _with_file(project: Project, config: DatabaseConfig, found: ServiceFailover) -> ServiceFailover:
    """Look at the file, and at what processes wrote beside it."""
    if config.fallback_path is None:
        return found
    path = state_path(config.fallback_path)
    found = replace(found, file=config.fallback_path, processes=tuple(Process.of(entry) for entry in read(Path(path))))
    try:
        prove_usable(config.for_fallback(), project.registration(found.service))
    except DbkitError as error:
        state = _FILES.get(type(error), "unknown") if isinstance(error, FallbackError) else "unknown"
        return replace(found, file_state=state, file_error=error.message, file_hint=error.hint)
    return replace(found, file_state=AT_HEAD)


def _judged(found: ServiceFailover, inquiry: Inquiry) -> ServiceFailover:
    """Add what the probe of the server found, and the exit code that it all comes to."""
    found = replace(
        found, primary=_primary(inquiry).value, probe=inquiry.reason, probe_seconds=round(inquiry.seconds, 3)
    )
    if inquiry.step is Step.USE_PRIMARY:
        return found
    if inquiry.step is Step.FALL_BACK and found.file_state == AT_HEAD:
        return replace(found, exit_code=ExitCode.FALLBACK)
    error = inquiry.error
    said = error.message if error is not None and inquiry.step is Step.RAISE else inquiry.reason
    if inquiry.step is Step.FALL_BACK:
        return replace(
            found,
            exit_code=ExitCode.UNREACHABLE,
            error=neither(said, DbkitError(found.file_error or "")).message,
            hint=found.file_hint,
        )
    return replace(found, exit_code=ExitCode.UNREACHABLE, error=said, hint=None if error is None else error.hint)


def _primary(inquiry: Inquiry) -> Primary:
    if inquiry.step is Step.USE_PRIMARY:
        return Primary.ANSWERS
    refused = any(attempt.outcome is Outcome.REFUSED for attempt in inquiry.attempts)
    return Primary.REFUSES if refused else Primary.AWAY
