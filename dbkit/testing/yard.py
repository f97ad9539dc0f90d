"""Where the databases of a run are made, written down, and done away with; a run may have several processes."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dbkit.backends import get_backend
from dbkit.backends.optional import Copying, Expendable
from dbkit.errors import DbkitError
from dbkit.testing.runs import folder_of, folders, has_ended, mark_in, prefix
from dbkit.testing.servers import Server, find_server

if TYPE_CHECKING:
    import sqlalchemy as sa

_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database that was made for a test, or is about to be."""

    backend: str
    name: str
    """Its name on the server; the file's path where databases are files."""
    keys: dict[str, str] = field(repr=False)
    """The keys by which it is reached, without `DATABASE_`."""


@dataclass(kw_only=True)
class Yard:
    """A folder for what a run makes: its files, and notes of what it has made on servers."""

    mark: str
    """Of the run."""
    worker: str = "main"
    """The process of the run that this is, in a word."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    servers: dict[str, Server] = field(default_factory=dict)
    engines: dict[str, sa.Engine] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of the run, for all of its processes; made by the first that asks."""
        folder = folder_of(self.mark)
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE)
            _sweep_folders(folder.parent)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise DbkitError(
                f"{str(folder)!r} is not a folder of ours", hint="delete it, or set TMPDIR to another folder"
            )
        return folder

    def new_place(self, backend: str) -> Place:
        """Choose a name for a database that no other one has, and write it down; nothing is made yet."""
        word = f"{self.mark}_{self.worker}_{next(self.numbers)}"
        if get_backend(backend).traits.file_based:
            path = str(self._subfolder("files") / f"{word}.db")
            return Place(backend=backend, name=path, keys={"TYPE": backend, "SQLITE_PATH": path})
        self._sweep_server(backend)
        name = f"{prefix()}{word}"
        (self._subfolder("notes", backend) / name).touch()
        return Place(backend=backend, name=name, keys=self._server(backend).variables(name))

    def copy(self, source: Place) -> Place | None:
        """Copy a database that nobody uses; None where its backend cannot."""
        ddl = get_backend(source.backend).ddl
        if not isinstance(ddl, Copying):
            return None
        place = self.new_place(source.backend)
        if get_backend(source.backend).traits.file_based:
            return place if ddl.copy_database(None, source.name, place.name) else None
        with self._administering(source.backend) as connection:
            if ddl.copy_database(connection, source.name, place.name):
                return place
        self._forget(place)
        return None

    def drop(self, place: Place) -> None:
        """Drop a database, whoever is connected to it; nothing where it was never made."""
        if get_backend(place.backend).traits.file_based:
            for file in Path(place.name).parent.glob(f"{Path(place.name).name}*"):
                file.unlink(missing_ok=True)
            return
        self._drop_named(place.backend, place.name)
        self._forget(place)

    @contextmanager
    def alone(self, word: str) -> Iterator[Path]:
        """Keep the other processes of the run out meanwhile; gives a file for what is to be told them."""
        file = self._subfolder("told") / word
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield file

    def close(self) -> None:
        """Close this process' connections."""
        for engine in self.engines.values():
            engine.dispose()
        self.engines.clear()

    def clear(self) -> list[str]:
        """Drop whatever the run has left, and the folder; for the process that outlives the others.

        Returns:
            What could not be dropped, each in a line.
        """
        folder = folder_of(self.mark)
        failed: list[str] = []
        for note in sorted(folder.glob("notes/*/*")):
            try:
                self._drop_named(note.parent.name, note.name)
                note.unlink()
            except DbkitError as error:
                failed.append(f"{note.name}: {error.message}")
        self.close()
        shutil.rmtree(folder, ignore_errors=True)
        return failed

    def _subfolder(self, *names: str) -> Path:
        found = self.folder.joinpath(*names)
        found.mkdir(parents=True, exist_ok=True)
        return found

    def _forget(self, place: Place) -> None:
        (self._subfolder("notes", place.backend) / place.name).unlink(missing_ok=True)

    def _server(self, backend: str) -> Server:
        if backend not in self.servers:
            self.servers[backend] = find_server(backend)
        return self.servers[backend]

    @contextmanager
    def _administering(self, backend: str) -> Iterator[sa.Connection]:
        """Connect to where databases are made and dropped. Raises DbkitError, in place of the driver's errors."""
        import sqlalchemy as sa

        from dbkit.config.connect import explain

        found = get_backend(backend)
        config = replace(self._server(backend).config, database=found.ddl.maintenance_database())
        if backend not in self.engines:
            self.engines[backend] = config.create_engine(isolation_level="AUTOCOMMIT", pool_size=1)
        try:
            connection = self.engines[backend].connect()
        except sa.exc.DBAPIError as error:
            raise explain(config, error) from None
        try:
            with connection:
                yield connection
        except sa.exc.DBAPIError as error:
            message = f"{found.traits.title} at {config.address}: {found.errors.message(error)}"
            raise DbkitError(message, hint=f"check what {config.user!r} may do there") from None

    def _drop_named(self, backend: str, name: str) -> None:
        ddl: Any = get_backend(backend).ddl
        statements = ddl.drop_used_database(name) if isinstance(ddl, Expendable) else (ddl.drop_database(name),)
        with self._administering(backend) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))

    def _sweep_server(self, backend: str) -> None:
        """Drop, once in a run, what runs have left that were killed."""
        ddl = get_backend(backend).ddl
        if not isinstance(ddl, Expendable) or backend in self.servers:
            return
        with self.alone(f"swept-{backend}") as told:
            if told.exists():
                return
            with self._administering(backend) as connection:
                names = [str(name) for name in connection.exec_driver_sql(ddl.database_names()).scalars()]
            for name in names:
                mark = mark_in(name, prefix())
                if mark is not None and has_ended(mark):
                    with suppress(DbkitError):  # another run may sweep too
                        self._drop_named(backend, name)
            told.touch()


def _sweep_folders(parent: Path) -> None:
    for folder in parent.glob(f"{folders()}*"):
        mark = mark_in(folder.name, folders())
        if mark is not None and has_ended(mark) and folder.lstat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
