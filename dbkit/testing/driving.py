"""Every driver of a backend for tests that are written once, without `await`: the asynchronous ones on SQLAlchemy's own bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.util.concurrency import greenlet_spawn, in_greenlet

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Way", "drive", "end_driving", "is_driving", "ways_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A backend, reached with one of its drivers."""

    backend: str
    driver: str = ""
    """Empty for the one that is used when nobody asks for another."""
    asynchronous: bool = False

    def __str__(self) -> str:
        """Name it as in a test's id: `postgresql-psycopg-async`."""
        return "-".join(filter(None, (self.backend, self.driver, "async" if self.asynchronous else "")))

    def environ(self) -> dict[str, str]:
        """Give the variables that ask for the driver."""
        return {"DATABASE_DRIVER": self.driver} if self.driver else {}

    def engine(self, config: DatabaseConfig, **options: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
        """Make the product's engine; an asynchronous one is given as what it is inside, to be used where `drive` leads."""
        if self.asynchronous:
            return config.create_async_engine(**options).sync_engine
        return config.create_engine(**options)


def ways_of(backend: str) -> list[Way]:
    """List every driver of a backend, in both kinds where it has both; the usual one first, without its name."""
    drivers = get_backend(backend).traits.drivers
    sync = [driver.name for driver in drivers if "sync" in driver.kinds]
    return [
        Way(backend=backend),
        *(Way(backend=backend, driver=name) for name in sync[1:]),
        *(Way(backend=backend, driver=item.name, asynchronous=True) for item in drivers if "async" in item.kinds),
    ]


_runner: asyncio.Runner | None = None


def is_driving() -> bool:
    """Tell whether the caller runs on the bridge."""
    return bool(in_greenlet())


def drive(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
    """Run something on the bridge; always in the same event loop, for connections of asynchronous drivers belong to one."""
    global _runner  # noqa: PLW0603 - one for the process
    if _runner is None:
        _runner = asyncio.Runner()
    return _runner.run(greenlet_spawn(work))


def end_driving() -> None:
    """Close the event loop."""
    global _runner  # noqa: PLW0603 - one for the process
    if _runner is not None:
        _runner.close()
        _runner = None
