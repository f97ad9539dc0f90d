"""How findings are written: for people service by service, what has to be done above what is well; for programs as one document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

from dbkit.cli import _output, _project, _report
from dbkit.cli._options import Format

if TYPE_CHECKING:
    from dbkit.checks.findings import Finding, FindingsResult, ServiceFindings

    Key = tuple[object, ...]

# A check that is named after what would be wrong, and how it is called where nothing is.
_WELL = {"settings.unknown": "known"}
# The longest of the words that say how a finding is to be taken.
_WORD = len("problem")


def answer(result: FindingsResult, kind: Format, *, verbose: bool) -> NoReturn:
    """Report findings, and end with their exit code.

    Args:
        result: the findings.
        kind: how to write them.
        verbose: in a table, what is well too.
    """
    if kind is Format.JSON:
        _report.errors(result)
        _output.document(result.to_json())
    else:
        for line in _table(result, verbose=verbose):
            _output.line(line)
    raise typer.Exit(result.exit_code)


def _table(result: FindingsResult, *, verbose: bool) -> Iterator[str]:
    shared = _shared(result.services)
    for entry in result.services:
        yield _output.strong(headline(entry))
        yield from _block([found for found in entry.findings if _key(found) not in shared], verbose=verbose)
    if shared:
        yield _output.strong("all services")
        yield from _block(list(shared.values()), verbose=verbose)
    yield ""
    yield _closing(result)


def _key(found: Finding) -> Key:
    return (found.check, found.verdict, found.message, found.hint)


def _shared(services: Sequence[ServiceFindings]) -> dict[Key, Finding]:
    """Find what is said of every service in the same words, to be written once."""
    if len(services) < 2:  # noqa: PLR2004 - one shares nothing
        return {}
    first, *others = ({_key(found): found for found in entry.findings} for entry in services)
    return {key: found for key, found in first.items() if all(key in other for other in others)}


def headline(entry: ServiceFindings) -> str:
    """Name service, backend, version, host, database and user, as far as they are known; or say that the settings are refused."""
    if entry.backend is None:
        return f"{entry.service}: the settings are refused"
    from dbkit.backends import get_backend

    title = get_backend(entry.backend).traits.title
    if entry.refused:
        return f"{entry.service}: {title}: the settings are refused"
    parts = [
        f"{entry.service}: {title}{f' {entry.version}' if entry.version else ''}{f' at {entry.host}' if entry.host else ''}",
        f"database {_project.shown(entry.database)}" if entry.database else "",
        f"as {entry.user}" if entry.user else "",
    ]
    return ", ".join(filter(None, parts))


def _block(findings: Sequence[Finding], *, verbose: bool) -> Iterator[str]:
    from dbkit.backends.protocol import Verdict
    from dbkit.checks.findings import sort

    shown = [found for found in sort(findings) if verbose or found.verdict is not Verdict.OK]
    width = max((len(found.check) for found in shown), default=0)
    for found in shown:
        yield from _lines(found, width)
    well = [found.check for found in findings if found.verdict is Verdict.OK]
    if well and not verbose:
        yield from _wrapped(f"  {Verdict.OK.value:{_WORD}}  ", _condensed(well))


def _lines(found: Finding, width: int) -> Iterator[str]:
    """Write one finding, what to do below it."""
    begin = f"  {found.verdict.value:{_WORD}}  {found.check:{width}}  "
    yield from _wrapped(begin, found.message)
    if found.hint:
        yield from _wrapped(" " * len(begin), f"hint: {found.hint}")


def _wrapped(begin: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        _output.columns(),
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _condensed(checks: Iterable[str]) -> str:
    """Name checks by what they look at: `server (version, writable), tls (ca)`."""
    groups: dict[str, list[str]] = {}
    for check in checks:
        subject, _, part = check.partition(".")
        parts = groups.setdefault(subject, [])
        if (word := _WELL.get(check, part)) not in parts:
            parts.append(word)
    return ", ".join(f"{subject} ({', '.join(parts)})" for subject, parts in groups.items())


def _closing(result: FindingsResult) -> str:
    from dbkit.backends.protocol import Verdict

    problems, hints = (
        len(
            {
                (*_key(found), entry.service)
                for entry in result.services
                for found in entry.findings
                if found.verdict is verdict
            }
        )
        for verdict in (Verdict.PROBLEM, Verdict.ADVICE)
    )
    many = len(result.services)
    seen = f"{result.command}: {many} service{'' if many == 1 else 's'} in {result.seconds:.2f} s"
    said = "no problem" if not problems else "1 problem" if problems == 1 else f"{problems} problems"
    return f"{seen}: {said}{f', {hints} to improve' if hints else ''}"
