"""The engine of a service that has a fallback: each checkout is one of the primary or of the fallback, and stays that.

What SQLAlchemy keeps of a connection is its engine. Here that is one of one side which is equal to the routed engine, so that a
session finds its connection again, and whose own checkouts stay on that side, so that a connection that was lost is replaced
there or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import log
from sqlalchemy.engine.base import OptionEngine

from dbkit.failover.plan import Route

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.pool import Pool, PoolProxiedConnection

    from dbkit.failover.router import Parts, Router

__all__ = ["RoutedEngine", "SideEngine", "Sides", "route_of"]

OnMade = Callable[[str, sa.Engine], object]
"""Takes the ending of a pool's name (none for the primary's, `.fallback`) and the engine."""


class Sides:
    """The real engines of both sides, made when they are needed."""

    def __init__(self, makers: Mapping[Route, Callable[[], sa.Engine]]) -> None:
        """Prepare them.

        Args:
            makers: by side, what makes the engine.
        """
        self._makers = makers
        self._made: dict[Route, sa.Engine] = {}
        self._followers: list[OnMade] = []

    @property
    def made(self) -> tuple[sa.Engine, ...]:
        """Those that are there."""
        return tuple(self._made.values())

    def __getitem__(self, route: Route) -> sa.Engine:
        """Give a side's engine."""
        found = self._made.get(route)
        if found is None:
            new = self._makers[route]()
            found = self._made.setdefault(route, new)  # of two threads, the first one's counts
            if found is new:
                for follower in list(self._followers):
                    follower(_ENDINGS[route], new)
        return found

    def follow(self, follower: OnMade) -> None:
        """Have somebody told of each engine that is there, and of each that will be made; of one that is just then, perhaps twice."""
        self._followers.append(follower)
        for route, engine in list(self._made.items()):
            follower(_ENDINGS[route], engine)

    def leave(self, follower: OnMade) -> None:
        """Tell somebody no more."""
        if follower in self._followers:
            self._followers.remove(follower)


_ENDINGS: Final = {Route.PRIMARY: "", Route.FALLBACK: ".fallback"}


class SideEngine(OptionEngine):
    """One side of a routed engine, to which it is equal: what `Connection.engine` is. It never goes to the other side."""

    # they come with the real engine
    _sa_propagate_class_events = False

    def __init__(self, routed: RoutedEngine, route: Route) -> None:
        """Prepare a side.

        Args:
            routed: whose side it is; its listeners hear what happens here, and its options count here.
            route: which side.
        """
        self.routed = routed
        self.route = route
        own, real = self.dispatch, routed.sides[route]
        super().__init__(real, {})
        self.dispatch = own._join(real.dispatch._join(routed.dispatch))  # noqa: SLF001 - as SQLAlchemy's own does
        self.update_execution_options(**routed.get_execution_options())

    def __eq__(self, other: object) -> bool:
        """Tell whether both are of one routed engine."""
        return other is self.routed or (isinstance(other, SideEngine) and other.routed is self.routed)

    def __hash__(self) -> int:
        """Agree with the routed engine."""
        return hash(self.routed)

    @property
    def _has_events(self) -> bool:  # as OptionEngine has it, hidden from type checkers
        real: Any = self._proxied
        return bool(real._has_events or self.routed._has_events or self.__dict__.get("_has_events"))  # noqa: SLF001

    @_has_events.setter
    def _has_events(self, value: bool) -> None:
        self.__dict__["_has_events"] = value


