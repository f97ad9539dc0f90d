"""A service with a fallback, before whose server there is a gate."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from dbkit.failover.engines import RoutedEngine, route_of
from dbkit.failover.plan import DWELL_S, Route
from dbkit.failover.switching import Switch
from dbkit.project import Project
from tests.backends.gates import Gate
from tests.backends.healthy import Service
from tests.backends.inquiries import sweep_up

PATIENCE_S = 10.0
PEOPLE = sa.table("people", sa.column("id"), sa.column("n"))


@dataclass(kw_only=True)
class Site:
    """A service, the gate before its server, and the switches that were told."""

    service: Service
    gate: Gate
    switches: list[Switch] = field(default_factory=list)

    @property
    def project(self) -> Project:
        return self.service.project

    @property
    def engine(self) -> RoutedEngine:
        found = self.project.engine("user")
        assert isinstance(found, RoutedEngine)
        return found

    def write(self, n: int) -> Route:
        """Write a row in a transaction of its own; tell where."""
        with self.engine.begin() as connection:
            connection.execute(PEOPLE.insert(), {"n": n})
            return route_of(connection.engine)

    def rows(self, side: Route) -> list[int]:
        """Read a side's rows, beside the product's routing."""
        config = self.config if side is Route.PRIMARY else self.config.for_fallback()
        engine = config.create_engine()
        with engine.connect() as connection:
            found = list(connection.scalars(sa.select(PEOPLE.c.n).order_by(PEOPLE.c.n)))
        engine.dispose()
        return found

    @property
    def config(self) -> DatabaseConfig:
        return self.project.config("user")

    def await_return(self) -> float:
        """Wait until the service has gone back, by the product's own attempts; the five seconds are taken for over."""
        began, router = time.monotonic(), self.engine.router
        watching = router._watching
        assert watching.fell_at_s is not None
        router._watching = replace(watching, fell_at_s=watching.fell_at_s - DWELL_S)
        while router.route is Route.FALLBACK and time.monotonic() - began < PATIENCE_S:
            time.sleep(0.01)
        assert router.route is Route.PRIMARY
        return time.monotonic() - began

    def told(self, count: int) -> list[Switch]:
        """Give the switches that were told, once there are so many."""
        end = time.monotonic() + PATIENCE_S
        while len(self.switches) < count and time.monotonic() < end:
            time.sleep(0.005)
        return self.switches


def end(site: Site) -> None:
    """Have nothing go on that asks for this test's server."""
    for thread in threading.enumerate():
        if thread.name == "dbkit-failover-user":
            thread.join(PATIENCE_S)
        if thread.name == "dbkit-primary-user":  # an attempt that hangs in its driver
            thread.join(0.05)
    site.engine.router._route = Route.PRIMARY  # ends the attempts to go back
    site.engine.dispose()
    sweep_up()


@contextmanager
def variables(environ: dict[str, str]) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield patch
