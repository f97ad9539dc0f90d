"""What happens while it happens: a bar per service on a terminal, lines of JSON for programs, else silence."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbkit.cli import _diagnostics, _output
from dbkit.cli._options import StreamFormat

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from dbkit.migrations.results import Event

# Events that mean that work has begun; a bar for services that are at head would only flicker.
WORK = frozenset({"creating", "waiting", "hook", "revision", "statement", "applied", "seeding"})
STOPPING = "stopping where nothing is left half-done; Ctrl-C again ends it at once"


@dataclass(kw_only=True)
class Listener:
    """Hears the events of a run: remembers where services were, and passes each event on."""

    show: Callable[[Event], None]
    before: dict[str, str | None] = field(default_factory=dict)
    """The revision that each service was at when the run began."""

    def __call__(self, event: Event) -> None:
        """Take one event in."""
        if event.event == "start":
            self.before[event.service] = event.result.revision if event.result else None
        self.show(event)


@contextmanager
def listening(kind: StreamFormat) -> Iterator[Listener]:
    """Show events in the way that fits the format and the terminal, until the run has ended."""
    if kind is StreamFormat.JSONL:
        yield Listener(show=lambda event: _output.record(event.to_json()))
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        bars = _Bars()
        try:
            yield Listener(show=bars.show)
        finally:
            bars.close()
    else:
        yield Listener(show=lambda _event: None)


@contextmanager
def counting(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many of many are done; give what is told after each."""
    if not (sys.stderr.isatty() and os.environ.get("TERM") != "dumb"):
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Bars:
    """One bar per service on stderr, drawn from the first piece of work on."""

    def __init__(self) -> None:
        self.totals: dict[str, int | None] = {}
        self.tasks: dict[str, TaskID] = {}
        self.revisions: dict[str, str | None] = {}
        self.stopping = False
        self.progress: Progress | None = None

    def show(self, event: Event) -> None:
        if event.event == "start":
            self.totals[event.service] = event.total
        if event.event == "revision":
            self.revisions[event.service] = event.revision
        if event.event == "stopping" and not self.stopping:
            self.stopping = True
            _diagnostics.say(STOPPING)
        if event.event in WORK:
            self._update(event, self._started())

    def _update(self, event: Event, progress: Progress) -> None:
        if event.service not in self.tasks:
            self.tasks[event.service] = progress.add_task(event.service, total=self.totals.get(event.service), step="")
        values: dict[str, Any] = {"step": self._step(event)}
        if event.total is not None:
            values["total"] = event.total
        if event.done is not None:
            values["completed"] = event.done
        progress.update(self.tasks[event.service], **values)

    def _step(self, event: Event) -> str:
        """Word what a service is at."""
        if event.event == "waiting":
            return "waits for another run"
        if event.event == "creating":
            return "creates the database"
        if event.event == "hook":
            return f"runs {event.detail}"
        number = "" if event.statement is None else f", statement {event.statement}"
        return f"{event.revision or self.revisions.get(event.service) or ''}{number}"

    def _started(self) -> Progress:
        if self.progress is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[step]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self.progress.start()
        return self.progress

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()
