"""Migrations: operations on services, each a function that takes a project and returns a frozen result.

The names below are imported when they are asked for; `dbkit.migrations.env` serves the `env.py` of the stock tool.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbkit.migrations.probes.probing import async_health, health
    from dbkit.migrations.probes.readiness import Health, SchemaState
    from dbkit.migrations.probes.waiting import Waiting, wait
    from dbkit.migrations.provision import create, drop
    from dbkit.migrations.reading import history, status
    from dbkit.migrations.results import (
        AppliedRevision,
        Difference,
        Event,
        Failure,
        HistoryResult,
        NewRevision,
        Result,
        ServiceResult,
    )
    from dbkit.migrations.run import alembic, check, migrate, revision, rollback, sql, stamp
    from dbkit.migrations.seeding.seeds import seed
    from dbkit.migrations.settling import settle

__all__ = [
    "AppliedRevision",
    "Difference",
    "Event",
    "Failure",
    "Health",
    "HistoryResult",
    "NewRevision",
    "Result",
    "SchemaState",
    "ServiceResult",
    "Waiting",
    "alembic",
    "async_health",
    "check",
    "create",
    "drop",
    "health",
    "history",
    "migrate",
    "revision",
    "rollback",
    "seed",
    "settle",
    "sql",
    "stamp",
    "status",
    "wait",
]


_HOMES = {
    "Health": "probes.readiness",
    "SchemaState": "probes.readiness",
    "Waiting": "probes.waiting",
    "async_health": "probes.probing",
    "create": "provision",
    "drop": "provision",
    "health": "probes.probing",
    "history": "reading",
    "seed": "seeding.seeds",
    "settle": "settling",
    "status": "reading",
    "wait": "probes.waiting",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above
    if name not in __all__:
        raise AttributeError(name)
    module = _HOMES.get(name, "results" if name[0].isupper() else "run")
    return getattr(import_module(f"dbkit.migrations.{module}"), name)
