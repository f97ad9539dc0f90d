"""`dbkit config show`, `explain`, `url` and `check`: what is configured, where it came from, and whether it can be used."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli import _diagnostics, _explained, _findings, _output, _project
from dbkit.cli._options import Debug, Format, Service, Services, command, format_option, group, option
from dbkit.errors import gravest

if TYPE_CHECKING:
    from dbkit.config.explain import Explanation

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    config = group(app, "config", help="What is configured, and where it came from.")
    command(config, "show", example="dbkit config show --format json")(show)
    command(config, "explain", example="dbkit config explain user")(explain)
    command(config, "url", example="dbkit config url user --async")(url)
    command(config, "check", example="dbkit config check --connect")(check)


def show(
    context: typer.Context,
    services: Services = None,
    format: Annotated[Format, format_option("config show")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Show the values that services work with, secrets masked."""
    found = _explanations(context, services)
    _errors(found)
    if format is Format.JSON:
        entries = [{**entry.head(), "values": _values(entry)} for entry in found]
        _output.document(_document("config show", found, entries))
    else:
        _output.table(("service", "key", "value", "source"), list(_explained.shown(found)))
    raise typer.Exit(gravest(entry.exit_code for entry in found))


def _values(entry: Explanation) -> list[dict[str, Any]]:
    kept = ("key", "field", "value", "secret", "source")
    return [{name: value.to_json()[name] for name in kept} for value in entry.values if value.unused is None]


def explain(
    context: typer.Context,
    services: Services = None,
    format: Annotated[Format, format_option("config explain")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Explain every value. Where it came from, what it overrode, and what the driver is given."""
    found = _explanations(context, services)
    if format is Format.JSON:
        _errors(found)
        _output.document(_document("config explain", found, [entry.to_json() for entry in found]))
    else:
        for number, entry in enumerate(found):
            for line in (*([""] if number else []), *_explained.explained(entry)):
                _output.line(line)
        _errors(found)
    raise typer.Exit(gravest(entry.exit_code for entry in found))


def url(
    service: Service,
    reveal: Annotated[bool, option("config url", "--reveal", help="Show the password.")] = False,
    asynchronous: Annotated[bool, option("config url", "--async", help="The URL for an asynchronous engine.")] = False,
    migration: Annotated[
        bool, option("config url", "--migration", help="The URL of the account that changes the schema.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Print the URL for other tools. It verifies TLS under a bare create_engine; 2 where none does."""
    project = _project.find([service])
    config = project.migration_config(service) if migration else project.config(service)
    found = config.url(asynchronous=asynchronous)
    if reveal and found.password is not None and sys.stdout.isatty():
        _diagnostics.say("warning: this shows a password, and terminals keep what they have shown")
    _output.line(found.render_as_string(hide_password=not reveal))


def check(
    context: typer.Context,
    services: Services = None,
    connect: Annotated[
        bool, option("config check", "--connect", help="Log in too, with every account and kind of driver.")
    ] = False,
    verbose: Annotated[
        bool, option("config check", "--verbose", short="-v", help="Show in full what is well, too.")
    ] = False,
    format: Annotated[Format, format_option("config check")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Check settings, without a network or with it. 2 where they cannot be used, 3 where nothing answers."""
    from dbkit.checks.configuration import check_configuration

    project = _project.find(services)
    with _diagnostics.unlogged():
        result = check_configuration(project, services or (), connecting=connect, options=_variables(context))
    _findings.answer(result, format, verbose=verbose)


def _explanations(context: typer.Context, services: list[str] | None) -> list[Explanation]:
    from dbkit.config.explain import explain as explained

    project, options = _project.find(services), _variables(context)
    with _diagnostics.unlogged():
        return [
            explained(project.settings, name, environ=os.environ, overrides=project.overrides, options=options)
            for name in project.select(services or ())
        ]


def _variables(context: typer.Context) -> frozenset[str]:
    """List the variables of all options of the command line, which the configuration does not know."""

    def walk(commands: list[Any]) -> Iterator[str]:
        for each in commands:
            yield from (item.envvar for item in each.params if isinstance(getattr(item, "envvar", None), str))
            yield from walk(list(getattr(each, "commands", {}).values()))

    return frozenset(walk([context.find_root().command]))


def _document(name: str, found: list[Explanation], entries: list[dict[str, Any]]) -> dict[str, Any]:
    code = gravest(entry.exit_code for entry in found)
    return {"schema_version": SCHEMA_VERSION, "command": name, "exit_code": int(code), "services": entries}


def _errors(found: list[Explanation]) -> None:
    """Write every error once, with the services that have it."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for entry in found:
        for error in entry.errors:
            groups.setdefault((error.message, error.hint), []).append(entry.service or "")
    for (message, hint), names in groups.items():
        _diagnostics.error(f"{', '.join(names)}: {message}", hint)
