"""The options and arguments that commands share: the same flag means the same everywhere and shows its variable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any

import typer

from dbkit.cli import _complete
from dbkit.cli._diagnostics import DEBUG, show_log
from dbkit.errors import UsageError


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"


class StreamFormat(StrEnum):
    """How a result is written by a command that also tells what it is doing."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class Fallback(StrEnum):
    """What `DATABASE_FALLBACK` takes: here too, because reading the settings' module would slow every command down."""

    DEV = "dev"
    OFF = "off"


def command(
    app: typer.Typer,
    name: str,
    *,
    example: str,
    **kw: Any,  # noqa: ANN401 - Typer's own
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command whose help ends with an example."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        return app.command(name, epilog=f"Example: {example}", **kw)(_loud(function))

    return register


def group(app: typer.Typer, name: str, *, help: str) -> typer.Typer:  # noqa: A002 - Typer's word
    """Register a group, whose commands are called `dbkit NAME COMMAND`."""
    made = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.add_typer(made, name=name, help=help)
    return made


def _loud(function: Callable[..., None]) -> Callable[..., None]:
    """Keep Typer from ending in silence where a pipe broke that is not our stdout: to a worker, to a server."""

    @wraps(function)
    def wrapped(*args: Any, **kw: Any) -> None:  # noqa: ANN401 - the command's own
        try:
            function(*args, **kw)
        except BrokenPipeError as error:
            raise RuntimeError("a pipe inside dbkit broke") from error

    return wrapped


def option(command_name: str, flag: str, *, help: str, **kw: Any) -> Any:  # noqa: A002, ANN401 - Typer's word, Typer's type
    """Declare an option whose variable is made of the command and the flag: DBKIT_MIGRATE_LOCK_WAIT."""
    short = kw.pop("short", None)
    return typer.Option(*filter(None, (flag, short)), envvar=_variable(command_name, flag), help=help, **kw)


def _variable(command_name: str, flag: str) -> str:
    word = (
        flag.split("/", maxsplit=1)[0]
        .lstrip("-")
        .removeprefix("no-" if flag.startswith("--no-") and "/" in flag else "")
    )
    return re.sub(r"\W", "_", f"DBKIT_{command_name}_{word}".upper())


def read_option(command_name: str, flag: str, *, read: Callable[[str], Any], takes: str, **kw: Any) -> Any:  # noqa: ANN401 - as `option`
    """Declare an option whose value is read by a function; where that raises ValueError, the user hears what it takes."""

    def parser(value: object) -> Any:  # noqa: ANN401 - whatever the option holds
        try:
            return read(str(value))
        except ValueError:
            pass
        # an error of ours: Typer's own sentence is pydantic's and leaves out the value
        raise UsageError(
            f"{flag} takes {takes}, not {str(value)!r}",
            hint=f"it was given as {flag} or in {_variable(command_name, flag)}",
        )

    return option(command_name, flag, parser=parser, **kw)


Services = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERVICE",
        show_default=False,
        help="Services by name; none means all of them.",
        autocompletion=_complete.services,
    ),
]
Service = Annotated[
    str, typer.Argument(metavar="SERVICE", help="The service's name.", autocompletion=_complete.services)
]


def _debug(value: bool) -> bool:
    if value:
        os.environ[DEBUG] = "1"
        show_log()
    return value


# Taken in by its callback before the command runs; a parameter of every command, so that it may stand last on the line.
Debug = Annotated[
    bool, typer.Option("--debug", envvar=DEBUG, callback=_debug, is_eager=True, help="Show the traceback of an error.")
]


def format_option(command_name: str, kinds: type[StrEnum] = Format) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--format`."""
    text = "A table for people, JSON for programs."
    words = list(kinds)
    takes = f"{', '.join(words[:-1])} or {words[-1]}"
    offer = _complete.words(words)
    return read_option(
        command_name, "--format", read=kinds, takes=takes, metavar="|".join(kinds), help=text, autocompletion=offer
    )


def lock_wait_option(command_name: str) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--lock-wait`."""
    text = "How long to wait for another run that holds the lock; 0 gives up at once, with exit code 5."
    takes = "a number of seconds, 0 or more"
    return read_option(command_name, "--lock-wait", read=_seconds, takes=takes, metavar="SECONDS", help=text)


def _seconds(text: str) -> float:
    found = float(text)
    if not found >= 0:  # so that NaN, which compares with nothing, is refused too
        raise ValueError
    return found


def jobs_option(command_name: str) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--jobs`."""
    text = "Services at once; by default one per processor, four at most."
    return read_option(command_name, "--jobs", read=count, takes="a whole number from 1 on", metavar="N", help=text)


def count(text: str) -> int:
    """Read a number of things, 1 or more; raises ValueError."""
    found = int(text)
    if found < 1:
        raise ValueError
    return found


def duration(text: str) -> float:
    """Read a time in seconds, above 0; raises ValueError."""
    found = float(text)
    if not found > 0:  # so that NaN, which compares with nothing, is refused too
        raise ValueError
    return found


def dry_run_option(command_name: str) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--dry-run`."""
    return option(command_name, "--dry-run", help="Say what would be done, and write nothing.")


def yes_option(command_name: str) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--yes`."""
    return option(command_name, "--yes", help="Do not ask. In production, --confirm is needed as well.")


def confirm_option(command_name: str) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--confirm`."""
    text = "The name of a database that may be destroyed in production; once for each."
    return option(command_name, "--confirm", metavar="NAME", help=text)


def fallback_option(command_name: str) -> Any:  # noqa: ANN401 - Typer's type
    """Declare `--fallback`."""
    text = "What a service does whose server cannot be reached; beats DATABASE_FALLBACK."
    return read_option(
        command_name,
        "--fallback",
        read=Fallback,
        takes=" or ".join(Fallback),
        metavar="|".join(Fallback),
        help=text,
        autocompletion=_complete.words(Fallback),
    )
