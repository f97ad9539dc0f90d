"""The operations on whole databases: create and drop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dbkit.errors import DbkitError, InterruptedRunError, UsageError
from dbkit.migrations.databases import create_missing, drop_existing, is_ready, refuse_bad_name
from dbkit.migrations.dispatch import result_of
from dbkit.migrations.precheck import describe
from dbkit.migrations.results import Result, ServiceResult

if TYPE_CHECKING:
    from dbkit.project import Project


def create(project: Project, services: Sequence[str] = (), *, dry_run: bool = False) -> Result:
    """Make the databases that are missing.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    return _on_databases("create", project, services, dry_run=dry_run)


def drop(project: Project, services: Sequence[str], *, dry_run: bool = False) -> Result:
    """Drop the databases of services with all that is in them. Whoever calls has asked for consent.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    return _on_databases("drop", project, services, dry_run=dry_run)


def _on_databases(command: str, project: Project, services: Sequence[str], *, dry_run: bool) -> Result:
    names, began = project.select(services), time.monotonic()
    shared = _sharing(project, names) if command == "drop" else {}
    results = [_on_database(command, project, name, sharing=shared.get(name, ()), dry_run=dry_run) for name in names]
    return result_of(command, results, began, dry_run=dry_run)


def _on_database(command: str, project: Project, name: str, *, sharing: Sequence[str], dry_run: bool) -> ServiceResult:
    result, began = ServiceResult(service=name), time.monotonic()
    try:
        config = project.migration_config(name)
        result = describe(result, config)
        _refuse_shared(name, sharing)
        refuse_bad_name(config)  # before the server is asked, so that a dry run tells it too
        if command == "create" and not is_ready(config):
            result = replace(result, created=True if dry_run else create_missing(config))
        if command == "drop" and is_ready(config):
            result = replace(result, dropped=True if dry_run else drop_existing(config))
    except InterruptedRunError:
        raise  # told to end: the databases that are left are not touched
    except DbkitError as error:
        result = result.failed(error)
    return replace(result, seconds=time.monotonic() - began)


def _sharing(project: Project, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Find the services that are not named and live in the database of one that is."""
    places: dict[str, tuple[object, ...]] = {}
    for name in project.service_names:
        with suppress(
            DbkitError
        ):  # a service whose place cannot be read is nobody's neighbour; its own command tells why
            found = describe(ServiceResult(service=name), project.migration_config(name))
            places[name] = (found.backend, found.host, found.database, found.schema)
    others = [name for name in places if name not in names]
    return {name: tuple(other for other in others if places[other] == places[name]) for name in names if name in places}


def _refuse_shared(name: str, sharing: Sequence[str]) -> None:
    if sharing:
        raise UsageError(
            f"the database of service {name!r} is also that of {', '.join(sharing)}",
            hint=f"name all of them: dbkit drop {' '.join(sorted([name, *sharing]))}",
        )
