"""What a worker does to write one service's sample rows: have them made, find the database ready, write."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.config.connect import connect
from dbkit.config.redact import redact
from dbkit.errors import DatabaseMissingError, DbkitError, DifferentError, SeedError
from dbkit.failover.attach import prove_usable
from dbkit.migrations.databases import exists, has_schema, place_of
from dbkit.migrations.failures import failed_at
from dbkit.migrations.precheck import describe
from dbkit.migrations.results import Event, ServiceResult
from dbkit.migrations.seeding.samples import Row, read_rows
from dbkit.migrations.seeding.seeds import refuse_unknown
from dbkit.migrations.seeding.sowing import Sower, pause_briefly
from dbkit.revisions.reading import read_history
from dbkit.revisions.standing import read_heads, refuse_ahead

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.migrations.worker import Link
    from dbkit.project import Project

__all__ = ["Seeding"]

WANTED = "a function that takes nothing and gives instances of the service's models"


@dataclass(kw_only=True)
class Seeding:
    """One service, while its sample rows are written."""

    project: Project
    link: Link
    dry_run: bool
    result: ServiceResult

    def run(self) -> ServiceResult:
        """Write them; what is wrong stands in the result."""
        began = time.monotonic()
        try:
            self._run()
        except DbkitError as error:
            self.result = self.result.failed(error)
        except (sa.exc.DBAPIError, OSError) as error:
            said = redact(get_backend(str(self.result.backend)).errors.message(error))
            self.result = self.result.failed(SeedError(said, hint="check what DATABASE_USER may read"))
        return replace(self.result, seconds=time.monotonic() - began)

    @property
    def _name(self) -> str:
        return self.result.service

    def _run(self) -> None:
        config = self.project.config(self._name)
        self.result = describe(self.result, config)
        rows = self._rows()
        if rows is None:
            return
        if self.result.fallback:
            prove_usable(config, self.project.registration(self._name))
        with self._opened(config) as connection:
            self._refuse_unready(connection)
            sower = Sower(connection=connection, root=self.project.root, tell=self._tell, pause=pause_briefly)
            count = len(sower.missing(rows)) if self.dry_run else sower.put(rows)
            self.result = replace(self.result, seeded=count)

    def _rows(self) -> list[Row] | None:
        """Have the seed's function make its rows; None where there is none."""
        service = self.project.service(self._name)
        refuse_unknown(self.project, self._name, service.seed_after)
        metadata, give = service.load_metadata(), service.load_seed()
        if give is None:
            return None
        try:
            given = give()
            rows = list(given) if isinstance(given, Iterable) else None
        except (Exception, SystemExit) as error:
            file, line = failed_at(error, self.project.root)
            where = f" at {file}:{line}" if line else ""
            said = " ".join(str(error).split())
            raise SeedError(
                redact(f"the seed of service {self._name!r} failed{where}: {type(error).__name__}: {said}"),
                hint=f"mend it: {WANTED}",
            ) from error
        if rows is None:
            raise SeedError(
                f"the seed of service {self._name!r} gives {type(given).__name__}", hint=f"mend it: {WANTED}"
            )
        return read_rows(rows, metadata)

    def _opened(self, config: DatabaseConfig) -> sa.Connection:
        """Connect to the database, which must be there."""
        missing = DatabaseMissingError(
            f"the database {place_of(config)} of service {self._name!r} does not exist",
            hint=f"dbkit migrate {self._name} makes it, with its tables",
        )
        if get_backend(config.backend).traits.file_based and not exists(config):
            raise missing
        try:
            connection = connect(config)
        except DatabaseMissingError:
            raise missing from None
        if not has_schema(connection, config):
            connection.close()
            raise missing
        return connection

    def _refuse_unready(self, connection: sa.Connection) -> None:
        """Refuse a database that has not the tables of these files, or has newer ones."""
        layout = self.project.layout(self._name)
        history, current = read_history(layout), read_heads(connection, layout)
        self.result = replace(self.result, revision=", ".join(current) or None, head=", ".join(history.heads) or None)
        refuse_ahead(history, current)
        self.result = replace(self.result, pending=history.pending(current, "heads"))
        count = len(self.result.pending)
        if count:
            raise DifferentError(
                f"the database of service {self._name!r} lacks {count} revision{'s' if count > 1 else ''} of these files",
                hint=f"dbkit migrate {self._name} applies what is pending; then run dbkit seed again",
            )

    def _tell(self, done: int, total: int) -> None:
        if self.link.stop.is_set():
            raise self.link.stopped("before the sample rows were committed; none of them is written")
        self.link.tell(Event(event="seeding", service=self._name, done=done, total=total))
