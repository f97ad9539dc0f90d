"""The asynchronous twins of lent engines: they await what a synchronous driver has done already."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from dbkit.migrations.own.guests import Guest, LentEngine

__all__ = ["LentAsyncEngine"]


class _AsyncGuest(Guest):
    """A guest inside of an asynchronous connection, which insists that something is awaited at each statement."""

    __slots__ = ()

    def execute(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's
        _pause()
        return _awaitable(super().execute(*given, **named))

    def exec_driver_sql(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's
        _pause()
        return _awaitable(super().exec_driver_sql(*given, **named))


class _Cursor:
    """A synchronous driver's cursor, whose end can be awaited."""

    def __init__(self, cursor: Any) -> None:  # noqa: ANN401 - the driver's
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the driver's
        return getattr(self._cursor, name)

    async def _async_soft_close(self) -> None:
        """Do nothing: it holds nothing that others wait for."""


def _awaitable(result: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's
    if getattr(result, "cursor", None) is not None:
        result.cursor = _Cursor(result.cursor)
    return result


def _pause() -> None:
    if in_greenlet():
        await_only(asyncio.sleep(0))


class _Inside(LentEngine):
    """The engine inside of an asynchronous one."""

    guest = _AsyncGuest


class LentAsyncEngine(AsyncEngine):
    """An asynchronous engine that opens no connection."""

    def __init__(self, engine: LentEngine) -> None:
        """Stand around a lent engine; the driver need not be asynchronous."""
        inside = engine if isinstance(engine, _Inside) else _inside(engine)
        self.sync_engine = self._assign_proxied(inside)

    @classmethod
    def _regenerate_proxy_for_target(cls, target: Any, **_more: Any) -> LentAsyncEngine:  # noqa: ANN401 - SQLAlchemy's
        return cls(target)

    def execution_options(self, **options: Any) -> LentAsyncEngine:  # noqa: ANN401 - SQLAlchemy's
        """Give an engine whose guests have these options."""
        found: Any = self.sync_engine.execution_options(**options)
        return type(self)(found)


def _inside(engine: LentEngine) -> _Inside:
    return _Inside(engine.lender, engine.place, options=engine.get_execution_options())
