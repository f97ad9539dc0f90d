"""The operations that only read: where services are, and which revisions they have."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dbkit.errors import DbkitError, ExitCode
from dbkit.migrations.dispatch import result_of
from dbkit.migrations.precheck import look
from dbkit.migrations.results import HistoryResult, Result, RevisionInfo, ServiceHistory, ServiceResult
from dbkit.revisions.reading import read_history

if TYPE_CHECKING:
    from dbkit.project import Project


def status(project: Project, services: Sequence[str] = (), *, check: bool = False) -> Result:
    """Tell which revision services are at and what is pending; with `check`, pending is exit code 4.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names, began = project.select(services), time.monotonic()
    found = [seen.result for seen in look(project, names, "heads")]
    if check:
        found = [_behind(one) if one.pending and one.exit_code is ExitCode.OK else one for one in found]
    return result_of("status", found, began)


def history(project: Project, services: Sequence[str] = ()) -> HistoryResult:
    """List the revisions of services, newest first; no database is asked.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    return HistoryResult(services=tuple(_history(project, name) for name in project.select(services)))


def _behind(one: ServiceResult) -> ServiceResult:
    return replace(one, exit_code=ExitCode.DIFFERENT)


def _history(project: Project, name: str) -> ServiceHistory:
    try:
        found = read_history(project.layout(name))
    except DbkitError as error:
        return ServiceHistory(service=name, exit_code=error.exit_code, error=error.message, hint=error.hint)
    heads = found.heads
    scripts = [found.scripts[revision] for revision in reversed(found.in_order())]
    return ServiceHistory(
        service=name,
        revisions=tuple(
            RevisionInfo(
                revision=script.revision,
                down_revisions=script.down,
                description=script.description,
                file=str(script.file),
                head=script.revision in heads,
            )
            for script in scripts
        ),
    )
