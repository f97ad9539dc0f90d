"""Turns results into what people read: rows of a table, a closing line, errors with all that is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

import typer

from dbkit.cli import _diagnostics, _output, _project
from dbkit.cli._options import Format, StreamFormat
from dbkit.errors import ExitCode

if TYPE_CHECKING:
    from dbkit.checks.failover import FailoverResult
    from dbkit.checks.findings import FindingsResult
    from dbkit.checks.grants import GrantsResult
    from dbkit.migrations.results import Failure, HistoryResult, Result, ServiceResult

NOTHING = "-"

# Nothing failed; on the fallback the code says so all the same.
WELL = frozenset({ExitCode.OK, ExitCode.FALLBACK})

Answer = TypeVar("Answer", "Result", "HistoryResult")

WORDS = {
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "refused",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.DIFFERENT: "different",
    ExitCode.LOCKED: "locked",
    ExitCode.RESUMABLE: "stopped half-way",
    ExitCode.AHEAD: "ahead of the code",
    ExitCode.FALLBACK: "on the fallback",
    ExitCode.BUG: "bug",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}


def moves(result: Result, before: Mapping[str, str | None], goals: Mapping[str, str | None]) -> None:
    """Write what became of services whose revision may have changed; `before` is where they were."""
    word = "undone" if result.command == "rollback" else "applied"
    headers = ("service", "database", "revision", word, "seconds", "result")
    rows = [
        (
            entry.service,
            _project.located(entry) if entry.database else NOTHING,
            _move(before.get(entry.service, _first(entry)), goals.get(entry.service, _last(entry, result))),
            str(len(entry.pending) if result.dry_run else len(entry.applied)),
            f"{entry.seconds:.2f}",
            _outcome(entry, word, dry_run=result.dry_run),
        )
        for entry in result.services
    ]
    _output.table(headers, rows)


def _first(entry: ServiceResult) -> str | None:
    """Tell where a service was before a rollback: at the first revision that was undone."""
    return entry.applied[0].revision if entry.applied else entry.revision


def _last(entry: ServiceResult, result: Result) -> str | None:
    """Tell where a service is when the run has ended, or would be."""
    return entry.pending[-1] if result.dry_run and entry.pending else entry.revision


def _move(before: str | None, after: str | None) -> str:
    if before == after:
        return after or NOTHING
    return f"{before or NOTHING} -> {after or NOTHING}"


def _outcome(entry: ServiceResult, word: str, *, dry_run: bool) -> str:
    if entry.exit_code not in WELL:
        return WORDS[entry.exit_code]
    done = ["created"] if entry.created else []
    if entry.applied or (dry_run and entry.pending):
        done.append(word)
    if entry.seeded:
        done.append("seeded")
    words = " and ".join(filter(None, (", ".join(done[:-1]), *done[-1:])))
    said = f"would be {words}" if words and dry_run else words or "nothing to do"
    return f"{said}, {WORDS[ExitCode.FALLBACK]}" if entry.fallback else said


def states(result: Result) -> None:
    """Write where services are."""
    headers = ("service", "backend", "database", "revision", "head", "pending", "result")
    rows = [
        (
            entry.service,
            entry.backend or NOTHING,
            _project.located(entry) if entry.database else NOTHING,
            entry.revision or NOTHING,
            entry.head or NOTHING,
            str(len(entry.pending)),
            _state(entry),
        )
        for entry in result.services
    ]
    _output.table(headers, rows)


def _state(entry: ServiceResult) -> str:
    if entry.exit_code not in (ExitCode.OK, ExitCode.DIFFERENT):
        return WORDS[entry.exit_code]
    return "pending" if entry.pending else "at head"


def databases(result: Result) -> None:
    """Write what became of databases themselves."""
    headers = ("service", "backend", "host", "database", "result")
    rows = [
        (
            entry.service,
            entry.backend or NOTHING,
            entry.host or NOTHING,
            _project.located(entry) if entry.database else NOTHING,
            _fate(entry, result),
        )
        for entry in result.services
    ]
    _output.table(headers, rows)


def _fate(entry: ServiceResult, result: Result) -> str:
    if entry.exit_code is not ExitCode.OK:
        return WORDS[entry.exit_code]
    if result.command == "drop":
        if not entry.dropped:
            return "was not there"
        return "would be dropped" if result.dry_run else "dropped"
    if not entry.created:
        return "was there"
    return "would be created" if result.dry_run else "created"


def differences(result: Result) -> None:
    """Write in what databases do not match their models."""
    headers = ("service", "operation", "table", "name", "detail")
    rows = [
        (entry.service, found.operation, found.table or NOTHING, found.name or NOTHING, found.detail)
        for entry in result.services
        for found in entry.differences
    ]
    _output.table(headers, rows)
    for entry in result.services:
        if entry.exit_code is ExitCode.OK:
            _output.line(f"{entry.service}: the database matches the models")


def revisions(result: HistoryResult) -> None:
    """Write the revision files of services, newest first."""
    headers = ("service", "revision", "from", "description", "head")
    rows = [
        (
            service.service,
            found.revision,
            ", ".join(found.down_revisions) or NOTHING,
            found.description,
            "yes" if found.head else "",
        )
        for service in result.services
        for found in service.revisions
    ]
    _output.table(headers, rows)


def opening(verb: str, entries: list[ServiceResult], kind: Format | StreamFormat) -> None:
    """Say first what is going to be done, and where: part of the table, beside the JSON."""
    _beside(f"{verb} {_project.worded(entries)}", kind)


def closing(result: Result, verb: str, kind: Format | StreamFormat) -> None:
    """Say last how it went, and where."""
    bad = [entry for entry in result.services if entry.exit_code not in WELL]
    state = f"{len(bad)} of {len(result.services)} failed" if bad else "done"
    where = _project.worded(result.services)
    _beside(f"{verb}: {state} in {result.seconds:.2f} s: {where}", kind)


def _beside(text: str, kind: Format | StreamFormat) -> None:
    if kind.value == Format.TABLE.value:
        _output.line(text)
    else:
        _diagnostics.say(text)


def errors(result: Result | HistoryResult | GrantsResult | FindingsResult | FailoverResult) -> None:
    """Write every service's error, with hint, place and SQL, to stderr; one that several share is written once."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for entry in result.services:
        if entry.error is not None:
            groups.setdefault((entry.error, getattr(entry, "failure", None), entry.hint), []).append(entry.service)
    for (error, failure, hint), names in groups.items():
        _diagnostics.error(f"{', '.join(names)}: {error}")
        if failure is not None:
            _diagnostics.failure(cast("Failure", failure))
        if hint:
            _diagnostics.say(f"hint: {hint}")


