"""Runs the command as a user does: a process of its own, with an environment that is known, in a pipe or on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dbkit.cli.main import run
from tests.crash.runs import hear_interrupts

DBKIT = str(Path(sys.executable).parent / "dbkit")
TIMEOUT_S = 120


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        return dict(json.loads(self.out))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of JSON on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A folder and an environment to run commands in."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        return kept | dict(self.environ) | dict(more)

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [DBKIT, *arguments],
            cwd=self.folder,
            env=self.variables(more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_interrupts,
        )

    def run(self, *arguments: str, **more: str) -> Done:
        """Run a command to its end, with nobody at the keyboard."""
        return end(self.start(*arguments, **more))

    def on_terminal(
        self, *arguments: str, typed: str = "", meanwhile: Callable[[int], None] | None = None, **more: str
    ) -> Done:
        """Run a command on a terminal; what it writes to either stream comes back together.

        Args:
            typed: what is typed right away.
            meanwhile: called with the process's id, once it runs.
        """
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [DBKIT, *arguments],
            cwd=self.folder,
            env=self.variables({"TERM": "xterm", "COLUMNS": "200"} | more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
            preexec_fn=hear_interrupts,
        )
        os.close(theirs)
        os.write(ours, typed.encode())
        if meanwhile is not None:
            meanwhile(process.pid)
        text = b"".join(iter(lambda: _read(ours), b"")).decode()
        os.close(ours)
        return Done(code=process.wait(TIMEOUT_S), out=text.replace("\r\n", "\n"), err="")


@dataclass(frozen=True, kw_only=True)
class Inside:
    """Runs commands in this process, which takes a tenth of the time; what needs a process of its own takes `shell`."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **more: str) -> Done:
        with self.patch.context() as patch:
            patch.chdir(self.folder)
            for name, text in {**self.environ, **more}.items():
                patch.setenv(name, text)
            self.capture.readouterr()
            code = run(list(arguments))
            out, err = self.capture.readouterr()
            return Done(code=code, out=out, err=err)


def end(process: subprocess.Popen[str]) -> Done:
    """Wait for a process and take what it wrote."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    return Done(code=process.returncode, out=out, err=err)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports the closed other side as an I/O error
        return b""
