"""Configure and migrate the databases of many services.

The names below are imported when they are asked for: importing dbkit imports no SQLAlchemy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbkit.api import (
        async_engine,
        async_health,
        check,
        create,
        doctor,
        drop,
        engine,
        health,
        history,
        measure,
        migrate,
        on_switch,
        rollback,
        seed,
        session,
        stamp,
        status,
        wait,
    )
    from dbkit.config import DatabaseConfig
    from dbkit.config.metrics import Sample
    from dbkit.config.metrics_otel import OpenTelemetrySink
    from dbkit.errors import DbkitError, ExitCode
    from dbkit.failover.switching import Switch
    from dbkit.migrations import Health
    from dbkit.migrations.hooks import HookCall
    from dbkit.project import Project
    from dbkit.service import Service

__version__ = "0.1.0"

_HOMES = {
    "DatabaseConfig": "dbkit.config",
    "DbkitError": "dbkit.errors",
    "ExitCode": "dbkit.errors",
    "Health": "dbkit.migrations",
    "HookCall": "dbkit.migrations.hooks",
    "OpenTelemetrySink": "dbkit.config.metrics_otel",
    "Project": "dbkit.project",
    "Sample": "dbkit.config.metrics",
    "Service": "dbkit.service",
    "Switch": "dbkit.failover.switching",
    "async_engine": "dbkit.api",
    "async_health": "dbkit.api",
    "check": "dbkit.api",
    "create": "dbkit.api",
    "doctor": "dbkit.api",
    "drop": "dbkit.api",
    "engine": "dbkit.api",
    "health": "dbkit.api",
    "history": "dbkit.api",
    "measure": "dbkit.api",
    "migrate": "dbkit.api",
    "on_switch": "dbkit.api",
    "rollback": "dbkit.api",
    "seed": "dbkit.api",
    "session": "dbkit.api",
    "stamp": "dbkit.api",
    "status": "dbkit.api",
    "wait": "dbkit.api",
}

__all__ = [
    "DatabaseConfig",
    "DbkitError",
    "ExitCode",
    "Health",
    "HookCall",
    "OpenTelemetrySink",
    "Project",
    "Sample",
    "Service",
    "Switch",
    "async_engine",
    "async_health",
    "check",
    "create",
    "doctor",
    "drop",
    "engine",
    "health",
    "history",
    "measure",
    "migrate",
    "on_switch",
    "rollback",
    "seed",
    "session",
    "stamp",
    "status",
    "wait",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above
    if name not in _HOMES:
        message = f"module 'dbkit' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
