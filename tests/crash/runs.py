"""Runs of `dbkit.migrate` and `dbkit.seed` in processes of their own, which tests start, watch and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from dbkit.config.connect import connect
from tests.projects import Home

MIGRATE = "import sys, dbkit; sys.exit(dbkit.migrate(lock_wait_s=float(sys.argv[1])).exit_code)"
SEED = "import sys, dbkit; found = dbkit.seed(); print(found['user'].seeded, found['user'].error); sys.exit(found.exit_code)"


def hear_interrupts() -> None:
    """Give a child the usual SIGINT; a shell that starts tests in the background has it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """A project of one service, and runs on it."""

    home: Home
    backend: str

    def start(self, *, lock_wait_s: float = 60) -> subprocess.Popen[str]:
        """Start a migration."""
        return self._start(MIGRATE, str(lock_wait_s))

    def start_seed(self) -> subprocess.Popen[str]:
        """Start the writing of sample rows; it says at its end how many it has written."""
        return self._start(SEED)

    def _start(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        # Into a file: the workers have it open too, and a pipe would make whoever reads it wait for them.
        with self.output.open("a") as output:
            return subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                cwd=self.home.root,
                text=True,
                stdout=output,
                stderr=output,
                preexec_fn=hear_interrupts,
            )

    def end(self, run: subprocess.Popen[str]) -> str:
        """Wait for the end of a run, and give what all runs have said so far."""
        run.wait(timeout=120)
        return self.output.read_text()

    @property
    def output(self) -> Path:
        """What the runs say."""
        return self.home.root / "output"

    def kill_workers(self, run: subprocess.Popen[str]) -> None:
        """Kill the workers of a run that we started: they are the process group of its only child."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent(entry) == run.pid:
                os.killpg(int(entry.name), signal.SIGKILL)

    def tables(self) -> set[str]:
        """List the tables of the service's database."""
        with connect(self.home.project().config("user")) as connection:
            return set(sa.inspect(connection).get_table_names())

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """Read rows of the service's database."""
        with connect(self.home.project().config("user")) as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
