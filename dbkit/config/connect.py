"""Engines and connections: the password is added when a connection is made, and no error carries it out."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import replace
from inspect import unwrap
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, Pool, QueuePool

from dbkit.backends import get_backend
from dbkit.backends.protocol import Backend, Endpoint, Fault
from dbkit.config.dialler import Dialler
from dbkit.config.inherited import leave_to_parent, remember
from dbkit.config.pool import AsyncWatchedPool, WatchedPool
from dbkit.config.redact import redact
from dbkit.config.tls_names import is_about_tls
from dbkit.errors import (
    ConfigurationError,
    DatabaseMissingError,
    DbkitError,
    MissingDriverError,
    TlsRefusedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from dbkit.config.model import DatabaseConfig

E = TypeVar("E")

# Arguments that would make connections, or log in, past the dialler.
_BYPASS: Final = frozenset(
    {"creator", "async_creator", "async_creator_fn", "pool", "password", "passwd", "password_creator"}
)

# Engines of this process; a child of a fork must not use, nor close, its parent's connections.
_engines: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


def create_engine(config: DatabaseConfig, *, migrating: bool = False, **kw: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Make an engine whose URL holds no password; every connection is proved and set up before anybody gets it.

    Args:
        config: where to.
        migrating: for DDL: no pool, and what the backend needs for it.
        kw: passed on to `sqlalchemy.create_engine`, over dbkit's own.

    Raises:
        ConfigurationError: TLS is not allowed as configured, the CA cannot be used, or an argument would bypass it.
        MissingDriverError: the driver is not installed.
    """
    endpoint = config.endpoint()
    pool = NullPool if migrating else _pool_of(kw, WatchedPool)
    # unwrapped: while a project's env.py runs, others are lent engines under this name
    make: Callable[..., sa.Engine] = unwrap(sa.create_engine)
    engine = _made(config, endpoint, make, pool=pool, asked=kw)
    _hang(engine, config, endpoint, migrating=migrating)
    return engine


