"""What a check reports: findings of services, the exit code that they make, and the JSON document of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from dbkit.backends.protocol import Observation, Verdict
from dbkit.errors import ExitCode, gravest

SCHEMA_VERSION: Final = 1
# The worst first: what has to be done stands above what is well.
ORDER: Final = (Verdict.PROBLEM, Verdict.ADVICE, Verdict.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has seen, and how it is to be taken."""

    service: str
    check: str
    """A stable name with dots, such as `session.time_zone`."""
    verdict: Verdict
    message: str
    """What is so, in one line, with the value."""
    hint: str | None = None
    """What to do, where the verdict is not `ok`."""
    file: str | None = None
    """The file that it is about."""
    line: int | None = None
    """The line of the file, from 1."""

    @classmethod
    def of(cls, service: str, seen: Observation, *, file: str | None = None, line: int | None = None) -> Finding:
        """Say of which service something was seen, and of which line of which file."""
        return cls(
            service=service,
            check=seen.check,
            verdict=seen.verdict,
            message=seen.message,
            hint=seen.hint,
            file=file,
            line=line,
        )

    def to_json(self) -> dict[str, Any]:
        """Make its part of the document; the service stands above it."""
        return {
            "check": self.check,
            "verdict": self.verdict.value,
            "message": self.message,
            "hint": self.hint,
            "file": self.file,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFindings:
    """All that was found at one service."""

    service: str
    backend: str | None = None
    """None where the configuration could not be read."""
    host: str | None = None
    """Host and port, or the socket; None where the database is a file."""
    database: str | None = None
    user: str | None = None
    version: str | None = None
    """The server's own; None where it was not reached."""
    refused: bool = False
    """Whether the values of the settings make no configuration."""
    findings: tuple[Finding, ...] = ()
    """In the order in which they were made."""
    stopped: ExitCode = ExitCode.OK
    """Why the check could not be carried through; `OK` where it was."""
    error: str | None = None
    """What stopped it."""
    hint: str | None = None
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """What stopped the check; else 4 where there is a problem; else 0."""
        if self.stopped is not ExitCode.OK:
            return self.stopped
        return ExitCode.DIFFERENT if self.count(Verdict.PROBLEM) else ExitCode.OK

    def count(self, verdict: Verdict) -> int:
        """Count the findings of one verdict."""
        return sum(found.verdict is verdict for found in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Make its part of the document."""
        return {
            "service": self.service,
            "backend": self.backend,
            "host": self.host,
            "database": self.database,
            "user": self.user,
            "version": self.version,
            "exit_code": int(self.exit_code),
            "error": self.error,
            "hint": self.hint,
            "seconds": round(self.seconds, 3),
            "findings": [found.to_json() for found in sort(self.findings)],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsResult:
    """The findings of a command, service by service."""

    command: str
    services: tuple[ServiceFindings, ...]
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the services' codes."""
        return gravest(service.exit_code for service in self.services)

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return self.exit_code is ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """Make the document of `--format json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "exit_code": int(self.exit_code),
            "seconds": round(self.seconds, 3),
            "services": [service.to_json() for service in self.services],
        }


def sort(findings: Iterable[Finding]) -> list[Finding]:
    """Put problems before advice and advice before what is well, and leave them in order otherwise."""
    return sorted(findings, key=lambda found: ORDER.index(found.verdict))