class RoutedEngine(sa.Engine):
    """An engine whose connections are the primary's, or the fallback's while the primary is away.

    `dialect`, `pool`, `url`, `name` and `driver` are those of the side that it is on. Listeners of connections and statements hear
    both sides; those of the pool and of the dialect (`handle_error` too) are hung on the side that it is on when they are.
    """

    # they come with the real engines
    _sa_propagate_class_events = False

    def __init__(self, router: Router, sides: Sides, parts: Parts) -> None:
        """Prepare an engine; nothing is connected.

        Args:
            router: decides for a side; shared by all engines of the service.
            sides: the real engines.
            parts: what the router asks on behalf of this engine.
        """
        self.router: Final = router
        self.sides: Final = sides
        self._parts = parts
        self._by_route: dict[Route, SideEngine] = {}
        self._options = sa.util.EMPTY_DICT
        log.instance_logger(self, echoflag=None)

    @property
    def route(self) -> Route:
        """Where the next checkout goes, as far as is known."""
        return self.router.route

    def side(self, route: Route) -> SideEngine:
        """Give one side, for whoever must be on it; listeners that are hung on it hear it alone."""
        found = self._by_route.get(route)
        return found or self._by_route.setdefault(route, SideEngine(self, route))

    def connect(self) -> sa.Connection:
        """Give a connection of the side that the service is on, which stays on it.

        Raises:
            FallbackError: the primary is away, and the fallback cannot be used.
        """
        return self.router.checkout(lambda route: self.side(route).connect(), self._parts)

    def raw_connection(self) -> PoolProxiedConnection:
        """Give a driver's connection out of the pool of the side that the service is on.

        Raises:
            FallbackError: the primary is away, and the fallback cannot be used.
        """
        return self.router.checkout(lambda route: self.side(route).raw_connection(), self._parts)

    def dispose(self, close: bool = True) -> None:  # noqa: FBT001, FBT002 - SQLAlchemy's own
        """Dispose of the pools of both sides."""
        for engine in self.sides.made:
            engine.dispose(close=close)

    def execution_options(self, **options: Any) -> RoutedEngine:  # type: ignore[override] # noqa: ANN401 - SQLAlchemy's own
        """Give an engine with these options that is routed likewise; its listeners are this one's and its own."""
        return _Optioned(self, options)

    def update_execution_options(self, **options: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        """Change the options of connections to come, on both sides."""
        self._options = self._options.union(options)
        for engine in self._by_route.values():
            engine.update_execution_options(**options)

    def get_execution_options(self) -> Any:  # noqa: ANN401 - SQLAlchemy's own
        """Give the options of connections."""
        return self._options

    def clear_compiled_cache(self) -> None:
        """Forget what was compiled, on both sides."""
        for engine in self.sides.made:
            engine.clear_compiled_cache()

    @property
    def dialect(self) -> Dialect:  # type: ignore[override] # an attribute there
        """That of the side that the service is on."""
        return self._here.dialect

    @property
    def pool(self) -> Pool:  # type: ignore[override] # an attribute there
        """That of the side that the service is on."""
        return self._here.pool

    @property
    def url(self) -> sa.URL:  # type: ignore[override] # an attribute there
        """That of the side that the service is on."""
        return self._here.url

    @property
    def hide_parameters(self) -> bool:  # type: ignore[override] # an attribute there
        """Whether errors and logs show no parameters."""
        return self._here.hide_parameters

    @property
    def echo(self) -> Any:  # noqa: ANN401 - SQLAlchemy's own
        """Whether statements are logged."""
        return self._here.echo

    @echo.setter
    def echo(self, flag: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        for route in Route:
            self.side(route).echo = flag

    def __repr__(self) -> str:
        """Word it with the URL of the side that the service is on."""
        return f"RoutedEngine({self.url!r}, route={self.route.value!r})"

    @property
    def _execution_options(self) -> Any:  # type: ignore[override] # noqa: ANN401
        return self._options

    @property
    def _compiled_cache(self) -> Any:  # type: ignore[override] # noqa: ANN401
        here: Any = self._here
        return here._compiled_cache  # noqa: SLF001

    @property
    def _here(self) -> sa.Engine:
        return self.sides[self.route]


class _Optioned(RoutedEngine):
    """A routed engine with further options."""

    def __init__(self, parent: RoutedEngine, options: Mapping[str, Any]) -> None:
        own = self.dispatch
        super().__init__(parent.router, parent.sides, parent._parts)  # noqa: SLF001 - our own
        self._parent = parent
        self.dispatch = own._join(parent.dispatch)  # noqa: SLF001 - as SQLAlchemy's own does
        self._options = parent.get_execution_options().union(options)

    @property
    def _has_events(self) -> bool:  # as OptionEngine has it, hidden from type checkers
        return bool(self._parent._has_events or self.__dict__.get("_has_events"))  # noqa: SLF001

    @_has_events.setter
    def _has_events(self, value: bool) -> None:
        self.__dict__["_has_events"] = value


def route_of(engine: sa.Engine) -> Route:
    """Tell which side an engine, such as that of a connection, is on; one that is not routed is on the primary."""
    return engine.route if isinstance(engine, RoutedEngine | SideEngine) else Route.PRIMARY
