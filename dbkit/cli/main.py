"""The entry point: builds the command line, runs it, and turns whatever comes out into an exit code."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from dbkit.cli import (
    _diagnostics,
    _output,
    alembic,
    config,
    databases,
    doctor,
    failover,
    grants,
    history,
    migrate,
    scaffolding,
    seeding,
    tls,
    waiting,
)
from dbkit.errors import DbkitError, ExitCode, TerminatedRunError


def build() -> typer.Typer:
    """Build the command line; nothing of the library is imported yet."""
    app = typer.Typer(
        name="dbkit",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        rich_markup_mode=None,  # else help and usage errors are drawn in boxes, even into a pipe
        help="Configure and migrate the databases of many services, on whatever backend DATABASE_TYPE names.",
        epilog="Example: dbkit migrate",
    )
    app.callback()(_root)
    readers = (config, doctor, history, waiting)
    for module in (migrate, *readers, databases, failover, grants, scaffolding, seeding, tls, alembic):
        module.register(app)
    return app


def _version(context: typer.Context, value: bool) -> None:
    if value and not context.resilient_parsing:  # which is how a line is read that somebody still writes
        from importlib.metadata import version

        _output.line(f"dbkit {version('dbkit')}")
        python = ".".join(map(str, sys.version_info[:3]))
        _output.line(f"Python {python}, SQLAlchemy {version('sqlalchemy')}, Alembic {version('alembic')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take what stands before the command."""
    del version


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    _diagnostics.show_warnings()
    code = run(sys.argv[1:])
    _flush()
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Run a command line and give its exit code."""
    try:
        # `Exit` and Ctrl-C come back as numbers; commands themselves return nothing
        code = build()(argv, prog_name="dbkit", standalone_mode=False)
    except DbkitError as error:
        return _diagnostics.report(error)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        return _diagnostics.report_usage(error.format_message(), context.command_path if context else "dbkit")
    except (typer.Abort, KeyboardInterrupt):
        _diagnostics.error("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the only one: what nobody foresaw has an exit code of its own
        return _diagnostics.report_bug(error)
    return int(code or 0)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    """Turn SIGTERM into an exception, so that a run stops between two statements and says where it is."""
    raise TerminatedRunError("terminated", hint="run the command again to go on")


def _flush() -> None:
    """Write what is left, and keep Python from complaining about a reader that has gone."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
