"""`dbkit migrate` and `dbkit status`: the daily work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from dbkit.cli import _complete, _output, _progress, _project, _report
from dbkit.cli._options import (
    Debug,
    Fallback,
    Format,
    Services,
    StreamFormat,
    command,
    dry_run_option,
    fallback_option,
    format_option,
    jobs_option,
    lock_wait_option,
    option,
)
from dbkit.errors import ConfigurationError, UsageError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "migrate", example="DATABASE_TYPE=tidb DATABASE_HOST=localhost dbkit migrate user project")(migrate)
    command(app, "status", example="dbkit status --check --format json")(status)


def migrate(
    context: typer.Context,
    services: Services = None,
    to: Annotated[str, option("migrate", "--to", metavar="REVISION", help="A revision, head, or +N steps.")] = "head",
    dry_run: Annotated[bool, dry_run_option("migrate")] = False,
    sql: Annotated[bool, option("migrate", "--sql", help="Write the SQL to stdout and ask no server.")] = False,
    backend: Annotated[
        str | None,
        option(
            "migrate",
            "--backend",
            metavar="NAME[@VERSION]",
            help="With --sql: for this backend, such as tidb@8.5.",
            autocompletion=_complete.backends,
        ),
    ] = None,
    jobs: Annotated[int | None, jobs_option("migrate")] = None,
    no_create: Annotated[bool, option("migrate", "--no-create", help="Fail where a database is missing.")] = False,
    lock_wait: Annotated[float, lock_wait_option("migrate")] = 300.0,
    fallback: Annotated[Fallback | None, fallback_option("migrate")] = None,
    accept_fallback: Annotated[
        bool, option("migrate", "--accept-fallback", help="End with 0, not 8, where all went well on the fallback.")
    ] = False,
    format: Annotated[StreamFormat, format_option("migrate", StreamFormat)] = StreamFormat.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Create what is missing, and bring services to head."""
    if sql:
        _refuse_with_sql(
            {
                "--dry-run": dry_run,
                "--jobs": jobs is not None,
                "--no-create": no_create,
                "--lock-wait": _given(context, "lock_wait"),
                "--fallback": fallback is not None,
                "--accept-fallback": accept_fallback,
                f"--format {format}": format is not StreamFormat.TABLE,
            }
        )
        _write_sql(services or [], backend=backend, to=to)
        return
    if backend is not None:
        raise UsageError("--backend goes with --sql", hint="DATABASE_TYPE chooses the backend that is migrated")
    from dbkit import migrations

    project = migrations.settle(_project.find(services, fallback=fallback), services or ())
    _report.opening("migrating", _project.places(project, services or ()), format)
    with _progress.listening(format) as listener:
        result = migrations.migrate(
            project,
            services or (),
            to=to,
            dry_run=dry_run,
            jobs=jobs,
            create=not no_create,
            lock_wait_s=lock_wait,
            accept_fallback=accept_fallback,
            on_event=listener,
        )
    _report.moved(result, listener.before, verb="migrate", kind=format)


def _given(context: typer.Context, name: str) -> bool:
    """Tell whether an option was given, on the line or by its variable, even with its default value."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _refuse_with_sql(options: Mapping[str, bool]) -> None:
    """Refuse options that mean nothing where no server is asked; the value tells whether each was given."""
    given = [flag for flag, is_given in options.items() if is_given]
    if given:
        raise UsageError(
            f"--sql cannot be used with {', '.join(given)}",
            hint="--sql writes SQL to stdout and asks no server; leave one of them away",
        )


def _write_sql(services: list[str], *, backend: str | None, to: str) -> None:
    """Write the SQL of services, each for the backend that is named or else its own; what is wrong in one stops no other."""
    from dbkit import migrations
    from dbkit.migrations.results import Result, ServiceResult

    project = _project.find(services)
    found: list[ServiceResult] = []
    for name in project.select(services):
        try:
            chosen = backend or project.config(name).backend
        except ConfigurationError as error:
            found.append(ServiceResult(service=name).failed(error))
            continue
        found += migrations.sql(project, [name], backend=chosen, to=to, write=_output.write).services
    result = Result(command="sql", services=tuple(found))
    _report.errors(result)
    raise typer.Exit(result.exit_code)


def status(
    services: Services = None,
    check: Annotated[
        bool, option("status", "--check", help="Exit with 4 where something is pending, 7 where a database is ahead.")
    ] = False,
    format: Annotated[Format, format_option("status")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Tell where services are, and what is pending."""
    from dbkit import migrations

    result = migrations.status(_project.find(services), services or (), check=check)
    _report.answer(result, _report.states, format)
