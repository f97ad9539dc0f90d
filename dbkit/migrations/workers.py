"""The side that asks for the work: starts the server of `dbkit.migrations.worker`, hands out tasks, hears events."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from dbkit.errors import DbkitError, ExitCode, InterruptedRunError, TerminatedRunError
from dbkit.migrations.results import Event
from dbkit.migrations.worker import HEADER, Answer, Logged, Task, pack

__all__ = ["BugError", "Gate", "WorkerDiedError", "always_open", "default_jobs", "run_tasks"]

BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from dbkit.migrations.worker import main; main()"
MOST_JOBS = 4

Gate = Callable[[Task, Mapping[str, "Answer | DbkitError"]], "bool | DbkitError"]
"""Tells by the answers so far whether a task may be done, not yet, or never: then its answer is the error."""


def always_open(_task: Task, _answers: Mapping[str, Answer | DbkitError]) -> bool:
    """Let every task be done at once."""
    return True


class WorkerDiedError(DbkitError):
    """A worker process ended without an answer: killed, out of memory, or crashed in a driver."""


class BugError(DbkitError):
    """Something in dbkit itself went wrong in a worker; its traceback is logged at debug level."""

    exit_code = ExitCode.BUG


def default_jobs() -> int:
    """Choose how many services are migrated at once: one per processor, four at most."""
    return min(MOST_JOBS, os.cpu_count() or 1)


@dataclass(kw_only=True)
class _Run:
    """The state of one run: what waits, what is at work, what has been answered."""

    control: socket.socket
    server: int
    key: Callable[[Task], Hashable]
    jobs: int
    on_event: Callable[[Event], None]
    gate: Gate
    waiting: list[Task]
    working: dict[Connection, Task] = field(default_factory=dict)
    answers: dict[str, Answer | DbkitError] = field(default_factory=dict)
    stopped: InterruptedRunError | None = None

    def start(self) -> None:
        """Hand out tasks that may be done: as many as there are jobs, and of each key one at a time."""
        for task in list(self.waiting):
            verdict = self.gate(task, self.answers)
            if isinstance(verdict, DbkitError):
                self.waiting.remove(task)
                self.answers[task.service] = verdict
            if verdict is not True:
                continue
            busy = {self.key(other) for other in self.working.values()}
            if len(self.working) < self.jobs and self.key(task) not in busy:
                self.waiting.remove(task)
                try:
                    self.working[_send(self.control, task)] = task
                except OSError:
                    self.answers[task.service] = _died(task)

    def hear(self) -> None:
        """Wait for the next messages and take them in."""
        for ready in wait(list(self.working), None if self.working else 0):
            assert isinstance(ready, Connection)  # noqa: S101 - only connections were waited for
            task = self.working[ready]
            try:
                message = ready.recv()
            except (EOFError, OSError):
                message = self.stopped or _died(task)
            if isinstance(message, Event):
                self.on_event(message)
                continue
            if isinstance(message, Logged):
                logging.getLogger(message.name).log(message.level, "%s", message.text)
                continue
            self.answers[task.service] = message
            del self.working[ready]
            ready.close()

    def answer(self, task: Task) -> Answer | DbkitError:
        """Give what a task has come to; a failure after the word to stop is that stop."""
        found = self.answers.get(task.service)
        failed = found is None or (isinstance(found, Answer) and isinstance(found.result, DbkitError))
        if failed and self.stopped is not None:
            return self.stopped
        return found or _died(task)

    def stop(self, error: InterruptedRunError) -> None:
        """First time: have the workers stop at the next safe point. Second time: end them now."""
        if self.stopped is not None:
            os.killpg(self.server, signal.SIGKILL)
            return
        self.stopped = error
        for task in self.waiting:
            self.answers[task.service] = error
        self.waiting.clear()
        for connection in self.working:
            with contextlib.suppress(OSError):
                connection.send(type(error))
        for task in self.working.values():
            self.on_event(Event(event="stopping", service=task.service, detail=error.message))


def run_tasks(
    tasks: Sequence[Task],
    *,
    key: Callable[[Task], Hashable],
    jobs: int,
    on_event: Callable[[Event], None],
    gate: Gate = always_open,
) -> dict[str, Answer | DbkitError]:
    """Have tasks done by worker processes; tasks of one key one after another.

    Args:
        tasks: at most one per service.
        key: what two tasks must not work on at the same time.
        jobs: how many may be at work at once.
        on_event: called here, in the caller's thread, with each event.
        gate: asked before each task, and again after each answer, whether it may be done.

    Returns:
        Per service what its worker answered, or the error that kept it from answering. An interrupt stops the workers at the
        next safe point and stands in the answers; a second one ends them at once.
    """
    with _server() as (control, server):
        run = _Run(
            control=control,
            server=server,
            key=key,
            jobs=max(1, jobs),
            on_event=on_event,
            gate=gate,
            waiting=list(tasks),
        )
        try:
            while run.waiting or run.working:
                try:
                    run.start()
                    run.hear()
                except KeyboardInterrupt:
                    run.stop(InterruptedRunError("interrupted", hint="run the command again to go on"))
                except TerminatedRunError as error:
                    run.stop(error)
        finally:
            for connection in run.working:  # nobody reads any more, and no worker must wait for that
                connection.close()
        return {task.service: run.answer(task) for task in tasks}


@contextlib.contextmanager
def _server() -> Iterator[tuple[socket.socket, int]]:
    """Start the server, in a session of its own, so that a terminal's Ctrl-C reaches only us."""
    if not hasattr(os, "fork"):
        raise DbkitError(
            "migrations run in forked processes, which this system does not have", hint="use Linux or macOS"
        )
    ours, theirs = map(_lifted, socket.socketpair())
    with ours:
        with theirs:
            arguments = [sys.executable, "-P", "-c", BOOT, str(theirs.fileno()), json.dumps(sys.path)]
            server = subprocess.Popen(  # noqa: S603 - ourselves
                arguments,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=_stderr(),
                stderr=_stderr(),
                start_new_session=True,
            )
        try:
            yield ours, server.pid
        finally:
            with contextlib.suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)  # closing is not enough where a process forked meanwhile has a copy
            ours.close()
            server.wait()


def _stderr() -> int:
    """Choose where workers write: our stderr, which a caller without a terminal may have closed."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2


def _lifted(found: socket.socket) -> socket.socket:
    """Move a socket off the numbers 0 to 2, which it gets where a caller has closed them; the child needs those itself."""
    import fcntl

    with found:
        return socket.socket(fileno=fcntl.fcntl(found.fileno(), fcntl.F_DUPFD_CLOEXEC, 3))


def _died(task: Task) -> WorkerDiedError:
    return WorkerDiedError(
        f"the worker process of service {task.service!r} ended without an answer{_suspect(task)}",
        hint="dbkit status shows what is applied; run the command again",
    )


def _suspect(task: Task) -> str:
    """Name code of the project's own that may have ended the process."""
    try:
        registration = task.project.registration(task.service)
    except DbkitError:
        return ""
    suspects = [
        *(("its env.py, which is run as it is,",) if registration.runs_env else ()),
        *(("one of its hooks",) if registration.hooks else ()),
    ]
    return f"; {' or '.join(suspects)} may have called os._exit" if suspects else ""


def _send(control: socket.socket, task: Task) -> Connection:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = pack(sys.path, task)
        socket.send_fds(control, [len(message).to_bytes(HEADER, "big")], [theirs.fileno()])
        control.sendall(message)
        return Connection(ours.detach())
