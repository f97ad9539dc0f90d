"""The side that does the work: a server process that has imported Alembic once, and forks a child per service.

Alembic's `op` and `context` are globals of the process, and two services may have packages of the same name: so each service
gets a process of its own. multiprocessing is not used, because it imports the caller's script again (which need not have a
`__main__` guard) and refuses to work in a daemonic process.

The server gets one socket, its file descriptor on the command line. Per task a message with the task's own socket arrives; the
child answers there, with events and then its result, and reads the word to stop from it. End of file means that the other side has died.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from dbkit.errors import InterruptedRunError

if TYPE_CHECKING:
    from dbkit.migrations.results import Event
    from dbkit.project import Project

HEADER = 8


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker is to do: `module:function` of `dbkit.migrations`, on one service."""

    operation: str
    project: Project
    service: str
    arguments: dict[str, Any] = field(default_factory=dict)
    log_level: int = logging.WARNING
    """From which level on the parent wants to hear what dbkit logs."""


@dataclass(frozen=True, kw_only=True)
class Logged:
    """What dbkit logged in the worker, to be logged by the parent, where the caller's handlers are."""

    name: str
    level: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The last message of a worker: a result, or the traceback of a bug."""

    result: Any = None
    bug: str | None = None


@dataclass(kw_only=True)
class Link:
    """The child's end: sends events, and knows when it was asked to stop."""

    connection: Connection
    stop: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)
    asked: type[InterruptedRunError] = InterruptedRunError
    """What the parent was told: to be interrupted, or to terminate."""

    def tell(self, event: Event) -> None:
        """Send an event; a parent that has died does not hear it, and the work at hand goes on."""
        self._send(event)

    def log(self, logged: Logged) -> None:
        """Send what was logged, likewise."""
        self._send(logged)

    def answer(self, answer: Answer) -> None:
        """Send the last message."""
        self._send(answer)

    def listen(self) -> None:
        """Wait for the word to stop, or for the parent's death; runs in a thread of its own."""
        try:
            self.asked = self.connection.recv()
        except (EOFError, OSError):
            self.lost.set()
        self.stop.set()

    def stopped(self, where: str) -> InterruptedRunError:
        """Word that the run was asked to stop, and did."""
        return self.asked(f"stopped {where}", hint="run the command again to go on")

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except OSError:
            self.lost.set()


class _Forward(logging.Handler):
    """Sends log records to the parent."""

    def __init__(self, link: Link) -> None:
        """Keep the link."""
        super().__init__()
        self.link = link

    def emit(self, record: logging.LogRecord) -> None:
        """Send it as text: its arguments may be of classes that the parent has not."""
        from dbkit.config.redact import redact

        self.link.log(Logged(name=record.name, level=record.levelno, text=redact(self.format(record))))


def serve(control: socket.socket) -> None:
    """Fork a child for each task that arrives; end when the other side has gone and all children are done."""
    import sqlalchemy.orm  # noqa: F401 - imported before the first fork, once for all

    import dbkit.migrations.steps  # noqa: F401

    gc.freeze()  # what is there now stays: children need not look at it, nor copy its pages
    gc.enable()
    while True:
        try:
            header, descriptors, _flags, _address = socket.recv_fds(control, HEADER, 1)
        except OSError:
            break
        if not header:
            break
        message = _exactly(control, int.from_bytes(header, "big"))
        if os.fork() == 0:
            control.close()
            _child(message, descriptors[0])
        os.close(descriptors[0])
        _reap(block=False)
    _reap(block=True)


def _exactly(control: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = control.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _reap(*, block: bool) -> None:
    try:
        while os.waitpid(-1, 0 if block else os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _child(message: bytes, descriptor: int) -> None:
    """Do one task and end the process, whatever happens."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        link = Link(connection=Connection(descriptor))
        link.answer(_work(message, link))
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _work(message: bytes, link: Link) -> Answer:
    try:
        path, task = _unpack(message)
        sys.path[:] = path
        logger = logging.getLogger("dbkit")
        logger.addHandler(_Forward(link))
        logger.setLevel(task.log_level)
        threading.Thread(target=link.listen, daemon=True).start()
        module, _, function = task.operation.partition(":")
        operation: Callable[..., Any] = getattr(import_module(f"dbkit.migrations.{module}"), function)
        return Answer(result=operation(task.project, task.service, link, **task.arguments))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        import traceback

        from dbkit.config.redact import redact

        return Answer(bug=redact("".join(traceback.format_exception(error))))


def pack(path: list[str], task: Task) -> bytes:
    """Make the message of a task. The path comes first: unpickling the task may need it."""
    return pickle.dumps((path, pickle.dumps(task)))


def _unpack(message: bytes) -> tuple[list[str], Task]:
    path, task = pickle.loads(message)  # noqa: S301 - from our own parent, over a private socket
    sys.path[:] = path
    found: Task = pickle.loads(task)  # noqa: S301
    return path, found


def main() -> None:
    """Run the server."""
    # A terminal's Ctrl-C goes to the whole group; the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What revisions print must not get into the caller's answer.
    os.dup2(2, 1)
    gc.disable()  # until everything is imported: there is no garbage in that
    with socket.socket(fileno=int(sys.argv[1])) as control:
        serve(control)
    os._exit(0)  # there is nothing to tidy up, and the parent waits


if __name__ == "__main__":
    main()
