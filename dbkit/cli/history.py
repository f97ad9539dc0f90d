"""`dbkit revision`, `rollback`, `history`, `stamp` and `check`: the revisions and what they made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dbkit.cli import _consent, _output, _progress, _project, _report
from dbkit.cli._options import (
    Debug,
    Format,
    Service,
    Services,
    StreamFormat,
    command,
    confirm_option,
    dry_run_option,
    format_option,
    lock_wait_option,
    option,
    yes_option,
)

if TYPE_CHECKING:
    from dbkit.migrations.results import NewRevision, ServiceResult
    from dbkit.project import Project


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "revision", example='dbkit revision user -m "add a phone number" --autogenerate')(revision)
    command(app, "rollback", example="dbkit rollback user --to 0001 --yes")(rollback)
    command(app, "history", example="dbkit history user")(history)
    command(app, "stamp", example="dbkit stamp user 0001")(stamp)
    command(app, "check", example="dbkit check --format json")(check)


def revision(
    service: Service,
    message: Annotated[
        str, option("revision", "--message", short="-m", metavar="TEXT", help="What the revision does, in a few words.")
    ],
    autogenerate: Annotated[
        bool, option("revision", "--autogenerate", help="Fill it with what brings the database to the models.")
    ] = False,
    head: Annotated[
        str,
        option(
            "revision",
            "--head",
            metavar="REVISION",
            help="What it follows, such as LABEL@head, where there are several heads.",
        ),
    ] = "head",
    format: Annotated[Format, format_option("revision")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Write a new revision file of a service."""
    from dbkit import migrations

    made = migrations.revision(_project.find([service]), service, message, autogenerate=autogenerate, head=head)
    if format is Format.JSON:
        _output.document(made.to_json())
    else:
        _output.line(_made(made))


def _made(made: NewRevision) -> str:
    if not made.file:
        return "nothing to write: the database matches the models"
    return "\n".join([f"{made.file} (empty)" if made.empty else made.file, *made.further])


def rollback(
    service: Service,
    to: Annotated[str, option("rollback", "--to", metavar="REVISION", help="A revision, base, or -N steps.")] = "-1",
    dry_run: Annotated[bool, dry_run_option("rollback")] = False,
    yes: Annotated[bool, yes_option("rollback")] = False,
    confirm: Annotated[list[str] | None, confirm_option("rollback")] = None,
    lock_wait: Annotated[float, lock_wait_option("rollback")] = 300.0,
    format: Annotated[StreamFormat, format_option("rollback", StreamFormat)] = StreamFormat.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Take a service back, and lose what is dropped."""
    from dbkit import migrations

    project = _project.find([service])
    if not dry_run:
        _consent.need(project, [service], deed=_undoing(to), yes=yes, confirm=confirm or ())
    _report.opening("rolling back", _project.places(project, [service]), format)
    with _progress.listening(format) as listener:
        result = migrations.rollback(project, service, to=to, dry_run=dry_run, lock_wait_s=lock_wait, on_event=listener)
    goals = {entry.service: _goal(project, entry) for entry in result.services if entry.pending} if dry_run else {}
    _report.moved(result, listener.before, verb="rollback", kind=format, goals=goals)


def _undoing(to: str) -> str:
    """Word a rollback as the beginning of a sentence that goes on with the service."""
    if to == "base":
        return "undo every revision of"
    if to.startswith("-"):
        return "undo the last revision of" if to == "-1" else f"undo the last {to[1:]} revisions of"
    return f"undo what came after revision {to} of"


def _goal(project: Project, entry: ServiceResult) -> str | None:
    """Work out at which revision a rollback would end, of which `pending` says what it would undo."""
    from dbkit.revisions.history import History
    from dbkit.revisions.reading import read_history

    history = read_history(project.layout(entry.service))
    current = [name for name in (entry.revision or "").split(", ") if name]
    kept = history.ancestry(current).difference(entry.pending)
    left = History(service=entry.service, scripts={name: history.scripts[name] for name in kept})
    return ", ".join(left.heads) or None


def history(
    services: Services = None,
    format: Annotated[Format, format_option("history")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """List revisions, newest first."""
    from dbkit import migrations

    _report.answer(migrations.history(_project.find(services), services or ()), _report.revisions, format)


def stamp(
    service: Service,
    to: Annotated[str, typer.Argument(metavar="REVISION", help="A revision, head, or base.")],
    lock_wait: Annotated[float, lock_wait_option("stamp")] = 300.0,
    format: Annotated[Format, format_option("stamp")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Note a revision as applied, and run nothing."""
    from dbkit import migrations

    result = migrations.stamp(_project.find([service]), service, to, lock_wait_s=lock_wait)
    _report.answer(result, _report.states, format)


def check(
    services: Services = None,
    format: Annotated[Format, format_option("check")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Compare models with databases; 4 where they differ."""
    from dbkit import migrations

    _report.answer(migrations.check(_project.find(services), services or ()), _report.differences, format)
