"""What is lent while a project's env.py runs: whoever makes an engine is given one on the locked connection, and nobody else connects.

The names are replaced where they are imported from, so it must begin before any module of the project is imported.
"""

from __future__ import annotations

import logging.config
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy import event

from dbkit.config.connect import known_engines
from dbkit.migrations.own.guests import Lender, LentEngine
from dbkit.migrations.own.nesting import kept_proxies

__all__ = ["apart", "lending"]

_lenders: list[Lender] = []
"""Those that lend in this process."""

MODULES = (
    *("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.create", "sqlalchemy.future", "sqlalchemy.future.engine"),
    *("sqlalchemy.ext.asyncio", "sqlalchemy.ext.asyncio.engine"),
)


@contextmanager
def lending(lender: Lender) -> Iterator[None]:
    """Lend a connection to everybody in this process, but to dbkit."""
    with ExitStack() as stack:
        for module, name, function in _replaced(lender):
            original = getattr(module, name)
            stack.callback(setattr, module, name, original)
            setattr(module, name, _unless_away(lender, function, original))
        stack.enter_context(_guarded(lender))
        _lenders.append(lender)
        stack.callback(_lenders.remove, lender)
        # whoever has imported what is lent has what is real from then on
        stack.callback(lender.stay_away)
        yield


@contextmanager
def apart() -> Iterator[None]:
    """Lend nothing for a while: what is run here is no env.py's, connects where it likes, and may run Alembic itself."""
    lenders = list(_lenders)
    with kept_proxies(), ExitStack() as stack:
        for lender in lenders:
            stack.callback(setattr, lender, "away", lender.away)
            lender.away = True
        yield


def _unless_away(lender: Lender, lent: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)  # by whose __wrapped__ dbkit's own engines go on being real
    def chosen(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function in whose place it stands
        return (original if lender.away else lent)(*given, **named)

    return chosen


def _replaced(lender: Lender) -> Iterator[tuple[object, str, Callable[..., Any]]]:
    """List what stands where in place of what."""
    yield logging.config, "fileConfig", lambda *_given, **_named: None  # it silences all loggers, dbkit's among them
    yield logging.config, "dictConfig", _beside(logging.config.dictConfig)
    functions = _functions(lender)
    for path in MODULES:
        try:
            module = import_module(path)
        except ImportError:
            continue  # no such module in this version, or nothing that it needs is installed
        for name, function in functions.items():
            if hasattr(module, name):
                yield module, name, function


def _beside(configure: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Have loggers configured without silencing others: an application that is imported may look whether its own have become what it asked for."""
    return lambda config: configure({**config, "disable_existing_loggers": False})


def _functions(lender: Lender) -> dict[str, Callable[..., Any]]:
    def create_engine(url: object = None, **options: Any) -> LentEngine:  # noqa: ANN401 - SQLAlchemy's
        return LentEngine(lender, _place(url), options=options.get("execution_options"))

    def create_async_engine(url: object = None, **options: Any) -> Any:  # noqa: ANN401 - its class may not be importable
        from dbkit.migrations.own.guests_async import LentAsyncEngine

        return LentAsyncEngine(create_engine(url, **options))

    def engine_from_config(configuration: Mapping[str, Any], prefix: str = "sqlalchemy.", **options: Any) -> LentEngine:  # noqa: ANN401
        return create_engine(configuration.get(f"{prefix}url"), **options)

    def async_engine_from_config(configuration: Mapping[str, Any], prefix: str = "sqlalchemy.", **options: Any) -> Any:  # noqa: ANN401
        return create_async_engine(configuration.get(f"{prefix}url"), **options)

    def create_pool_from_url(url: object = None, **_options: Any) -> NoReturn:  # noqa: ANN401 - SQLAlchemy's
        lender.refuse(f"makes a pool of its own{_to(_place(url))}", "make an engine, which dbkit lends its connection")

    return {
        "create_engine": create_engine,
        "engine_from_config": engine_from_config,
        "create_async_engine": create_async_engine,
        "async_engine_from_config": async_engine_from_config,
        "create_pool_from_url": create_pool_from_url,
        "create_async_pool_from_url": create_pool_from_url,
    }


def _place(url: object) -> Hashable:
    """Tell databases apart: host, port and name, whatever the driver and whoever the user; None where it is no URL."""
    try:
        found = sa.make_url(url)  # type: ignore[arg-type] # refused below
    except (sa.exc.ArgumentError, AttributeError, TypeError, ValueError):
        return None
    return found.get_backend_name(), found.host, found.port, found.database


def _to(place: Any) -> str:  # noqa: ANN401 - what _place gives
    if place is None:
        return ""
    backend, host, port, database = place
    where = f" at {host}{f':{port}' if port else ''}" if host else ""
    return f" to {backend}{where}, database {database!r}"


@contextmanager
def _guarded(lender: Lender) -> Iterator[None]:
    """Refuse every connection that an engine opens which is not dbkit's."""
    ours = [engine.dialect for engine in known_engines()]

    def refuse(dialect: sa.Dialect, _record: object, arguments: list[Any], named: dict[str, Any]) -> None:
        if not lender.away and not any(dialect is one for one in ours):
            place = _place_of(dialect, arguments, named)
            lender.refuse(
                f"opens a connection of its own{_to(place)}",
                "make the engine by sqlalchemy.create_engine in env.py, or in what it imports",
            )

    event.listen(sa.Engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(sa.Engine, "do_connect", refuse)


def _place_of(dialect: sa.Dialect, arguments: list[Any], named: dict[str, Any]) -> Hashable:
    """Read from a driver's arguments where it would connect; nothing else of them is told."""
    names = ("dbname", "database", "db")
    database = next((named[name] for name in names if named.get(name)), None)
    if database is None and not named.get("host") and arguments:
        database = str(arguments[0]).rpartition("/")[2]  # a file
    return dialect.name, named.get("host"), named.get("port"), database


def line_of(file: str) -> int | None:
    """Find the line of a file that is being run, by whoever asks."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to a caller's line
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_lineno
        frame = frame.f_back
    return None
