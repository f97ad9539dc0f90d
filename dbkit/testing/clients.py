"""The clients that are attacked, in a process of their own: its environment decides what the system's store is."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, TypeVar

from dbkit.config import DatabaseConfig
from dbkit.config.redact import redact, register
from dbkit.errors import DbkitError, MissingDriverError
from dbkit.testing.verdicts import Said, Way

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

# An impostor hangs up after seconds; a driver that goes on all the same is not waited for.
PATIENCE_S: Final = 20.0
# Clients are given a canary; no real password is even near them.
_SECRET: Final = re.compile(r"PASSWORD|DATABASE_URL")
# One client that crashes must not take the others with it; if all do, that is known soon enough.
MOST_STARTS: Final = 3
_MODULE: Final = "dbkit.testing.clients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One client that is to connect once."""

    kind: Literal["sync", "async"]
    way: Way
    config: DatabaseConfig | None = None
    """What the client is made of; None where `text` is."""
    text: str | None = field(default=None, repr=False)
    """A URL, for a bare `create_engine`."""
    canary: str = field(default="", repr=False)
    """Hidden in what the client says."""


class Clients:
    """A process that makes clients, one after another; a context manager."""

    def __init__(self, environ: Mapping[str, str], *, patience_s: float = PATIENCE_S) -> None:
        """Start it.

        Args:
            environ: its whole environment.
            patience_s: how long one client may take.
        """
        self._environ = {**environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._patience_s = patience_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._starts = 0
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._errors.close()

    def connect(self, task: Task) -> Said:
        """Have a client made that connects once; it is not waited for longer than its patience."""
        if self._process.poll() is not None and self._starts < MOST_STARTS:
            self._end()
            self._process = self._start()
        watch = threading.Timer(self._patience_s, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            answer = self._ask(base64.b64encode(pickle.dumps(task)))
        finally:
            watch.cancel()
        if answer is not None:
            return Said(**json.loads(answer))
        self._process.kill()
        self._process.wait()
        return Said(kind="lost", text=self._last_words())

    def _start(self) -> subprocess.Popen[bytes]:
        self._starts += 1
        return subprocess.Popen(  # noqa: S603 - this Python, this module
            [sys.executable, "-P", "-m", _MODULE],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, task: bytes) -> bytes | None:
        if self._process.stdin is None or self._process.stdout is None:
            return None
        try:
            self._process.stdin.write(task + b"\n")
            self._process.stdin.flush()
        except OSError:
            return None
        line = self._process.stdout.readline()
        return line if line.endswith(b"\n") else None

    def _last_words(self) -> str:
        """Say how the process ended, with the last line that it wrote."""
        self._errors.seek(0)
        lines = redact(self._errors.read().decode("utf-8", "replace")).strip().splitlines()
        return f"its process hung or ended{': ' + lines[-1] if lines else ''}"


def attempt(task: Task) -> Said:
    """Make the client, connect once, and say what became of it."""
    register(task.canary)
    try:
        if task.kind == "sync":
            _connect(task)
        else:
            asyncio.run(_connect_async(task))
    except (ImportError, MissingDriverError) as error:
        # a module of ours that is not there is no driver to be installed
        ours = (getattr(error, "name", None) or "").startswith("dbkit")
        hint = getattr(error, "hint", None)
        return Said(kind="failed" if ours else "missing", text=_words(error) + (f" ({hint})" if hint else ""))
    except Declined as error:
        return Said(kind="declined", text=_words(error))
    except Exception as error:  # noqa: BLE001 - drivers raise what they like, and only the words are wanted
        return Said(kind="failed", text=_words(error))
    return Said(kind="connected")


class Declined(Exception):
    """dbkit does not make this client."""


def _connect(task: Task) -> None:
    engine = _engine(task)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _engine(task: Task) -> sa.Engine:
    from sqlalchemy import create_engine

    if task.config is not None and task.way is Way.ENGINE:
        return _made(task.config.create_engine)
    return create_engine(_text(task))


async def _connect_async(task: Task) -> None:
    engine = _async_engine(task)
    try:
        async with engine.connect():
            pass
    finally:
        await engine.dispose()


def _async_engine(task: Task) -> AsyncEngine:
    from sqlalchemy.ext.asyncio import create_async_engine

    if task.config is not None and task.way is Way.ENGINE:
        return _made(task.config.create_async_engine)
    return create_async_engine(_text(task))


def _text(task: Task) -> str:
    if task.config is None:
        return task.text or ""
    config = task.config
    return _made(lambda: config.get_connection_url(asynchronous=task.kind == "async"))


def _made(make: Callable[[], T]) -> T:
    """Make a client, or tell that it was dbkit that did not want to."""
    try:
        return make()
    except MissingDriverError:
        raise
    except DbkitError as error:
        raise Declined(error.message) from None


def _words(error: BaseException) -> str:
    """Say an error in one line: SQLAlchemy's own has several, and a link."""
    found = getattr(error, "orig", None) or error
    lines = redact(str(found)).strip().splitlines() or [type(found).__name__]
    return " ".join(line.strip() for line in lines)


def main() -> None:
    """Take tasks from stdin, a line each, and answer each with a line."""
    # what a driver prints must not look like an answer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        said = attempt(pickle.loads(base64.b64decode(line)))  # noqa: S301 - our own parent's words
        answers.write(json.dumps({"kind": said.kind, "text": said.text}) + "\n")
        answers.flush()


def environment(ca_file: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give this process's environment without passwords, and with this CA for the system's store."""
    found = {name: value for name, value in (environ or os.environ).items() if not _SECRET.search(name)}
    return {**found, "SSL_CERT_FILE": ca_file}


if __name__ == "__main__":
    main()