def moved(
    result: Result,
    before: Mapping[str, str | None],
    *,
    verb: str,
    kind: StreamFormat,
    goals: Mapping[str, str | None] | None = None,
) -> NoReturn:
    """Report a run that moved services from one revision to another, and end with its exit code.

    Args:
        result: of the run.
        before: the revisions that services were at, as far as they were told.
        verb: the command.
        kind: how to write it.
        goals: after a dry run, where services would end, unless it is at the last of what is pending.
    """
    ended(result, lambda found: moves(found, before, goals or {}), verb=verb, kind=kind)


def ended(result: Result, show: Callable[[Result], None], *, verb: str, kind: StreamFormat) -> NoReturn:
    """Report a run whose first line was `opening`, by a table or for programs, and end with its exit code."""
    from dbkit.migrations.results import SCHEMA_VERSION

    errors(result)
    if kind is StreamFormat.JSON:
        _output.document(result.to_json())
    elif kind is StreamFormat.JSONL:
        _output.record({"schema_version": SCHEMA_VERSION, "event": "end", "exit_code": int(result.exit_code)})
    else:
        show(result)
    closing(result, verb, kind)
    raise typer.Exit(result.exit_code)


def answer(result: Answer, show: Callable[[Answer], None], kind: Format) -> NoReturn:
    """Report a result as a table or a document, and end with its exit code."""
    errors(result)
    if kind is Format.JSON:
        _output.document(result.to_json())
    else:
        show(result)
    raise typer.Exit(result.exit_code)
