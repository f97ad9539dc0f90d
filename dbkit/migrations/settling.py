"""Which services of a run have no server to go to, and what is said of those that went to the file in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from dbkit.errors import DbkitError, ExitCode

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.failover.probe import Inquiry
    from dbkit.migrations.results import ServiceResult
    from dbkit.project import Project

__all__ = ["settle", "told"]

Inquire = Callable[["DatabaseConfig"], "Inquiry"]


def settle(project: Project, services: Sequence[str] = (), *, inquire: Inquire | None = None) -> Project:
    """Decide, for each service that may fall back, whether its server can be reached; all at once.

    What is wrong with a service apart from that is left for whatever is done with it next.

    Args:
        project: whose services.
        services: their names; none means all.
        inquire: asks for a server.

    Returns:
        The project in which services whose server cannot be reached are on the file that stands in for it: `fallen` says why.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    asked = {name: config for name in project.select(services) if (config := _asked(project, name)) is not None}
    if not asked:
        return project
    from dbkit.failover.plan import Step
    from dbkit.failover.probe import inquire as ask

    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        found = dict(zip(asked, pool.map(inquire or ask, asked.values()), strict=True))
    fallen = {name: inquiry.reason for name, inquiry in found.items() if inquiry.step is Step.FALL_BACK}
    return replace(project, fallen={**project.fallen, **fallen}) if fallen else project


def _asked(project: Project, name: str) -> DatabaseConfig | None:
    """Give the configuration by which a service's server is to be asked for; None where it is not to be."""
    if name in project.fallen:
        return None
    try:
        config = project.migration_config(name)
    except DbkitError:  # told by whatever needs the configuration
        return None
    return None if config.fallback_path is None else config


def told(result: ServiceResult, *, accept: bool) -> ServiceResult:
    """Have a service that went well, though not on its server, end with the code that says so, unless that is accepted."""
    if result.fallback and result.exit_code is ExitCode.OK and not accept:
        return replace(result, exit_code=ExitCode.FALLBACK)
    return result
