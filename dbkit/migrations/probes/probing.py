"""Probes of a service's database, in a thread or in an asyncio task, that give their answer in time whatever hangs.

A probe works on its own, and whoever asked waits for it no longer than the deadline. At most one probe per service is
going on: who asks while another's is, waits for that one's answer. So a prober that comes every second to a server that
hangs leaves one thread and one connection behind, and not one more each second.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from dbkit.deadlines import Watch
from dbkit.deadlines.tasks import GRACE_S, cancelled_late
from dbkit.migrations.probes.probe import Probe
from dbkit.migrations.probes.readiness import Health, worded

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from dbkit.project import Project

__all__ = ["DEADLINE_S", "async_health", "health"]

DEADLINE_S = 1.0


@dataclass(kw_only=True, eq=False)
class ThreadProbe(Probe):
    """A probe on a thread of its own."""

    answer: Health | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look, and leave the answer behind."""
        try:
            with self.watch:
                self._look()
        except BaseException as error:  # noqa: BLE001 - whatever it is, who asked must hear of it and not wait
            self.answer = self.failed(error)
        else:
            self.answer = self.seen()
        finally:
            _threads.landed(self)
            self.done.set()

    def _look(self) -> None:
        self.read_files()
        if self.in_memory:
            self.see_memory()
            return
        engine = self.project.engine(self.service)
        self.look_at(engine)
        with self._connected(engine) as connection:
            self.read(connection)

    def _connected(self, engine: sa.Engine) -> sa.Connection:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return engine.connect()
        except SQLAlchemyError as error:
            raise self.connect_error(error) from None


@dataclass(kw_only=True, eq=False)
class TaskProbe(Probe):
    """A probe in an asyncio task of its own."""

    task: asyncio.Task[Health] | None = None

    async def run(self) -> Health:
        """Look, and give the answer."""
        try:
            with self.watch:
                async with cancelled_late(self.watch):
                    await self._look()
        except BaseException as error:  # noqa: BLE001 - whatever it is, who asked must hear of it and not wait
            return self.failed(error)
        return self.seen()

    async def _look(self) -> None:
        # where a file has changed it is parsed, which may take longer than a loop should be held
        await asyncio.to_thread(self.read_files)
        if self.in_memory:
            self.see_memory()
            return
        engine = self.project.async_engine(self.service)
        self.look_at(engine.sync_engine)
        connection = await self._connected(engine)
        try:
            await connection.run_sync(self.read)
        finally:
            await connection.close()

    async def _connected(self, engine: AsyncEngine) -> AsyncConnection:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return await engine.connect()
        except SQLAlchemyError as error:
            raise self.connect_error(error) from None


class _Task(asyncio.Task[Health]):
    """The task of a probe; a loop that ends cancels it, and then its sockets are shut first, for the reason of GRACE_S."""

    def __init__(self, probe: TaskProbe) -> None:
        super().__init__(probe.run(), loop=asyncio.get_running_loop(), name=f"dbkit-health-{probe.service}")
        self._watch = probe.watch

    def cancel(self, msg: object = None) -> bool:
        """Say that time is up, and cancel what has not ended by that."""
        if self.done():
            return False
        self._watch.expire()
        self.get_loop().call_later(GRACE_S, super().cancel, msg)
        return True


P = TypeVar("P", bound=Probe)


class _Going(Generic[P]):
    """The probes that are going on, one per service."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._probes: list[P] = []

    def join(self, new: P) -> P:
        """Give the probe of the same service that is going on, or this one, which now is."""
        with self._lock:
            for probe in self._probes:
                if probe.service == new.service and probe.project == new.project:
                    return probe
            self._probes.append(new)
            return new

    def landed(self, probe: P) -> None:
        """Forget a probe that is over."""
        with self._lock:
            if probe in self._probes:
                self._probes.remove(probe)


_threads: _Going[ThreadProbe] = _Going()
# a loop that is gone takes its probes with it
_tasks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Going[TaskProbe]] = weakref.WeakKeyDictionary()


def _renew() -> None:
    """Have a forked child begin with none: the parent's threads are not there, and would be waited for."""
    global _threads  # noqa: PLW0603 - the only way to replace it
    _threads = _Going()
    _tasks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def health(project: Project, service: str, *, deadline_s: float = DEADLINE_S) -> Health:
    """Probe a service's database: never raises, and never takes longer than the deadline, whatever hangs.

    One statement is sent, the read of the version table, over a connection of the service's own pool.

    Args:
        project: whose service.
        service: its name; what is wrong with it stands in the result.
        deadline_s: seconds for everything: configuration, wait for the pool, connecting and answer.
    """
    began, late = time.monotonic(), None
    try:
        while (left := min(deadline_s - (time.monotonic() - began), threading.TIMEOUT_MAX)) > 0:
            mine = _new(ThreadProbe, project, service, deadline_s=left)
            probe = _threads.join(mine)
            if probe is mine:
                _start(mine)
            if not probe.done.wait(left):
                return probe.late(deadline_s, time.monotonic() - began)
            if probe.answer is not None and not probe.watch.passed:
                return probe.answer
            late = probe  # another's that ran out of its own time says nothing yet about ours
    except Exception as error:  # noqa: BLE001 - a probe that raises takes the page down that should tell why
        return _failed(service, error, began)
    waited_s = time.monotonic() - began
    return late.late(deadline_s, waited_s) if late else _no_time(service, waited_s)


async def async_health(project: Project, service: str, *, deadline_s: float = DEADLINE_S) -> Health:
    """Probe a service's database over its asynchronous engine; otherwise as `health`."""
    began, late = time.monotonic(), None
    try:
        going = _tasks.setdefault(asyncio.get_running_loop(), _Going())
        while (left := min(deadline_s - (time.monotonic() - began), threading.TIMEOUT_MAX)) > 0:
            mine = _new(TaskProbe, project, service, deadline_s=left)
            probe = going.join(mine)
            if probe.task is None:
                probe.task = _Task(probe)
                probe.task.add_done_callback(partial(_landed, going, probe))
            await asyncio.wait({probe.task}, timeout=left)
            if not probe.task.done():
                return probe.late(deadline_s, time.monotonic() - began)
            if not probe.watch.passed:
                return probe.task.result()
            late = probe
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(service, error, began)
    waited_s = time.monotonic() - began
    return late.late(deadline_s, waited_s) if late else _no_time(service, waited_s)


def _new(kind: type[P], project: Project, service: str, *, deadline_s: float) -> P:
    found = Health(service=service)
    return kind(project=project, service=service, deadline_s=deadline_s, watch=Watch(deadline_s), found=found)


def _start(probe: ThreadProbe) -> None:
    try:
        threading.Thread(target=probe.run, name=f"dbkit-health-{probe.service}", daemon=True).start()
    except BaseException:
        _threads.landed(probe)
        raise


def _landed(going: _Going[TaskProbe], probe: TaskProbe, task: asyncio.Task[Health]) -> None:
    del task
    going.landed(probe)


def _failed(service: str, error: Exception, began: float) -> Health:
    return Health(service=service, error=worded(error), latency_s=time.monotonic() - began)


def _no_time(service: str, waited_s: float) -> Health:
    return Health(service=service, error="no time was given to find out", latency_s=waited_s)
