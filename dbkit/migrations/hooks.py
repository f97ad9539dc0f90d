"""Hooks: what a team has run before a migration, after each revision, and after it; a function or a command, failing loudly."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbkit.config.redact import redact
from dbkit.errors import ConfigurationError, HookError
from dbkit.service import import_object

if TYPE_CHECKING:
    from dbkit.service import Registration

__all__ = ["HookCall", "Hooks"]

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """What a hook is told. A command gets the same in variables: DBKIT_HOOK, DBKIT_SERVICE and so on."""

    hook: str
    """`before_migrate`, `after_revision` or `after_migrate`."""
    service: str
    backend: str | None
    host: str | None
    """Host and port; None where the backend is a file."""
    database: str | None
    """The database's name, or the file's path."""
    schema: str | None = None
    fallback: bool = False
    """The service is on the file that stands in for its server."""
    revision: str | None = None
    """The revision that the database is at, several separated by commas; None where it has none."""
    revisions: tuple[str, ...] = ()
    """Before: what is to be applied. After a revision: that one. After: what has been applied."""

    def environ(self) -> dict[str, str]:
        """Give the variables of a command; what is not known is empty."""
        return {
            "DBKIT_HOOK": self.hook,
            "DBKIT_SERVICE": self.service,
            "DBKIT_BACKEND": self.backend or "",
            "DBKIT_HOST": self.host or "",
            "DBKIT_DATABASE": self.database or "",
            "DBKIT_SCHEMA": self.schema or "",
            "DBKIT_FALLBACK": "1" if self.fallback else "",
            "DBKIT_REVISION": self.revision or "",
            "DBKIT_REVISIONS": " ".join(self.revisions),
        }


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one service, found before anything is migrated."""

    service: str
    runs: Mapping[str, tuple[Callable[[HookCall], None], ...]]

    @classmethod
    def of(cls, registration: Registration) -> Hooks:
        """Import the functions and find the commands that the project's file names.

        Raises:
            ConfigurationError: one of them is not there.
        """
        registration.extend_path()
        return cls(
            registration.name,
            {
                name: tuple(_runner(name, entry, registration) for entry in entries)
                for name, entries in registration.hooks.items()
            },
        )

    def run(self, call: HookCall) -> None:
        """Run the hooks of a name one after another; the first that fails ends it.

        Raises:
            HookError: one failed.
        """
        for run in self.runs.get(call.hook, ()):
            run(call)


def _runner(name: str, entry: str, registration: Registration) -> Callable[[HookCall], None]:
    what = f"hook {name} of service {registration.name!r}"
    if _FUNCTION.fullmatch(entry):
        function: Any = import_object(entry, what=what)
        if not callable(function) or inspect.iscoroutinefunction(function):
            kind = "asynchronous" if callable(function) else f"{type(function).__name__}, not a function"
            raise ConfigurationError(f"{what}: {entry!r} is {kind}", hint="name a function that takes a dbkit.HookCall")
        return lambda call: _call(function, call, what=f"{what}, {entry!r},")
    words = _words(entry, what)
    program = shutil.which(str(registration.root / words[0]) if "/" in words[0] else words[0])
    if program is None:
        raise ConfigurationError(
            f"{what}: there is no program {words[0]!r}", hint=_where_looked(words[0], registration.root)
        )
    return lambda call: _execute([program, *words[1:]], call, root=registration.root, what=f"{what}, {entry!r},")


def _where_looked(program: str, root: Path) -> str:
    if "/" in program:
        return f"check its path, which begins at {str(root)!r}, and that it may be executed"
    if ":" in program:
        return 'a function is named as "module:function", and takes no words'
    return f"a program without / is looked for on PATH; one of the project is {f'./{program}'!r}"


def _words(entry: str, what: str) -> list[str]:
    try:
        words = shlex.split(entry)
    except ValueError as error:
        raise ConfigurationError(f"{what}: {entry!r} is no command line: {error}", hint="close the quotes") from None
    if not words:
        raise ConfigurationError(f"{what} is empty", hint="leave it out, or name a function or a command")
    return words


def _call(function: Callable[[HookCall], Any], call: HookCall, *, what: str) -> None:
    try:
        found = function(call)
    except BaseException as error:  # no Ctrl-C comes here: see the worker
        text = ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))
        raise HookError(redact(f"{what} failed: {text}{_line_of(error)}"), hint=_hint(call)) from error
    if inspect.isawaitable(found):
        if inspect.iscoroutine(found):
            found.close()
        raise HookError(f"{what} failed: gave something to await, and has done nothing", hint=_hint(call))


def _line_of(error: BaseException) -> str:
    """Say where an error was raised; nothing where that was our call, which the function does not take."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "" if last.filename == __file__ else f" ({last.filename}:{last.lineno})"


def _execute(command: list[str], call: HookCall, *, root: Path, what: str) -> None:
    """Run a command in the project's folder, without a shell; what it writes goes to stderr as it comes."""
    try:
        done = subprocess.run(  # noqa: S603 - the project's own
            command, cwd=root, env={**os.environ, **call.environ()}, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        raise HookError(f"{what} cannot be run: {error.strerror}", hint=_hint(call)) from None
    if done.returncode:
        how = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"ended with {done.returncode}"
        raise HookError(f"{what} {how}", hint=_hint(call))


def _hint(call: HookCall) -> str:
    if call.hook == "before_migrate":
        return "nothing was applied; mend the hook and run the command again"
    if call.hook == "after_revision":
        return f"revision {call.revision} is applied, and its hook is not run again; mend the hook and run the command again for the rest"
    return "every revision is applied, and a new run does not call the hook again; mend it and run it by hand"
