"""A project: a folder, its settings and its services. What every operation takes."""

from __future__ import annotations

import asyncio
import difflib
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbkit.config import DatabaseConfig, Settings, find_root, load_settings, resolve
from dbkit.config.find import misspelt
from dbkit.config.metrics import Measurement, measure
from dbkit.errors import ConfigurationError, UnknownServiceError
from dbkit.revisions.layout import Layout
from dbkit.service import Registration, Service, load_service, register

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.orm import Session, sessionmaker

    from dbkit.config.metrics import Sink
    from dbkit.failover.router import Router
    from dbkit.failover.switching import Hearing, OnSwitch

__all__ = ["Project"]


@dataclass(frozen=True, kw_only=True)
class Project:
    """Root, settings and overrides; no connections. It can be pickled and sent to another process."""

    root: Path
    settings: Settings
    overrides: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Configuration given in code, by `DatabaseConfig`'s names; beats everything else."""
    fallen: Mapping[str, str] = field(default_factory=dict)
    """Services whose configuration is that of the file which stands in for their server, and why."""

    @classmethod
    def find(cls, start: Path | None = None, **overrides: Any) -> Project:  # noqa: ANN401 - configuration values
        """Find the project of a folder: `DBKIT_PROJECT`, else the nearest parent with dbkit.toml or [tool.dbkit].

        Raises:
            ConfigurationError: there is none, or its file cannot be read.
        """
        root = find_root(start)
        if root is None:
            raise ConfigurationError(
                f"no dbkit project in {str(start or Path.cwd())!r} or above it",
                hint=misspelt(start)
                or "`dbkit init` begins one, `dbkit service add NAME --adopt PATH` takes an Alembic folder as it is, "
                "and DBKIT_PROJECT names one that is elsewhere",
            )
        return cls(root=root, settings=load_settings(root), overrides=overrides)

    @property
    def service_names(self) -> tuple[str, ...]:
        """The names of all services, in alphabetical order."""
        return tuple(sorted(self.settings.services))

    def select(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """Choose services: the named ones, each once and in alphabetical order, or all of them.

        Raises:
            UnknownServiceError: one of the names is no service's.
        """
        for name in names:
            if name not in self.settings.services:
                near = difflib.get_close_matches(name, self.service_names, n=1)
                known = ", ".join(self.service_names) or "none"
                raise UnknownServiceError(
                    f"unknown service {name!r}",
                    hint=f"did you mean {near[0]!r}?" if near else f"known services: {known}",
                )
        return tuple(sorted(set(names))) if names else self.service_names

    def registration(self, name: str) -> Registration:
        """Give what the project's file says of a service. Raises UnknownServiceError, ConfigurationError."""
        self.select([name])
        return register(name, self.settings, root=self.root)

    def layout(self, name: str, *, backend: str | None = None) -> Layout:
        """Find out where a service's revisions are.

        Args:
            name: the service's.
            backend: the backend that they are for, where it matters; None for that of its configuration.

        Raises:
            UnknownServiceError: no service has this name.
            ConfigurationError: as in `registration` and, where the backend matters, in `config`.
            HistoryError: there is no Alembic folder where it should be.
        """
        registration = self.registration(name)
        if backend is None and registration.places.by_dialect:
            backend = self.config(name).backend
        found = registration.layout(backend)
        # a database that is a file has no schema for it
        return registration.layout(self.config(name).backend) if found.version_schema and backend is None else found

    def service(self, name: str) -> Service:
        """Import a service. Raises UnknownServiceError, ConfigurationError."""
        return load_service(self.registration(name))

    def config(self, name: str) -> DatabaseConfig:
        """Resolve a service's configuration, from the environment as it is now.

        Raises:
            ConfigurationError: a value is wrong, or the values contradict each other.
        """
        self.select([name])
        found = resolve(self.settings, name, environ=os.environ, overrides=self.overrides)
        return found.for_fallback() if name in self.fallen else found

    def migration_config(self, name: str) -> DatabaseConfig:
        """Resolve the configuration of the account that changes a service's schema: the service's own where none is set.

        Raises:
            ConfigurationError: as in `config`.
        """
        return self.config(name).for_migrations()

    def engine(self, name: str) -> sa.Engine:
        """Give the service's engine, the same one at each call of a process; nothing is connected yet.

        Keep it, and do not ask for it per query: each call resolves the configuration anew, reading the files of secrets, so that a
        changed one counts, and raises where that cannot be done. It may be used after a fork: the child has a pool of its own.

        Raises:
            ConfigurationError: as in `config`; also where the engine is there already.
        """
        config = self.config(name)
        key = (os.getpid(), str(self.root), name)
        with _lock:
            known = _engines.get(key)
            if known is None or not _same(known[0], config):
                known = _engines[key] = (config, self._new_engine(name, config))
                _measure_new(known[1], key)
            return known[1]

    def async_engine(self, name: str) -> AsyncEngine:
        """Give the service's asynchronous engine, the same one at each call in one event loop; nothing is connected yet.

        A connection belongs to the loop that opened it, so each loop has an engine; call it where the loop runs.
        """
        config = self.config(name)
        key = (os.getpid(), str(self.root), name)
        with _lock:
            for loop in [loop for loop in _async_engines if loop.is_closed()]:
                del _async_engines[loop]  # its connections hold on to the loop, and so kept it in here
            engines = _async_engines.setdefault(_running_loop() or _NO_LOOP, {})
            known = engines.get(key)
            if known is None or not _same(known[0], config):
                known = engines[key] = (config, self._new_async_engine(name, config))
                _measure_new(known[1], key)
            return known[1]

    def forget_engine(self, name: str) -> sa.Engine | None:
        """Have the next call make a new engine of a service; gives the one that there was, for the caller to dispose of."""
        with _lock:
            known = _engines.pop((os.getpid(), str(self.root), name), None)
        return None if known is None else known[1]

    def forget_async_engine(self, name: str) -> AsyncEngine | None:
        """Have the next call in this event loop make a new asynchronous engine of a service; otherwise as `forget_engine`."""
        with _lock:
            engines = _async_engines.get(_running_loop() or _NO_LOOP, {})
            known = engines.pop((os.getpid(), str(self.root), name), None)
        return None if known is None else known[1]

    def session(self, name: str) -> sessionmaker[Session]:
        """Give a factory of sessions on the service's engine."""
        from sqlalchemy.orm import sessionmaker

        return sessionmaker(self.engine(name))

    def measure(self, name: str, sink: Sink) -> Measurement:
        """Send the metrics of a service's engines to a sink: of those that are there, and of those that will be made.

        Raises:
            UnknownServiceError: no service has this name.
        """
        self.select([name])
        asked = _Asked(key=(str(self.root), name), sink=sink)
        here = (os.getpid(), *asked.key)
        with _lock:
            _asked.append(asked)
            if here in _engines:
                asked.take(_engines[here][1])
            for engines in _async_engines.values():
                if here in engines:
                    asked.take(engines[here][1])
        return Measurement(stop=asked.stop)

    def on_switch(self, name: str, callback: OnSwitch) -> Hearing:
        """Have a callback called for each switch of a service to its fallback and back, in this process.

        Args:
            name: the service's.
            callback: takes the `dbkit.Switch`, on a thread of dbkit's; what it raises is logged.

        Raises:
            UnknownServiceError: no service has this name.
        """
        from dbkit.failover.switching import listen

        self.select([name])
        return listen((str(self.root), name), callback)

    def _new_engine(self, name: str, config: DatabaseConfig) -> sa.Engine:
        if config.fallback_path is None:
            return config.create_engine()
        from dbkit.failover.wiring import routed_engine

        return routed_engine(config, self.registration(name), self._router(name, config))

    def _new_async_engine(self, name: str, config: DatabaseConfig) -> AsyncEngine:
        if config.fallback_path is None:
            return config.create_async_engine()
        from dbkit.failover.wiring import routed_async_engine

        return routed_async_engine(config, self.registration(name), self._router(name, config))

    def _router(self, name: str, config: DatabaseConfig) -> Router:
        """Give what decides for all engines of a service that have one configuration."""
        from dbkit.failover.wiring import make_router

        key = (str(self.root), name)
        routers = _routers.setdefault(key, weakref.WeakKeyDictionary())
        for router, known in routers.items():
            if _same(known, config):
                return router
        router = make_router(config, key)
        routers[router] = config
        return router


@dataclass(kw_only=True, eq=False)
class _Asked:
    """A sink that somebody wants a service's metrics in, and the engines that send to it."""

    key: tuple[str, str]
    sink: Sink
    flowing: weakref.WeakKeyDictionary[sa.Engine, Measurement] = field(default_factory=weakref.WeakKeyDictionary)

    def take(self, engine: sa.Engine | AsyncEngine) -> None:
        found: Any = getattr(engine, "sync_engine", engine)
        self.flowing[found] = measure(engine, self.sink, pool_name=self.key[1])

    def stop(self) -> None:
        with _lock:
            if self in _asked:
                _asked.remove(self)
            flowing = list(self.flowing.values())
            self.flowing.clear()
        for measurement in flowing:
            measurement.stop()


_asked: list[_Asked] = []


def _measure_new(engine: sa.Engine | AsyncEngine, key: tuple[int, str, str]) -> None:
    for asked in _asked:
        if asked.key == key[1:]:
            asked.take(engine)


class _NoLoop:
    """Stands for no event loop."""

    @staticmethod
    def is_closed() -> bool:
        """Say no: what is made before any loop runs is kept."""
        return False


_NO_LOOP = _NoLoop()
_engines: dict[tuple[int, str, str], tuple[DatabaseConfig, sa.Engine]] = {}
# a loop that is gone takes its engines with it
_async_engines: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop | _NoLoop, dict[tuple[int, str, str], tuple[DatabaseConfig, AsyncEngine]]
] = weakref.WeakKeyDictionary()
_routers: dict[tuple[str, str], weakref.WeakKeyDictionary[Router, DatabaseConfig]] = {}
# a sink that is told of a new pool may ask for an engine
_lock = threading.RLock()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _same(known: DatabaseConfig, config: DatabaseConfig) -> bool:
    """Tell whether an engine serves a configuration; a password that is asked for anew may have changed since."""
    if config.password_file is not None:
        config = replace(config, password=known.password)
    if config.migration_password_file is not None:
        config = replace(config, migration_password=known.migration_password)
    return known == config


def _renew_lock() -> None:
    """Give a forked child a lock of its own: the parent's may have been held by a thread that is not there."""
    global _lock  # noqa: PLW0603 - the only way to replace it
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
