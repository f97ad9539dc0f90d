"""The database that a test is given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbkit.testing.templates import Templates
from dbkit.testing.yard import Place

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session

    from dbkit.config import DatabaseConfig
    from dbkit.project import Project

__all__ = ["Database", "ending_engines", "given"]


@dataclass(kw_only=True, eq=False)
class Database:
    """A migrated database of a service, for one test; what the test's code asks dbkit for leads there too."""

    service: str
    backend: str
    config: DatabaseConfig
    """How it is reached."""
    project: Project = field(repr=False)
    _others: Callable[[str], Database] = field(repr=False)
    _async_engine: AsyncEngine | None = field(default=None, repr=False)

    @property
    def url(self) -> sa.URL:
        """Its URL, with the password in it: for what makes an engine of its own.

        Raises:
            ConfigurationError: the driver cannot verify TLS by a URL alone.
        """
        return self.config.url()

    @property
    def engine(self) -> sa.Engine:
        """The service's engine: what `dbkit.engine` gives here."""
        return self.project.engine(self.service)

    def session(self, **options: Any) -> Session:  # noqa: ANN401 - SQLAlchemy's own
        """Open a session; it is closed, and what is not committed is undone, at the end of its `with`.

        Args:
            options: passed on to `sqlalchemy.orm.Session`.
        """
        from sqlalchemy.orm import Session

        return Session(self.engine, **options)

    @property
    def async_engine(self) -> AsyncEngine:
        """An asynchronous engine, which keeps no connection that a later event loop could come by.

        Raises:
            ConfigurationError: the backend has no asynchronous driver.
            MissingDriverError: it is not installed.
        """
        if self._async_engine is None:
            from sqlalchemy.pool import NullPool

            self._async_engine = self.config.create_async_engine(poolclass=NullPool)
        return self._async_engine

    def async_session(self, **options: Any) -> AsyncSession:  # noqa: ANN401 - SQLAlchemy's own
        """Open an asynchronous session; its objects can be read after a commit.

        Args:
            options: passed on to `sqlalchemy.ext.asyncio.AsyncSession`.
        """
        from sqlalchemy.ext.asyncio import AsyncSession

        return AsyncSession(self.async_engine, **{"expire_on_commit": False, **options})

    def of(self, service: str) -> Database:
        """Give a database of another service on the same backend, for as long as this one.

        Raises:
            UnknownServiceError: no service has this name.
        """
        return self if service == self.service else self._others(service)


@contextmanager
def given(templates: Templates, service: str, backend: str, *, shared: bool) -> Iterator[Database]:
    """Give a database to a test, have its service lead there, and do away with it.

    Args:
        templates: where it comes from.
        service: whose.
        backend: on which backend.
        shared: the one of this process, with whatever earlier tests have left in it.
    """
    giving = _Giving(templates=templates, backend=backend, shared=shared)
    try:
        with giving.stack:
            yield giving.give(service)
    finally:
        giving.end()


@dataclass(kw_only=True)
class _Giving:
    """The databases of one test: of its service, and of those that it asks for beside."""

    templates: Templates
    backend: str
    shared: bool
    places: dict[str, Place] = field(default_factory=dict)
    given: dict[str, Database] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def give(self, service: str) -> Database:
        project = self.templates.project
        if service not in self.given:
            make = self.templates.of_worker if self.shared else self.templates.fresh
            self.places[service] = make(service, self.backend)
            self.stack.enter_context(self.templates.aimed(self.places))
            self.given[service] = Database(
                service=service,
                backend=self.backend,
                config=project.config(service),
                project=project,
                _others=self.give,
            )
        return self.given[service]

    def end(self) -> None:
        for service, place in self.places.items():
            engine = self.templates.project.forget_engine(service)
            if engine is not None:
                engine.dispose()
            if not self.shared:
                self.templates.yard.drop(place)


def ending_engines(test: Callable[..., Any], project: Project) -> Callable[..., Any]:
    """Wrap an asynchronous test so that asynchronous engines of services are disposed of in its event loop, which ends with it."""

    @functools.wraps(test)
    async def ended(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - the test's own
        try:
            return await test(*arguments, **named)
        finally:
            for service in project.service_names:
                engine = project.forget_async_engine(service)
                if engine is not None:
                    await engine.dispose()

    return ended if inspect.iscoroutinefunction(test) else test
