"""Asks what an Alembic folder does not say of itself, and writes what was found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dbkit.cli import _diagnostics, _output, _project
from dbkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dbkit.scaffold import Adopted, Choice, Found, Written
    from dbkit.scaffold.adopted import Attention

NOTHING = "-"

Ask = Callable[[str, str, str, Callable[[str], str]], str]
"""Asks for a flag, by a question, with a default, until the answer is proved."""


def completed(found: Found, choice: Choice, ask: Ask) -> Choice:
    """Ask for what was neither given nor is plain: where the models are, and the version table where env.py works it out."""
    from dbkit.config.project_keys import OWN

    if choice.metadata is None and not choice.own:
        for line, what in found.lost:
            _diagnostics.say(f"env.py:{line}: {what} is lost unless env.py is run")
        question = f"the models' metadata, as module:attribute, or {OWN} to run the folder's env.py"
        answer = ask("--metadata", question, found.metadata or OWN, _reference)
        if answer == OWN:
            choice = replace(choice, own=True)
        elif answer != found.metadata:
            choice = replace(choice, metadata=answer)
    if choice.version_table is None and found.asks_version_table:
        answer = ask("--version-table", "the version table, which env.py works out", found.layout.version_table, str)
        choice = replace(choice, version_table=answer)
    if choice.version_table_schema is None and found.asks_version_schema:
        answer = ask("--version-table-schema", "the schema of that table, which env.py works out", "", str)
        choice = replace(choice, version_table_schema=answer)
    return choice


def _reference(text: str) -> str:
    from dbkit.config.project_keys import OWN

    module, colon, path = text.partition(":")
    if text != OWN and not (module and colon and path):
        raise UsageError(f"{text!r} is no module:attribute", hint=f"such as acme.models:Base.metadata, or {OWN}")
    return text


def report(written: Written, adopted: Adopted) -> None:
    """Write what was found, and what becomes of it."""
    _output.table(("found", ""), [*_facts(written, adopted)])
    _output.line("")
    rows = [(f"env.py:{one.line}", one.what, one.here) for one in adopted.findings]
    if rows:
        _output.table(("line", "env.py", "here"), rows)
        _output.line("")
    seen = [(one.revision, _place(written, one), one.what) for one in adopted.attention]
    if seen:
        _output.table(("revision", "file", "look at this first"), seen)
        _output.line("")
    _output.write(adopted.lines)


def _facts(written: Written, adopted: Adopted) -> Iterator[tuple[str, str]]:
    yield "folder", _shown(written, adopted.folder)
    if adopted.ini is not None:
        yield "ini", f"{_shown(written, adopted.ini)}, section {adopted.section}"
    yield "revisions", f"{adopted.revisions} in {', '.join(_shown(written, place) for place in adopted.locations)}"
    yield ("heads" if len(adopted.heads) > 1 else "head"), ", ".join(map(_head(adopted), adopted.heads)) or NOTHING
    schema = f"{adopted.version_schema}." if adopted.version_schema else ""
    yield "version table", f"{schema}{adopted.version_table} ({adopted.version_source})"
    if adopted.metadata is not None:
        yield "metadata", f"{adopted.metadata}, tables: {adopted.tables} ({adopted.reason})"
    else:
        yield "its env.py", f"is run ({adopted.reason})"
    yield "database", _standing(adopted)


def _head(adopted: Adopted) -> Callable[[str], str]:
    def worded(head: str) -> str:
        labels = ", ".join(adopted.labels.get(head, ())) if len(adopted.heads) > 1 else ""
        return f"{head} ({labels})" if labels else head

    return worded


def _standing(adopted: Adopted) -> str:
    """Say where the database is."""
    found = adopted.standing
    where = _project.whereabouts(found)
    if found.exit_code is ExitCode.AHEAD:
        return f"{where}: at {found.revision}, which these files do not have"
    if found.error is not None:
        return f"{where}: not looked at"
    if adopted.missing:
        return f"{where}: not there yet"
    return f"{where}: at {found.revision or 'no revision'}, {len(found.pending)} pending"


def _place(written: Written, found: Attention) -> str:
    lines = ", ".join(map(str, found.lines))
    inside = found.file.is_relative_to(written.folder)
    return ":".join(filter(None, (_shown(written, found.file) if inside else found.file.name, lines)))


def _shown(written: Written, path: Path) -> str:
    """Word a path from the project's folder on, where it is in it."""
    return path.relative_to(written.folder).as_posix() if path.is_relative_to(written.folder) else str(path)
