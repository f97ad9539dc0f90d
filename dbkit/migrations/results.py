"""What an operation on services gives back: frozen values, and the JSON documents made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from dbkit.errors import DbkitError, ExitCode, RevisionFailedError, gravest

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRevision:
    """A revision that this run has carried out (or, in a rollback, undone)."""

    revision: str
    description: str
    statements: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Where a revision stopped, and what of it is committed and stays."""

    revision: str
    file: str
    line: int | None
    sql: str | None
    committed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One way in which the database does not match the models."""

    operation: str
    """Alembic's word for what would have to be done: `add_column`, `remove_table`, `modify_type`, …"""
    table: str | None
    name: str | None
    """The column, index or constraint; None where it is the table itself."""
    detail: str
    """The whole difference in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceResult:
    """What became of one service."""

    service: str
    backend: str | None = None
    host: str | None = None
    """Host and port; None where the backend is a file, or the configuration could not be read."""
    database: str | None = None
    """The database's name, or the file's path."""
    schema: str | None = None
    """The schema that is configured for its tables, where the backend has such."""
    fallback: bool = False
    """It is on the file that stands in for its server."""
    fallback_reason: str | None = None
    """Why its server could not be reached, in one line."""
    revision: str | None = None
    """The revision that the database is at when the operation has ended; None where it has none."""
    head: str | None = None
    """The newest revision of the files."""
    pending: tuple[str, ...] = ()
    """What is still to be applied, oldest first; after a dry run, what would be."""
    applied: tuple[AppliedRevision, ...] = ()
    created: bool = False
    """The database was made by this run (in a dry run: would be)."""
    dropped: bool = False
    """The database was dropped by this run (in a dry run: would be)."""
    seeded: int | None = None
    """How many sample rows this run has written (in a dry run: would); None where it had none to write."""
    differences: tuple[Difference, ...] = ()
    seconds: float = 0.0
    exit_code: ExitCode = ExitCode.OK
    error: str | None = None
    hint: str | None = None
    failure: Failure | None = None

    def failed(self, error: DbkitError) -> ServiceResult:
        """Copy this result with an error in it."""
        failure = None
        if isinstance(error, RevisionFailedError):
            failure = Failure(
                revision=error.revision,
                file=error.file,
                line=error.line,
                sql=error.sql,
                committed=error.committed,
            )
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {"exit_code": error.exit_code, "error": error.message, "hint": error.hint, "failure": failure}
        return ServiceResult(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a command: one entry per service, in the order of their names."""

    command: str
    services: tuple[ServiceResult, ...]
    dry_run: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the services' codes."""
        return gravest(service.exit_code for service in self.services)

    @property
    def ok(self) -> bool:
        """Whether all went well."""
        return self.exit_code is ExitCode.OK

    def __getitem__(self, service: str) -> ServiceResult:
        """Give the entry of one service. Raises KeyError where the run had no such service."""
        for entry in self.services:
            if entry.service == service:
                return entry
        raise KeyError(service)

    def to_json(self) -> dict[str, Any]:
        """Make the document of `--format json`; keys are only ever added."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "dry_run": self.dry_run,
            "exit_code": int(self.exit_code),
            "seconds": round(self.seconds, 3),
            "services": [plain(service) for service in self.services],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionInfo:
    """One revision file of a service."""

    revision: str
    down_revisions: tuple[str, ...]
    description: str
    file: str
    head: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHistory:
    """The revision files of one service, newest first."""

    service: str
    revisions: tuple[RevisionInfo, ...] = ()
    exit_code: ExitCode = ExitCode.OK
    error: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryResult:
    """The revision files of several services."""

    services: tuple[ServiceHistory, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the services' codes."""
        return gravest(service.exit_code for service in self.services)

    def to_json(self) -> dict[str, Any]:
        """Make the document of `--format json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": "history",
            "exit_code": int(self.exit_code),
            "services": [plain(service) for service in self.services],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """A revision file that was written."""

    service: str
    revision: str
    file: str
    empty: bool
    """Autogenerate found no difference, or was not asked for."""
    further: tuple[str, ...] = ()
    """The files of further revisions, where `process_revision_directives` has made several."""

    def to_json(self) -> dict[str, Any]:
        """Make the document of `--format json`."""
        return {"schema_version": SCHEMA_VERSION, "command": "revision", "exit_code": 0, **plain(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened while an operation ran; what progress and `--format jsonl` are made of."""

    event: str
    """`start` `creating` `created` `waiting` `hook` `revision` `statement` `applied` `seeding` `stopping` `done` `failed`."""
    service: str
    revision: str | None = None
    statement: int | None = None
    """The number of the statement within its revision, from 1."""
    done: int | None = None
    """Revisions done, of `total`; sample rows written, where `event` is `seeding`."""
    total: int | None = None
    detail: str | None = None
    result: ServiceResult | None = None
    """The service's result, in its last event: `done` or `failed`."""

    def to_json(self) -> dict[str, Any]:
        """Make the line of `--format jsonl`, without what is unknown."""
        found = {key: value for key, value in plain(self).items() if value is not None}
        return {"schema_version": SCHEMA_VERSION, **found}


def plain(value: Any) -> Any:  # noqa: ANN401 - anything that a result holds
    """Turn a result into what `json` takes: dicts, lists, strings and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, ExitCode):
        return int(value)
    return value
