"""The operations on whole databases: create and drop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dbkit.errors import DbkitError
from dbkit.migrations.databases import create_missing, drop_existing, exists
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
    results = [_on_database(command, project, name, dry_run=dry_run) for name in names]
    return result_of(command, results, began, dry_run=dry_run)


def _on_database(command: str, project: Project, name: str, *, dry_run: bool) -> ServiceResult:
    result, began = ServiceResult(service=name), time.monotonic()
    try:
        config = project.config(name)
        result = describe(result, config)
        there = exists(config)
        if command == "create" and not there:
            result = replace(result, created=True if dry_run else create_missing(config))
        if command == "drop" and there:
            result = replace(result, dropped=True if dry_run else drop_existing(config))
    except DbkitError as error:
        result = result.failed(error)
    return replace(result, seconds=time.monotonic() - began)
