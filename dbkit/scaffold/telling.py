"""Tells what an Alembic folder holds, where its database is, and what is to be known of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dbkit.config.project_keys import OWN
from dbkit.errors import ConfigurationError, DbkitError
from dbkit.migrations.precheck import look_at
from dbkit.migrations.sharing import refuse_shared_version_table, twins_of
from dbkit.project import Project
from dbkit.revisions.env_file import ENV
from dbkit.revisions.layout import Layout
from dbkit.revisions.reading import read_history
from dbkit.scaffold.adopted import Adopted, Finding
from dbkit.scaffold.attention import attentions, unread
from dbkit.scaffold.found import Choice, Found
from dbkit.scaffold.proving import Proved

__all__ = ["notes_on", "tell"]


def tell(
    found: Found, choice: Choice, table: Mapping[str, Any], *, findings: tuple[Finding, ...], proved: Proved | None
) -> Adopted:
    """Tell of a folder that is adopted by a table.

    Args:
        found: the folder.
        choice: what is said of it.
        table: the service's.
        findings: what becomes of its env.py.
        proved: its metadata, where that was imported.

    Raises:
        ConfigurationError: another service has its version table in the same database.
        HistoryError: its revisions contradict each other.
        RevisionFileError: one of them does not parse.
    """
    project = found.home.with_service(found.name, table)
    layout = project.layout(found.name, backend=found.backend)
    history = read_history(layout)
    _refuse_shared(project, layout)
    seen = look_at(project, found.name, "heads")
    alembic = table.get("alembic", {})
    return Adopted(
        folder=layout.folder,
        ini=layout.ini.file if layout.ini else None,
        section=layout.ini.section if layout.ini else None,
        locations=layout.versions,
        revisions=len(history.scripts),
        heads=history.heads,
        labels={head: tuple(sorted(history.labels_of(head))) for head in history.heads},
        version_table=layout.version_table,
        version_schema=layout.version_schema,
        version_source=_version_source(found, choice),
        env=table.get("env", "dbkit"),
        reason=_reason(found, choice, proved, own=table.get("env") == OWN),
        metadata=table.get("metadata"),
        tables=proved.tables if proved and "metadata" in table else None,
        findings=findings,
        attention=attentions(history, autocommit=bool(alembic.get("autocommit"))),
        unread=unread(layout, history),
        lines=found.home.lines(found.name, table),
        standing=seen.result,
        missing=seen.missing,
    )


def _refuse_shared(project: Project, layout: Layout) -> None:
    try:
        config = project.migration_config(layout.service)
    except DbkitError:
        return  # where its database is nobody knows yet; `look_at` says why
    try:
        refuse_shared_version_table(twins_of(project), layout=layout, config=config)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error.message}; nothing was written",
            hint="give it a database of its own, or say by --version-table which table it has",
        ) from None


def _version_source(found: Found, choice: Choice) -> str:
    """Say where the version table was learnt."""
    if choice.version_table is not None:
        return "as it was given"
    env = found.layout.env
    if env is None or env.ours:
        return "dbkit's own"
    argument = found.source.arguments.get("version_table") if found.source else None
    if argument is not None:
        return f"{ENV}:{argument.line}"
    if found.source is not None and not found.source.arguments:
        return f"Alembic's own; {ENV} does not say"
    said = "; its further arguments may say otherwise" if "**" in env.computed else ""
    return f"Alembic's own{said}"


def _reason(found: Found, choice: Choice, proved: Proved | None, *, own: bool) -> str:
    """Say why its env.py is run, or why not."""
    if not own:
        return "as it was given" if choice.metadata else f"target_metadata, {ENV}:{_line(found)}"
    if choice.own:
        return "as it was given"
    if proved is not None:
        lines = ", ".join(map(str, proved.brought))
        return f"{proved.missing} of its tables come by what {ENV} imports (lines {lines})"
    if found.source is not None and found.source.metadata.reference is None:
        origin = found.source.metadata
        why = origin.why or f"is {origin.literal!r}"
        return f"target_metadata {why} ({ENV}:{origin.line})"
    lost = ", ".join(dict.fromkeys(what for _, what in found.lost))
    return f"else this would be lost: {lost}"


def _line(found: Found) -> int:
    return found.source.metadata.line if found.source else 1


def _below(place: Path, folder: Path) -> str:
    return place.relative_to(folder).as_posix() if place.is_relative_to(folder) else str(place)


def notes_on(found: Found, adopted: Adopted) -> tuple[str, ...]:
    """List what somebody should know before the first run."""
    return tuple(_notes(found, adopted))


def _notes(found: Found, adopted: Adopted) -> Iterator[str]:
    unlabelled = [head for head in adopted.heads if not adopted.labels[head]]
    if len(adopted.heads) > 1 and unlabelled:
        yield (
            f"it has {len(adopted.heads)} heads, and not each has a branch label: join them by "
            f'`dbkit alembic {found.name} -- merge -m "merge" heads`, or migrate by --to heads'
        )
    if not adopted.revisions:
        yield "it holds no revisions yet"
    if adopted.unread:
        places = ", ".join(_below(place, adopted.folder) for place in adopted.unread)
        yield f"revisions in {places} of that folder are not read: name their folders as version_locations"
    if adopted.missing and adopted.revisions and _is_by_default(found, adopted):
        yield (
            "no variable says where its database is, so a new SQLite file would be made: "
            "where it is there already, name it by DATABASE_TYPE and its kin before you migrate"
        )
    if adopted.tables == 0:
        yield f"{adopted.metadata} holds no tables: name a module that imports the models"
    if adopted.standing.error is not None and not adopted.exit_code:
        hint = f" ({adopted.standing.hint})" if adopted.standing.hint else ""
        yield f"its database: {adopted.standing.error}{hint}"


def _is_by_default(found: Found, adopted: Adopted) -> bool:
    """Tell whether nobody has said where its database is."""
    said = found.home.with_service(found.name, {"migrations": str(adopted.folder)}).config(found.name).provenance
    return all(name not in said or said[name].kind == "default" for name in ("backend", "sqlite_path"))
