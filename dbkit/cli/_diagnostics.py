"""The only writer of stderr: errors with their hints, notes, questions, and what turns an exception into an exit code."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import traceback
from typing import TYPE_CHECKING

from dbkit.errors import DbkitError, ExitCode, RevisionFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbkit.migrations.results import Failure

DEBUG = "DBKIT_DEBUG"
OTHER_NAMES = {
    "upgrade": "migrate",
    "downgrade": "rollback",
    "current": "status",
    "heads": "history",
    "new": "init",
    "add": "service add",
    "adopt": "service add NAME --adopt PATH",
    "version": "--version",
}
"""What the stock tool and others call it."""


def say(text: str) -> None:
    """Write one line to stderr, secrets hidden once more at this last gate; nobody listening is no error."""
    from dbkit.config.redact import redact

    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(redact(text) + "\n")
        sys.stderr.flush()


def error(message: str, hint: str | None = None) -> None:
    """Write an error and what to do next."""
    say(f"dbkit: error: {message}")
    if hint:
        say(f"hint: {hint}")


def failure(found: Failure | RevisionFailedError) -> None:
    """Write where a revision stopped, and what of it is committed."""
    place = found.file if found.line is None else f"{found.file}:{found.line}"
    say(f"  at {place}")
    if found.sql:
        say("  sql: " + "\n       ".join(found.sql.strip().splitlines()))
    if found.committed:
        say(f"  committed and not undone ({len(found.committed)}):")
        for statement in found.committed:
            say("    " + " ".join(statement.split()))


def is_terminal() -> bool:
    """Tell whether somebody sits at both ends: can be asked and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str | None:
    """Ask on the terminal and give the answer, without the blanks around it; None at the end of input, which is Ctrl-D."""
    sys.stderr.write(question)
    sys.stderr.flush()
    typed = sys.stdin.readline()
    return typed.strip() if typed else None


def debugging() -> bool:
    """Tell whether tracebacks are wanted: `--debug` or DBKIT_DEBUG."""
    return os.environ.get(DEBUG, "").lower() not in ("", "0", "false", "no", "off")


class _Lines(logging.Handler):
    """Writes log records as lines of stderr, through the gate that hides secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        say(f"warning: {text}" if record.levelno >= logging.WARNING else text)


def show_warnings() -> None:
    """Show what dbkit warns of; the handlers of others stay as they are."""
    found = logging.getLogger("dbkit")
    if not any(isinstance(handler, _Lines) for handler in found.handlers):
        found.addHandler(_Lines())


def show_log() -> None:
    """Show all that dbkit logs, for `--debug`."""
    logging.getLogger("dbkit").setLevel(logging.DEBUG)
    show_warnings()


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Keep from stderr what is in the answer; with `--debug` it stands in both."""
    logger = logging.getLogger("dbkit")
    before = list(logger.handlers)
    if not debugging():
        logger.handlers = [logging.NullHandler(), *(one for one in before if not isinstance(one, _Lines))]
    try:
        yield
    finally:
        logger.handlers = before


def report(raised: DbkitError) -> ExitCode:
    """Report an error that dbkit raised on purpose, and give its exit code."""
    _traceback(raised)
    if raised.exit_code is ExitCode.BUG:
        return report_bug(raised)
    error(raised.message, None if isinstance(raised, RevisionFailedError) else raised.hint)
    if isinstance(raised, RevisionFailedError):
        failure(raised)
        if raised.hint:
            say(f"hint: {raised.hint}")
    return raised.exit_code


def report_usage(message: str, command: str) -> ExitCode:
    """Report a command line that could not be understood."""
    text = message.strip().rstrip(".")
    asked = re.match(r"No such command '(\w+)'", text)
    called = OTHER_NAMES.get(asked[1]) if asked and command == "dbkit" else None
    hint = f"`{command} --help` shows what it takes"
    error(text[:1].lower() + text[1:], hint=f"that is `dbkit {called}` here; {hint}" if called else hint)
    return ExitCode.USAGE


def report_bug(raised: BaseException) -> ExitCode:
    """Report what nobody foresaw. Its message may hold anything, so it is shown only when asked for."""
    _traceback(raised)
    error(
        f"this is a bug in dbkit: {type(raised).__name__}",
        hint=f"run it again with --debug ({DEBUG}=1) and report what it prints",
    )
    return ExitCode.BUG


def _traceback(raised: BaseException) -> None:
    if debugging():
        say("".join(traceback.format_exception(raised)).rstrip())