def create_async_engine(config: DatabaseConfig, **kw: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's own
    """Make an asynchronous engine with the same proofs and the same session as `create_engine`.

    Args:
        config: where to.
        kw: passed on to `sqlalchemy.ext.asyncio.create_async_engine`, over dbkit's own.

    Raises:
        ConfigurationError: as in `create_engine`, or the backend has no asynchronous driver.
        MissingDriverError: the driver is not installed.
    """
    endpoint = config.endpoint(asynchronous=True)
    try:
        from sqlalchemy.ext.asyncio import create_async_engine as make
    except ImportError as error:
        raise _missing_driver(get_backend(config.backend), endpoint.driver, error) from error
    real: Callable[..., AsyncEngine] = unwrap(make)
    engine = _made(config, endpoint, real, pool=_pool_of(kw, AsyncWatchedPool), asked=kw)
    _hang(engine.sync_engine, config, endpoint, migrating=False)
    return engine


def known_engines() -> list[sa.Engine]:
    """List the engines of this process that dbkit has made."""
    return list(_engines)


def _pool_of(asked: dict[str, Any], ours: type[Pool]) -> type[Pool]:
    """Choose whose arguments an engine gets: those of a queue for any queue, and none for any other pool."""
    kind: type[Pool] = asked.get("poolclass", ours)
    return kind if issubclass(kind, QueuePool) else NullPool


def _made(
    config: DatabaseConfig, endpoint: Endpoint, make: Callable[..., E], *, pool: type[Pool], asked: dict[str, Any]
) -> E:
    """Make an engine with dbkit's arguments under those that were asked for."""
    backend = get_backend(config.backend)
    connector = backend.connector(endpoint.driver)
    kw, driver_kw = dict(asked), asked.get("connect_args", {})
    kw.pop("connect_args", None)
    bypass = sorted(name for name in (*kw, *driver_kw) if is_about_tls(name) or name in _BYPASS)
    if bypass:
        raise ConfigurationError(
            f"argument {bypass[0]!r} would bypass the proof of TLS", hint="configure it by DATABASE_… keys"
        )
    try:
        return make(
            connector.engine_url(endpoint),
            connect_args={**connector.connect_args(endpoint), **driver_kw},
            **{"hide_parameters": True, **pool_args(config, endpoint, pool), **kw},
        )
    except ImportError as error:
        raise _missing_driver(backend, endpoint.driver, error) from error


def _hang(engine: sa.Engine, config: DatabaseConfig, endpoint: Endpoint, *, migrating: bool) -> None:
    """Hang on an engine what makes, proves and sets up its connections."""
    backend = get_backend(config.backend)
    connector = backend.connector(endpoint.driver)
    dialler = Dialler(backend=backend, connector=connector, endpoint=endpoint, config=config)
    sa.event.listen(engine, "connect", remember)
    # on the pool, and after SQLAlchemy's own: its MySQL dialects send a SET NAMES that takes the collation back
    sa.event.listen(engine, "connect", dialler.set_up)
    connector.engine_events(engine, migrating=migrating)
    # the last that is asked: it gives a connection
    sa.event.listen(engine, "do_connect", dialler.connect)
    _engines.add(engine)


def connect(config: DatabaseConfig, *, database: bool = True, migrating: bool = False) -> sa.Connection:
    """Open one connection that owns its engine: closing it leaves nothing open.

    Args:
        config: where to.
        database: False to connect to the backend's maintenance database, or to none, instead of the configured one.
        migrating: for DDL.

    Raises:
        ConfigurationError: as in `create_engine`, or the server is of another kind than configured.
        UnreachableError: no answer, or log-in refused.
        TlsRefusedError: the certificate, or the lack of one, was refused.
        DatabaseMissingError: the server answers, but has no such database.
    """
    backend = get_backend(config.backend)
    if not database and not backend.traits.file_based:
        config = replace(config, database=backend.ddl.maintenance_database())
    engine = create_engine(config, migrating=migrating, poolclass=NullPool)
    try:
        return engine.connect()
    except sa.exc.DBAPIError as error:
        raise explain(config, error) from error


def explain(config: DatabaseConfig, error: BaseException) -> DbkitError:
    """Word the failure of a connection attempt: one line with the place, and a hint; nothing secret."""
    backend = get_backend(config.backend)
    title, place, said = backend.traits.title, config.address, redact(backend.errors.message(error))
    if backend.traits.file_based:
        return UnreachableError(
            f"cannot open {config.database!r}: {said}", hint="check DATABASE_SQLITE_PATH and who may write there"
        )
    match backend.errors.fault(error):
        case Fault.TLS_REFUSED:
            ca = (
                "name the CA that signed the server's certificate in DATABASE_SSL_CA"
                if backend.traits.takes_ca_file
                else "have the system trust the CA that signed the server's certificate, or SSL_CERT_FILE name it (DATABASE_SSL_CA cannot)"
            )
            return TlsRefusedError(
                f"TLS with {place} is refused: {said}",
                hint=f"{ca}, and name the host as the certificate does{_client_certificate(config)}",
            )
        case Fault.NO_DATABASE:
            return DatabaseMissingError(
                f"{title} at {place} has no database {config.database!r}", hint="dbkit create makes it"
            )
        case Fault.LOGIN_REFUSED:
            return UnreachableError(
                f"{title} at {place} refuses the log-in of {config.user!r}: {said}",
                hint=f"check {_where(config, 'user')} and {_where(config, 'password')}",
            )
        case Fault.NOT_ALLOWED:
            return UnreachableError(
                f"{title} at {place}: {config.user!r} may not use database {config.database!r}: {said}",
                # Without any right on it, the MySQL family does not tell whether the database is there (1044).
                hint="grant the right; if the database is missing, have an administrator run: "
                f"{backend.ddl.create_database(config.database or '', config.collation)};",
            )
        case _:
            return UnreachableError(
                f"cannot reach {title} at {place}: {said}",
                hint="check DATABASE_HOST, DATABASE_PORT and DATABASE_TYPE, and that it runs"
                + _client_certificate(config)
                + _meanwhile(config),
            )


def _meanwhile(config: DatabaseConfig) -> str:
    """Point to where a service is while its server is away, for a command that does not go there."""
    return "" if config.fallback_path is None else "; dbkit failover status tells what the service is on meanwhile"


def _client_certificate(config: DatabaseConfig) -> str:
    """Point to the client's certificate where there is one: a server that refuses it often hangs up without a word."""
    return "" if config.ssl_cert is None else "; or it refuses the client's certificate: check DATABASE_SSL_CERT"


def _where(config: DatabaseConfig, field: str) -> str:
    """Name the place that a part of the log-in came from, which for migrations may be another."""
    provided = field == "password" and config.password_provider is not None
    source = config.provenance.get("password_provider" if provided else field)
    return f"DATABASE_{field.upper()}" if source is None or source.kind == "default" else str(source)


def pool_args(config: DatabaseConfig, endpoint: Endpoint, pool: type[Pool]) -> dict[str, Any]:
    """Give the arguments of an engine that are about its pool."""
    if pool is NullPool:
        return {"poolclass": NullPool}
    if endpoint.database == ":memory:":
        return {}  # SQLAlchemy's own: every pool with more than one connection would hold several databases
    return {
        "poolclass": pool,
        "pool_size": config.pool_size,
        "max_overflow": config.max_overflow,
        "pool_recycle": config.pool_recycle_s,
        "pool_pre_ping": True,
        # the connections least in use grow old and are let go
        "pool_use_lifo": True,
    }


def _missing_driver(backend: Backend, driver: str, error: ImportError) -> MissingDriverError:
    known = next((item for item in backend.traits.drivers if item.name == driver), backend.traits.drivers[0])
    hint = f"pip install '{known.requirement or f'dbkit[{known.extra}]'}'"
    if known.libraries is not None and not isinstance(error, ModuleNotFoundError):
        # the module is there, and a library that it is linked with is not
        hint = known.libraries
    # SQLAlchemy's words for it advise another package than our hint does
    said = "No module named 'greenlet'" if "'greenlet' library" in str(error) else error
    return MissingDriverError(f"the driver {driver} of {backend.traits.title} cannot be loaded: {said}", hint=hint)


def _forget_connections() -> None:
    leave_to_parent()
    for engine in list(_engines):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)
