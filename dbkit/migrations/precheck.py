"""What there is to do, found out without a lock: so services at head are passed quickly, and nobody queues for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dbkit.backends import get_backend
from dbkit.config.redact import redact
from dbkit.errors import DatabaseMissingError, DbkitError
from dbkit.failover.attach import refuse_newer
from dbkit.migrations.databases import database_name, exists, has_schema, refuse_bad_name
from dbkit.migrations.results import ServiceResult
from dbkit.migrations.sharing import Twins, refuse_shared_version_table, twins_of
from dbkit.revisions.reading import read_history
from dbkit.revisions.standing import read_heads, refuse_ahead

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.revisions.layout import Layout

# Enough to hide the latency of a few servers; an unreachable one must not make the others wait for its time-out.
THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one service's database and files say."""

    result: ServiceResult
    config: DatabaseConfig | None = None
    missing: bool = False
    """The database is not there yet."""
    error: DbkitError | None = None


def look(project: Project, names: Sequence[str], target: str = "head") -> list[Look]:
    """Look at several services at once, in the order of the names."""
    twins = twins_of(project)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(lambda name: look_at(project, name, target, twins=twins), names))


def look_at(project: Project, name: str, target: str = "head", *, twins: Twins | None = None) -> Look:
    """Look at one service: never raises what is wrong with it alone, but notes it."""
    result = blank(project, name)
    config: DatabaseConfig | None = None
    try:
        config = project.migration_config(name)
        result = describe(result, config)
        refuse_bad_name(config)
        layout = project.layout(name)
        refuse_shared_version_table(twins_of(project) if twins is None else twins, layout=layout, config=config)
        history = read_history(layout)
        heads = history.heads
        result = replace(result, head=", ".join(heads) or None)
        found = current_heads(config, layout)
        missing, current = found is None, found or ()
        result = replace(result, revision=", ".join(current) or None)
        if result.fallback:
            refuse_newer(config, history, current)
        else:
            refuse_ahead(history, current)
        result = replace(result, pending=history.pending(current, target))
    except DbkitError as error:
        return Look(result=result.failed(error), config=config, error=error)
    return Look(result=result, config=config, missing=missing)


def blank(project: Project, name: str) -> ServiceResult:
    """Begin the result of a service: on its server, or on what stands in for that."""
    return ServiceResult(service=name, fallback=name in project.fallen, fallback_reason=project.fallen.get(name))


def describe(result: ServiceResult, config: DatabaseConfig) -> ServiceResult:
    """Fill in which backend, host, database and schema a service is on."""
    traits = get_backend(config.backend).traits
    host = None if traits.file_based else config.socket or f"{config.host}:{config.port}"
    schema = config.schema if "schema" in traits.own_keys else None
    return replace(result, backend=config.backend, host=host, database=database_name(config), schema=schema)


def current_heads(config: DatabaseConfig, layout: Layout) -> tuple[str, ...] | None:
    """Read the revisions that a service's database is at; None where there is no database, or not its schema. Nothing is created by looking."""
    if config.stands_in_for is not None:
        return _stand_in_heads(config, layout)
    if get_backend(config.backend).traits.file_based and not exists(config):
        return None
    import sqlalchemy as sa

    from dbkit.config.connect import connect

    try:
        with connect(config) as connection:
            return read_heads(connection, layout) if has_schema(connection, config) else None
    except DatabaseMissingError:
        return None
    except sa.exc.DBAPIError as error:
        said = get_backend(config.backend).errors.message(error)
        raise DbkitError(
            f"the version table {layout.version_table!r} cannot be read: {redact(said)}",
            hint="check what DATABASE_USER may do",
        ) from None


def _stand_in_heads(config: DatabaseConfig, layout: Layout) -> tuple[str, ...] | None:
    """Read them of the file that stands in for a server, which is proved to be the service's and not written to."""
    from dbkit.failover.identity import look_into, refuse_foreign

    if refuse_foreign(config) is None:
        return None
    with look_into(config) as connection:
        return read_heads(connection, layout)
