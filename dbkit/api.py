"""The operations for library users: the same functions that the command line calls, on the project of the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbkit import migrations
from dbkit.migrations.probes.readiness import worded
from dbkit.project import Project

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.orm import Session, sessionmaker

    from dbkit.checks.findings import FindingsResult
    from dbkit.config.metrics import Measurement, Sink
    from dbkit.failover.switching import Hearing, OnSwitch
    from dbkit.migrations import Health, HistoryResult, Result
    from dbkit.migrations.probes.glance import Goal


def _project(project: Project | Path | str | None) -> Project:
    if isinstance(project, Project):
        return project
    return Project.find(Path(project) if project is not None else None)


def migrate(*services: str, project: Project | Path | str | None = None, **options: Any) -> Result:  # noqa: ANN401 - as there
    """Make missing databases and bring services (none: all) to head; options as of `dbkit.migrations.migrate`.

    Raises:
        DbkitError: the project or a service's name is wrong; what fails in a service stands in the result.
    """
    return migrations.migrate(_project(project), services, **options)


def status(*services: str, project: Project | Path | str | None = None, check: bool = False) -> Result:
    """Tell which revision services are at and what is pending."""
    return migrations.status(_project(project), services, check=check)


def check(*services: str, project: Project | Path | str | None = None) -> Result:
    """Compare the models of services with their databases."""
    return migrations.check(_project(project), services)


def create(*services: str, project: Project | Path | str | None = None, dry_run: bool = False) -> Result:
    """Make the databases that are missing."""
    return migrations.create(_project(project), services, dry_run=dry_run)


def drop(*services: str, project: Project | Path | str | None = None, dry_run: bool = False) -> Result:
    """Drop the databases of the named services; here a service must be named.

    Raises:
        UsageError: no service is named.
    """
    if not services:
        from dbkit.errors import UsageError

        raise UsageError("no service named", hint='name what is to be dropped: dbkit.drop("user")')
    return migrations.drop(_project(project), services, dry_run=dry_run)


def seed(
    *services: str,
    project: Project | Path | str | None = None,
    yes: bool = False,
    dry_run: bool = False,
    **options: Any,  # noqa: ANN401 - as there
) -> Result:
    """Write the sample rows of services (none: all) that are not there yet; rows that are there stay as they are.

    Args:
        services: their names.
        project: the project, or its folder; None for that of the current folder.
        yes: agreed to in production.
        dry_run: find out how many rows would be written, and write nothing.
        options: as of `dbkit.migrations.seed`.

    Raises:
        DbkitError: the project or a service's name is wrong, or production was not agreed to; what fails in a service stands in the result.
    """
    return migrations.seed(_project(project), services, yes=yes, dry_run=dry_run, **options)


def rollback(service: str, *, project: Project | Path | str | None = None, **options: Any) -> Result:  # noqa: ANN401 - as there
    """Take a service back by one revision; options as of `dbkit.migrations.rollback`."""
    return migrations.rollback(_project(project), service, **options)


def stamp(service: str, revision: str, *, project: Project | Path | str | None = None) -> Result:
    """Write into a service's version table that it is at a revision."""
    return migrations.stamp(_project(project), service, revision)


def history(*services: str, project: Project | Path | str | None = None) -> HistoryResult:
    """List the revisions of services."""
    return migrations.history(_project(project), services)


def wait(
    *services: str,
    project: Project | Path | str | None = None,
    goal: Goal = "head",
    timeout_s: float = 60.0,
    **options: Any,  # noqa: ANN401 - as there
) -> Result:
    """Wait until the databases of services (none: all) can be used; nothing is written. In an event loop, call it in a thread.

    Args:
        services: their names.
        project: the project, or its folder; None for that of the current folder.
        goal: `server`: it answers and takes the log-in; `head`: the database is at the newest revision of the files.
        timeout_s: seconds in all; `math.inf` for no end.
        options: as of `dbkit.migrations.wait`.

    Raises:
        DbkitError: the project or a service's name is wrong; why a service is not there stands in the result.
    """
    return migrations.wait(_project(project), services, goal=goal, timeout_s=timeout_s, **options)


def doctor(*services: str, project: Project | Path | str | None = None, processes: int = 1) -> FindingsResult:
    """Find out what is wrong with services (none: all), as `dbkit doctor` does; nothing is written.

    Args:
        services: their names.
        project: the project, or its folder; None for that of the current folder.
        processes: how many processes each service runs.
    """
    from dbkit.checks.doctor import doctor as look

    return look(_project(project), services, processes=processes)


def health(service: str, *, project: Project | Path | str | None = None, deadline_s: float = 1.0) -> Health:
    """Probe a service's database for /readyz and the like: never raises, and never takes longer than the deadline.

    Args:
        service: its name.
        project: the project, or its folder; None for that of the current folder.
        deadline_s: seconds for everything.
    """
    try:
        found = _project(project)
    except Exception as error:  # noqa: BLE001 - the page that tells what is wrong must not be what goes down
        return migrations.Health(service=service, error=worded(error))
    return migrations.health(found, service, deadline_s=deadline_s)


async def async_health(service: str, *, project: Project | Path | str | None = None, deadline_s: float = 1.0) -> Health:
    """Probe a service's database over its asynchronous engine; otherwise as `health`."""
    try:
        found = _project(project)
    except Exception as error:  # noqa: BLE001 - the page that tells what is wrong must not be what goes down
        return migrations.Health(service=service, error=worded(error))
    return await migrations.async_health(found, service, deadline_s=deadline_s)


def engine(service: str, *, project: Project | Path | str | None = None) -> sa.Engine:
    """Give a service's engine: TLS verified, session set up, safe after a fork; the same one at each call.

    With DATABASE_FALLBACK=dev its connections are those of the file that stands in for the server while that cannot be reached.
    """
    return _project(project).engine(service)


def async_engine(service: str, *, project: Project | Path | str | None = None) -> AsyncEngine:
    """Give a service's asynchronous engine, the same one at each call in one event loop; it wants the extra `dbkit[async]`."""
    return _project(project).async_engine(service)


def measure(service: str, sink: Sink, *, project: Project | Path | str | None = None) -> Measurement:
    """Send the metrics of a service's engines, synchronous and asynchronous, to a sink until `stop` is called.

    Args:
        service: its name.
        sink: called with each `dbkit.config.metrics.Sample`; `dbkit.OpenTelemetrySink()` for OpenTelemetry.
        project: the project, or its folder; None for that of the current folder.

    Raises:
        UnknownServiceError: no service has this name.
    """
    return _project(project).measure(service, sink)


def on_switch(service: str, callback: OnSwitch, *, project: Project | Path | str | None = None) -> Hearing:
    """Have a callback called once for each switch of a service to its fallback and back, in this process, until `stop` is called.

    Args:
        service: its name.
        callback: takes the `dbkit.Switch`, on a thread of dbkit's; what it raises is logged.
        project: the project, or its folder; None for that of the current folder.

    Raises:
        UnknownServiceError: no service has this name.
    """
    return _project(project).on_switch(service, callback)


def session(service: str, *, project: Project | Path | str | None = None) -> sessionmaker[Session]:
    """Give a factory of sessions on a service's engine."""
    return _project(project).session(service)
