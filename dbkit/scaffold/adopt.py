"""Adopts an Alembic folder: reads it, runs nothing of its env.py, and writes the lines into the project's file by which it is a service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dbkit.backends import backend_names, get_backend
from dbkit.config.project_keys import OWN
from dbkit.errors import DbkitError, UsageError
from dbkit.project import Project
from dbkit.revisions.env_file import ENV
from dbkit.revisions.layout import Layout
from dbkit.scaffold.env_source import EnvSource, Kind, read_source
from dbkit.scaffold.found import Choice, Found
from dbkit.scaffold.locating import Home, find_home, located_layout, named_section, written_path
from dbkit.scaffold.names import prove_service
from dbkit.scaffold.new_service import prove_new
from dbkit.scaffold.proving import Proved, prove_metadata
from dbkit.scaffold.results import Written
from dbkit.scaffold.telling import notes_on, tell
from dbkit.scaffold.verdict import Verdict, judge
from dbkit.scaffold.writing import Manner, carry_out

__all__ = ["Choice", "Found", "adopt_service", "examine"]


def examine(name: str, path: str, choice: Choice, *, start: Path | None = None) -> Found:
    """Look at an Alembic folder.

    Args:
        name: what the service is to be called.
        path: a folder, a folder with an alembic.ini, an ini, or `package:folder`.
        choice: what is said of it.
        start: what the path is relative to, and where the project is looked for; by default the current folder.

    Raises:
        UsageError: there is such a service, it cannot have this name, or what is named is no Alembic folder.
        ConfigurationError: the project's file cannot be read.
        HistoryError: the folder's ini cannot be read.
    """
    prove_service(name, module=False)
    start = (start or Path.cwd()).absolute()
    home = find_home(start)
    prove_new(home.project, name)
    table: dict[str, Any] = {"env": OWN, "migrations": written_path(path, start, home)}
    section = choice.section or _section(home, table["migrations"])
    alembic: dict[str, Any] = {"section": section} if section else {}
    layout = located_layout(home, name, {**table, "alembic": alembic}, backend=None)
    dialects, backend = _dialect_folders(layout), None
    if dialects:
        places = _named_folder(home, table["migrations"], layout)
        alembic["version_locations"] = [f"{places}/versions/{{dialect}}"]
        backend = _backend(home.with_service(name, table), name, dialects)
        layout = located_layout(home, name, {**table, "alembic": alembic}, backend=backend)
    return Found(
        home=home,
        name=name,
        migrations=table["migrations"],
        layout=layout,
        source=_source(home, layout),
        alembic=alembic,
        backend=backend,
    )


def _section(home: Home, migrations: str) -> str | None:
    path = home.root / migrations
    ini = path if path.suffix == ".ini" else path / "alembic.ini"
    return named_section(ini) if ini.is_file() and not (path / ENV).is_file() else None


def _named_folder(home: Home, migrations: str, layout: Layout) -> str:
    """Word the folder of env.py as it is written."""
    if not (home.root / migrations).exists():
        return migrations
    folder, root = layout.folder, Path(os.path.normpath(home.root))
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder.as_posix()


def _dialect_folders(layout: Layout) -> dict[str, str]:
    """Find folders of revisions that are each for one dialect, where no revision is beside them; by dialect a backend."""
    versions = layout.folder / "versions"
    if layout.versions != (versions,) or any(layout.files()):
        return {}
    dialects = {get_backend(name).traits.dialect: name for name in backend_names()}
    return {dialect: name for dialect, name in dialects.items() if any((versions / dialect).glob("*.py"))}


def _backend(project: Project, name: str, dialects: Mapping[str, str]) -> str:
    """Choose the backend whose revisions are looked at: that of the settings, else one that has some."""
    try:
        configured = project.config(name).backend
    except DbkitError:
        configured = ""
    known = configured and get_backend(configured).traits.dialect in dialects
    return configured if known else next(iter(dialects.values()))


def _source(home: Home, layout: Layout) -> EnvSource | None:
    if layout.env is None or layout.env.ours:
        return None
    search = [os.path.normpath(home.root / one) for one in home.project.settings.python_path]
    return read_source(layout.folder / ENV, [*layout.sys_path, *search])


def adopt_service(found: Found, choice: Choice, *, manner: Manner | None = None) -> Written:
    """Write the lines, and tell what was found.

    Args:
        found: the folder.
        choice: what is said of it.
        manner: whether anything is written.

    Raises:
        UsageError: it cannot be adopted as it is; the hint says what would have to be said.
        ConfigurationError: the metadata cannot be imported or is none, another service has its version table in the same database,
            or the project's file cannot be written.
        HistoryError: its revisions contradict each other.
        RevisionFileError: one of them does not parse.
    """
    how = manner or Manner()
    own = _is_own(found, choice)
    verdict = _judged(found, own=own)
    _refuse_several(found, choice)
    table = _table(found, choice, verdict, own=own)
    proved = None if own else _proved(found, choice, table)
    if proved is not None and proved.missing and choice.metadata is None:
        own, proved = True, replace(proved, reference="")
        verdict = _judged(found, own=True)
        table = _table(found, choice, verdict, own=True)
    elif proved is not None:
        table["metadata"] = proved.reference
    draft = found.home.draft(found.name, table)
    adopted = tell(found, choice, table, findings=verdict.findings, proved=proved)
    return Written(
        command="service add",
        folder=found.home.root,
        service=found.name,
        files=carry_out(found.home.root, [draft], how),
        notes=notes_on(found, adopted),
        next_steps=(f"dbkit status {found.name}", f"dbkit migrate {found.name}"),
        dry_run=how.dry_run,
        adopted=adopted,
    )


def _is_own(found: Found, choice: Choice) -> bool:
    """Decide whether its env.py is run. Raises UsageError where neither way can be gone."""
    if choice.own and choice.metadata:
        raise UsageError("--own and --metadata contradict each other", hint="give one of them")
    if choice.metadata or (found.metadata and not choice.own):
        return False
    folder, ways = found.layout.folder, 'name the models: --metadata "module:Base.metadata"'
    if found.layout.env is None:
        raise UsageError(f"{str(folder)!r} has no {ENV} that would say where the models are", hint=ways)
    if found.source is None:
        raise UsageError(f"{str(folder / ENV)!r} is dbkit's own, and says nothing of models", hint=ways)
    if found.source.broken:
        raise UsageError(f"{ENV} does not parse: {found.source.broken}", hint=f"mend it, or {ways}")
    return True


def _judged(found: Found, *, own: bool) -> Verdict:
    return judge(found.source, own=own, placed="version_locations" in found.alembic) if found.source else Verdict()


def _refuse_several(found: Found, choice: Choice) -> None:
    """Refuse a folder for several databases: neither way of adopting it would do what its env.py does."""
    several = [deed for deed in found.source.deeds if deed.kind is Kind.SEVERAL] if found.source else []
    if several and not choice.own and not choice.metadata:
        raise UsageError(
            f"{found.layout.folder / ENV}:{several[0].line} {several[0].what}, and a service has one database",
            hint="make each database, schema or tenant a service of its own; --own runs it all the same, for one that is there alone",
        )


def _table(found: Found, choice: Choice, verdict: Verdict, *, own: bool) -> dict[str, Any]:
    """Put the service's table together."""
    table: dict[str, Any] = {"migrations": found.migrations}
    if own:
        table["env"] = OWN
    else:
        table["metadata"] = choice.metadata or str(found.metadata)
    _need_version_table(found, choice)
    if choice.version_table is not None and (
        found.asks_version_table or choice.version_table != found.layout.version_table
    ):
        table["version_table"] = choice.version_table
    alembic = {**found.alembic, **verdict.further}
    if choice.version_table_schema:
        alembic["version_table_schema"] = choice.version_table_schema
    return {**table, "alembic": alembic} if alembic else table


def _need_version_table(found: Found, choice: Choice) -> None:
    """Refuse to guess what only running env.py would tell, and where the revision of a database is."""
    for asked, said, what, flag in (
        (found.asks_version_table, choice.version_table, "name", "--version-table"),
        (found.asks_version_schema, choice.version_table_schema, "schema", "--version-table-schema"),
    ):
        if asked and said is None:
            raise UsageError(
                f"{found.layout.folder / ENV} works out the version table's {what}", hint=f"{flag} says which it is"
            )


def _proved(found: Found, choice: Choice, table: Mapping[str, Any]) -> Proved:
    return prove_metadata(
        found.home.with_service(found.name, table),
        found.name,
        found.layout,
        imports=found.source.imports if found.source else (),
        given=choice.metadata is not None,
    )
