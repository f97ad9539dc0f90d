"""Putting the parts together for one service: the real engines of both sides, the inquiry, the proof, and the state file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends import get_backend
from dbkit.backends.marks import network_fault
from dbkit.backends.protocol import Fault
from dbkit.errors import DbkitError, DeadlineError
from dbkit.failover import probe, state
from dbkit.failover.attach import attached, prove_usable, typed_errors
from dbkit.failover.engines import RoutedEngine, Sides
from dbkit.failover.patience import LOOPS, THREADS
from dbkit.failover.plan import Route
from dbkit.failover.router import Parts, Router

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine

    from dbkit.config import DatabaseConfig
    from dbkit.failover.switching import Switch
    from dbkit.service import Registration

# What makes a checkout worth an inquiry, which tells for certain.
_SUSPICIOUS: Final = frozenset({Fault.UNREACHABLE, Fault.CONNECTION_LOST})

__all__ = ["make_router", "routed_async_engine", "routed_engine"]


def make_router(config: DatabaseConfig, key: tuple[str, str]) -> Router:
    """Make what decides for a service; its engines in this process share it.

    Args:
        config: the primary's, with a fallback.
        key: the project's root, and the service.
    """
    stand_in = config.for_fallback()
    path = state.state_path(str(stand_in.database))

    def write(event: Switch) -> None:
        state.write(path, state.own_entry(event.route.value, event.reason, since=event.at))

    places = {Route.PRIMARY: str(stand_in.stands_in_for), Route.FALLBACK: str(stand_in.database)}
    return Router(key, places=places, budget_s=config.fallback_budget_s, write=write)


def routed_engine(config: DatabaseConfig, registration: Registration, router: Router) -> RoutedEngine:
    """Make a service's engine; the primary's is made with it, so that what is wrong with the configuration is told at once.

    Raises:
        ConfigurationError: as in `DatabaseConfig.create_engine`.
    """
    sides = Sides({Route.PRIMARY: config.create_engine, Route.FALLBACK: partial(_fallback, config, asynchronous=False)})
    return _routed(router, sides, _parts(config, registration, sides, asynchronous=False))


def routed_async_engine(config: DatabaseConfig, registration: Registration, router: Router) -> AsyncEngine:
    """Make a service's asynchronous engine, likewise.

    Raises:
        ConfigurationError: as in `DatabaseConfig.create_async_engine`.
    """
    from sqlalchemy.ext.asyncio import AsyncEngine

    sides = Sides(
        {
            Route.PRIMARY: lambda: config.create_async_engine().sync_engine,
            Route.FALLBACK: partial(_fallback, config, asynchronous=True),
        }
    )
    return AsyncEngine(_routed(router, sides, _parts(config, registration, sides, asynchronous=True)))


def _routed(router: Router, sides: Sides, parts: Parts) -> RoutedEngine:
    engine = RoutedEngine(router, sides, parts)
    engine.side(Route.PRIMARY)
    return engine


def _fallback(config: DatabaseConfig, *, asynchronous: bool) -> sa.Engine:
    """Make the engine of the file, which neither makes nor migrates it."""
    stand_in = attached(config.for_fallback())
    engine: Any = stand_in.create_async_engine() if asynchronous else stand_in.create_engine()
    found: sa.Engine = getattr(engine, "sync_engine", engine)
    typed_errors(found, stand_in)
    return found


def _parts(config: DatabaseConfig, registration: Registration, sides: Sides, *, asynchronous: bool) -> Parts:
    def inquire(budget_s: float) -> probe.Inquiry:
        return probe.inquire(config, asynchronous=asynchronous, budget_s=budget_s)

    def prove() -> None:
        prove_usable(config.for_fallback(), registration)
        sides[Route.FALLBACK]  # the first imports a driver, for which no loop should wait

    return Parts(
        ways=LOOPS if asynchronous else THREADS,
        inquire=inquire,
        attempt=partial(probe.attempt_once, config, asynchronous=asynchronous),
        prove=prove,
        is_absence=partial(_may_be_absence, config),
    )


def _may_be_absence(config: DatabaseConfig, error: BaseException) -> bool:
    """Tell whether a checkout's error may mean that nobody is there."""
    if isinstance(error, DbkitError):
        return isinstance(error, DeadlineError)
    fault = get_backend(config.backend).errors.fault(error)
    return fault in _SUSPICIOUS or network_fault(error) in _SUSPICIOUS
