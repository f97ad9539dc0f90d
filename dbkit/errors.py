"""Every exception that dbkit raises on purpose, and the exit codes that they end with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a dbkit command ends with; the numbers are a contract and never change."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    DIFFERENT = 4
    LOCKED = 5
    RESUMABLE = 6
    AHEAD = 7
    FALLBACK = 8
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


# Of several services the first of these that is present is the exit code of the whole run.
SEVERITY: tuple[ExitCode, ...] = (
    ExitCode.BUG,
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.RESUMABLE,
    ExitCode.FAILED,
    ExitCode.USAGE,
    ExitCode.UNREACHABLE,
    ExitCode.LOCKED,
    ExitCode.AHEAD,
    ExitCode.DIFFERENT,
    ExitCode.FALLBACK,
    ExitCode.OK,
)


def gravest(codes: Iterable[int]) -> ExitCode:
    """Choose the exit code of a run from those of its services; 0 when there are none."""
    present = {ExitCode(code) for code in codes}
    return next((code for code in SEVERITY if code in present), ExitCode.OK)


class DbkitError(Exception):
    """The operation failed."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the one-line message and the hint that says what to do next."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Cross a process border whole: message, hint and whatever the subclass added."""
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: type[DbkitError], message: str, state: dict[str, object]) -> DbkitError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class ConfigurationError(DbkitError):
    """The configuration cannot be read, contradicts itself, or is refused."""

    exit_code = ExitCode.USAGE


class UsageError(DbkitError):
    """The command was called in a way that it does not understand."""

    exit_code = ExitCode.USAGE


class UnknownServiceError(UsageError):
    """No service has this name."""


class UnknownBackendError(ConfigurationError):
    """No backend has this name."""


class UnusableBackendError(UnknownBackendError):
    """A package registers a backend of this name that cannot be used."""


class BackendMismatchError(ConfigurationError):
    """The server is of another kind than the configuration says."""


class HistoryError(DbkitError):
    """The revision files of a service do not make one history: a gap, a cycle, two heads, an unknown target."""

    exit_code = ExitCode.USAGE


class RevisionFileError(HistoryError):
    """A revision file cannot be read or imported."""


class EnvFileError(ConfigurationError):
    """A project's own env.py failed, or did what no connection can be lent for."""


class MissingDriverError(ConfigurationError):
    """The backend's driver is not installed."""


class UnreachableError(DbkitError):
    """No connection could be made: no answer, log-in refused, or TLS refused."""

    exit_code = ExitCode.UNREACHABLE


class TlsRefusedError(UnreachableError):
    """The server's certificate, or the lack of one, was refused."""


class DeadlineError(UnreachableError):
    """The time that was given for it ran out."""


class PoolTimeoutError(DbkitError):
    """All connections of the pool are in use, and none became free in time: not the server's doing, but the settings'."""


class DatabaseMissingError(UnreachableError):
    """The server answers, but the database is not there."""


class CreateRefusedError(DbkitError):
    """The account may not create (or drop) the database; the hint holds the SQL for an administrator."""


class FallbackError(DbkitError):
    """The server cannot be reached, and the file that stands in for it cannot be used."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Have a traceback end with the hint too: an engine raises this in a service, whose log shows nothing else."""
        super().__init__(message, hint=hint)
        if hint is not None:
            self.add_note(f"hint: {hint}")


class FallbackMissingError(FallbackError):
    """The file is not there: no engine makes it."""

    exit_code = ExitCode.UNREACHABLE


class FallbackBehindError(FallbackError):
    """The file lacks revisions that these files have: no engine migrates it."""

    exit_code = ExitCode.DIFFERENT


class FallbackAheadError(FallbackError):
    """The file holds a revision that these files do not have."""

    exit_code = ExitCode.AHEAD


class FallbackForeignError(FallbackError):
    """The file is another service's, or none that dbkit made as a fallback; or a fallback's is used in production."""

    exit_code = ExitCode.USAGE


class FallbackLockedError(FallbackError):
    """Another process has the file locked, and did not let go in time."""

    exit_code = ExitCode.LOCKED


class FallbackDamagedError(FallbackError):
    """The file is damaged, or no database."""


class FallbackReadOnlyError(FallbackError):
    """The file, or its folder, cannot be written."""


class FallbackFullError(FallbackError):
    """There is no room for what was to be written; nothing of it was kept."""


class SeedError(DbkitError):
    """Sample rows cannot be written as they are."""


class DifferentError(DbkitError):
    """Compared, and different: pending revisions, models that the database does not match."""

    exit_code = ExitCode.DIFFERENT


class LockedError(DbkitError):
    """Another run holds the migration lock."""

    exit_code = ExitCode.LOCKED


class LeaseLostError(DbkitError):
    """Another run has taken over the lease of this one; nothing further was sent."""


class DatabaseAheadError(DbkitError):
    """The database holds a revision that these files do not have."""

    exit_code = ExitCode.AHEAD


class RevisionFailedError(DbkitError):
    """A revision stopped at one of its statements; what was committed before it is listed."""

    def __init__(  # noqa: PLR0913 - each is a fact that the report shows
        self,
        message: str,
        *,
        hint: str | None = None,
        revision: str,
        file: str,
        line: int | None = None,
        sql: str | None = None,
        committed: tuple[str, ...] = (),
    ) -> None:
        """Keep where it stopped: revision, file, line, SQL, and the statements that stay."""
        super().__init__(message, hint=hint)
        self.revision = revision
        self.file = file
        self.line = line
        self.sql = sql
        self.committed = committed


class HookError(DbkitError):
    """A hook of the project failed; what was applied before it stays."""


class IrreversibleError(DbkitError):
    """A revision cannot be undone. Raised by its `downgrade`, with why."""

    def __init__(self, why: str, *, hint: str | None = None) -> None:
        """Keep why, and what to do instead: where nothing is given, what helps in every case."""
        super().__init__(why, hint=hint or "restore a backup that is older, or go forward with a new revision")


class UncommittableError(DbkitError):
    """What a revision has done must not be committed: rows would refer to rows that are not there."""


class InterruptedRunError(DbkitError):
    """The run was asked to stop and did so between two statements."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRunError(InterruptedRunError):
    """The run was told to end (SIGTERM) and did so between two statements."""

    exit_code = ExitCode.TERMINATED


class ValueRefusedError(DbkitError, ValueError):
    """A value cannot be kept exactly on every backend."""


class TypeRefusedError(DbkitError, TypeError):
    """A backend cannot keep values of this kind; the message says why."""

    exit_code = ExitCode.USAGE
