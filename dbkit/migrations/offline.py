"""The SQL of a service's history without a server, for any backend."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationStep

from dbkit.backends import backend_at
from dbkit.backends.optional import Scripted
from dbkit.config.redact import redact
from dbkit.errors import DbkitError, RevisionFailedError
from dbkit.migrations.env import Environment
from dbkit.migrations.failures import failed_at, loading
from dbkit.migrations.results import ServiceResult

if TYPE_CHECKING:
    from dbkit.migrations.worker import Link
    from dbkit.project import Project

__all__ = ["write"]


def write(project: Project, name: str, link: Link, *, backend: str, target: str) -> tuple[ServiceResult, str]:
    """Write the SQL from nothing to the target, without a server."""
    del link
    product, facts = backend_at(backend)
    result = ServiceResult(service=name, backend=product.name)
    output = io.StringIO()
    try:
        environment = Environment.of(project, name, backend=product.name)
        pending = environment.history.pending((), target)
        result = replace(result, head=", ".join(environment.history.heads) or None, pending=pending)
        dialect = product.ddl.offline_dialect(facts)
        scripts = environment.scripts()
        with loading(environment.layout):
            found = [
                MigrationStep.upgrade_from_script(scripts.revision_map, scripts.get_revision(one)) for one in pending
            ]
        environment.run_offline(dialect, lambda _revision, _context: found, output)
    except DbkitError as error:
        return result.failed(error), ""
    except Exception as error:  # noqa: BLE001 - a revision may raise anything; offline most often because it reads
        file, line = failed_at(error, *project.layout(name, backend=product.name).folders)
        failed = RevisionFailedError(
            redact(f"a revision cannot be written offline: {type(error).__name__}: {error}"),
            hint="a revision that reads from the database needs one: use dbkit migrate --dry-run",
            revision=Path(file).stem,
            file=file,
            line=line,
        )
        return result.failed(failed), ""
    text, ddl = output.getvalue(), product.ddl
    return result, ddl.script(text) if text and isinstance(ddl, Scripted) else text
