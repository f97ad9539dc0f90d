"""What is attached to an engine while somebody measures it, and taken off again.

Statements are timed around the dialect's `do_execute` and not by events: `before_cursor_execute` has SQLAlchemy prepare for
all events of a statement, which costs more than the measuring; a `do_execute` event that runs the statement itself would
keep it from the listeners behind it. Connections likewise: dbkit's own `do_connect` is the last that is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from dbkit.backends import backend_of
from dbkit.config.metrics import CREATE_TIME, ERRORS, OPERATION, TIMEOUTS, WAIT_TIME, Outlet
from dbkit.config.pool import OnWait

Attributes = Mapping[str, str | int]

# Words of statements that are told apart; any other first word would make a series of its own.
_WORDS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
_METHODS: Final = ("do_execute", "do_executemany", "do_execute_no_params")
_KEPT: Final = "dbkit_meter"

clock = time.perf_counter


def describe(engine: sa.Engine, pool_name: str | None) -> dict[str, str | int]:
    """Say in OpenTelemetry's words what an engine's samples belong to."""
    backend, url = backend_of(engine.dialect), engine.url
    found: dict[str, str | int] = {"db.system.name": backend.traits.telemetry or backend.name}
    if url.database:
        found["db.namespace"] = url.database
    if url.host:
        found["server.address"] = url.host
    if url.port:
        found["server.port"] = url.port
    place = f"{url.host}:{url.port}/{url.database}" if url.host else str(url.database)
    return {**found, "db.client.connection.pool.name": pool_name or place}


class Meter:
    """What is attached to one engine. It is kept at the engine's dialect, so that both go together."""

    def __init__(self, engine: sa.Engine, attributes: Attributes) -> None:
        self.outlet = Outlet()
        self._engine = engine
        self._listeners: dict[str, Callable[..., None]] = {
            "handle_error": _failed(self.outlet, attributes),
            "checkout": _counted(engine, self.outlet, attributes, before=0),
            "checkin": _counted(engine, self.outlet, attributes, before=1),
        }

    def attach(self, attributes: Attributes) -> None:
        """Begin to measure."""
        for name, handler in self._listeners.items():
            sa.event.listen(self._engine, name, handler)
        _wrap(self._engine.dialect, self.outlet, attributes)
        _set_on_wait(self._engine, _waited(self._engine.dialect, self.outlet, attributes))

    def detach(self) -> None:
        """Take all of it off again."""
        for name, handler in self._listeners.items():
            sa.event.remove(self._engine, name, handler)
        for name in ("connect", *_METHODS, _KEPT):
            self._engine.dialect.__dict__.pop(name, None)
        _set_on_wait(self._engine, None)


def meter_of(engine: sa.Engine, attributes: Attributes) -> Meter:
    """Give the engine's meter; the first who asks has it attached."""
    found: Meter | None = engine.dialect.__dict__.get(_KEPT)
    if found is None:
        found = engine.dialect.__dict__[_KEPT] = Meter(engine, attributes)
        found.attach(attributes)
    return found


def _wrap(dialect: sa.Dialect, outlet: Outlet, attributes: Attributes) -> None:
    by_word: dict[str, Attributes] = {word: {**attributes, "db.operation.name": word} for word in _WORDS}
    by_word |= {word.lower(): found for word, found in by_word.items()}
    emit = outlet.emit

    def belongs(statement: str) -> Attributes:
        return by_word.get(statement.lstrip()[:6].upper(), attributes)

    def timed(run: Callable[..., None]) -> Callable[..., None]:
        def call(cursor: Any, statement: str, *rest: Any) -> None:  # noqa: ANN401 - the driver's
            began = clock()
            try:
                run(cursor, statement, *rest)
            except BaseException as error:
                spent = clock() - began
                emit(OPERATION, spent, {**belongs(statement), "error.type": type(error).__name__})
                raise
            spent = clock() - began
            emit(OPERATION, spent, by_word.get(statement[:6]) or belongs(statement))

        return call

    for method in _METHODS:
        setattr(dialect, method, timed(getattr(dialect, method)))
    dialect.__dict__["connect"] = _timed_connect(dialect.connect, outlet, attributes)


def _timed_connect(connect: Callable[..., Any], outlet: Outlet, attributes: Attributes) -> Callable[..., Any]:
    def timed(*cargs: Any, **cparams: Any) -> Any:  # noqa: ANN401 - the driver's
        began = clock()
        try:
            connection = connect(*cargs, **cparams)
        except BaseException as error:
            outlet.emit(CREATE_TIME, clock() - began, {**attributes, "error.type": type(error).__name__})
            raise
        outlet.emit(CREATE_TIME, clock() - began, attributes)
        return connection

    return timed


def _set_on_wait(engine: sa.Engine, on_wait: OnWait | None) -> None:
    if hasattr(engine.pool, "on_wait"):
        engine.pool.on_wait = on_wait


def _waited(dialect: sa.Dialect, outlet: Outlet, attributes: Attributes) -> OnWait:
    def waited(seconds: float, error: BaseException | None) -> None:
        if error is None:
            outlet.emit(WAIT_TIME, seconds, attributes)
            return
        outlet.emit(WAIT_TIME, seconds, {**attributes, "error.type": type(error).__name__})
        if isinstance(error, sa.exc.TimeoutError):
            outlet.emit(TIMEOUTS, 1, attributes)
        if not isinstance(
            error, dialect.loaded_dbapi.Error
        ):  # SQLAlchemy tells `handle_error` of the driver's errors alone
            _count(dialect, outlet, attributes, error=error)

    return waited


def _failed(outlet: Outlet, attributes: Attributes) -> Callable[[sa.ExceptionContext], None]:
    def failed(context: sa.ExceptionContext) -> None:
        _count(context.dialect, outlet, attributes, error=context.original_exception)

    return failed


def _count(dialect: sa.Dialect, outlet: Outlet, attributes: Attributes, *, error: BaseException) -> None:
    fault = backend_of(dialect).errors.fault(error).value
    outlet.emit(ERRORS, 1, {**attributes, "error.type": type(error).__name__, "dbkit.fault": fault})


def _counted(engine: sa.Engine, outlet: Outlet, attributes: Attributes, *, before: int) -> Callable[..., None]:
    """Count the connections in use; at `checkin` the pool still counts the one that comes back."""

    def counted(*event: object) -> None:
        del event
        if outlet.counting and isinstance(engine.pool, QueuePool):
            outlet.emit_in_use(engine.pool.checkedout() - before, attributes)

    return counted
