"""Models against database: what differs, and the revision that would settle it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from alembic.autogenerate import RevisionContext, produce_migrations
from alembic.operations import ops
from alembic.util import CommandError, rev_id

from dbkit.config.connect import connect
from dbkit.errors import DatabaseMissingError, DbkitError, DifferentError, EnvFileError, ExitCode, HistoryError
from dbkit.migrations.databases import is_ready
from dbkit.migrations.env import Environment
from dbkit.migrations.precheck import describe
from dbkit.migrations.results import Difference, NewRevision, ServiceResult
from dbkit.revisions.env_file import ENV
from dbkit.revisions.standing import read_heads, refuse_ahead

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from dbkit.migrations.worker import Link
    from dbkit.project import Project

__all__ = ["NO_MODELS", "compare", "new_revision"]

NO_MODELS: Final = "names no target_metadata to compare with"
"""What the error ends with where an env.py of the service's own gives no models."""


def compare(project: Project, name: str, link: Link) -> ServiceResult:
    """Compare a service's models with its database, which must be at head."""
    del link
    began = time.monotonic()
    result = ServiceResult(service=name)
    try:
        result = describe(result, project.migration_config(name))
        environment = Environment.of(project, name)
        result = replace(result, head=", ".join(environment.history.heads) or None)
        differences = tuple(_compared(environment))
        result = replace(result, revision=result.head, differences=differences)
        if differences:
            result = replace(result, exit_code=ExitCode.DIFFERENT)
    except DbkitError as error:
        result = result.failed(error)
    return replace(result, seconds=time.monotonic() - began)


def new_revision(  # noqa: PLR0913 - as a task has them
    project: Project, name: str, link: Link, *, message: str, autogenerate: bool, head: str
) -> NewRevision | DbkitError:
    """Write a revision file; none when autogenerate finds no difference."""
    del link
    try:
        environment = Environment.of(project, name)
        arguments = {
            "message": message,
            "autogenerate": autogenerate,
            "sql": False,
            "head": head,
            "splice": False,
            "branch_label": None,
            "version_path": _folder_of_next(environment, head),
            "rev_id": _next_id(environment),
            "depends_on": None,
        }
        _need(environment, "script.py.mako")
        scripts = _autogenerate(environment, arguments) if autogenerate else _write(environment, arguments)
    except DbkitError as error:
        return error
    except CommandError as error:
        return HistoryError(str(error))
    if not scripts:
        return NewRevision(service=name, revision="", file="", empty=True)
    first, *more = scripts
    further = tuple(one.path for one in more)
    return NewRevision(service=name, revision=first.revision, file=first.path, empty=not autogenerate, further=further)


def _need(environment: Environment, name: str) -> None:
    file = environment.layout.folder / name
    if not file.is_file():
        raise HistoryError(
            f"{str(file)!r} is missing: new revisions of service {environment.registration.name!r} are written from it",
            hint="copy it from another service's folder",
        )


def _connected(environment: Environment) -> sa.Connection:
    """Connect to a database that is there."""
    name = environment.registration.name
    config = environment.project.migration_config(name)
    if not is_ready(config):
        raise DatabaseMissingError(f"service {name!r} has no database yet", hint=f"run dbkit migrate {name}")
    return connect(config)


def _at_head(environment: Environment) -> sa.Connection:
    """Connect to a database that is there and at head."""
    name = environment.registration.name
    connection = _connected(environment)
    try:
        current = read_heads(connection, environment.layout)
        refuse_ahead(environment.history, current)
        pending = environment.history.pending(current, "heads")
    except BaseException:
        connection.close()
        raise
    if pending:
        connection.close()
        raise DifferentError(
            f"the database of service {name!r} is not at head: {len(pending)} pending ({', '.join(pending)})",
            hint=f"run dbkit migrate {name}",
        )
    return connection


def _folder_of_next(environment: Environment, head: str) -> str:
    """Choose the folder for a revision that follows a head: the one that holds it, or the first where there is none.

    Alembic's own choice fails where the head is in a folder below one of them.
    """
    history, layout = environment.history, environment.layout
    followed = history.built_on_by_next(head)
    files = [history.scripts[one].file for one in followed]
    return str(
        next((place for place in layout.versions for file in files if file.is_relative_to(place)), layout.versions[0])
    )


def _next_id(environment: Environment) -> str | None:
    """Choose the next number where the ids are numbers of one width, else leave the choice to Alembic."""
    known = list(environment.history.scripts)
    if not known:
        return "0001"
    if all(name.isdigit() and len(name) == len(known[0]) for name in known):
        return str(max(map(int, known)) + 1).zfill(len(known[0]))
    return rev_id()


def _write(environment: Environment, arguments: dict[str, Any]) -> list[Any]:
    """Write an empty revision; the ini may want what is configured to have a say in that too."""
    context = RevisionContext(environment.config(), environment.scripts(), arguments)
    if environment.config().get_alembic_boolean_option("revision_environment"):

        def look(revision: Any, migration: MigrationContext) -> list[Any]:  # noqa: ANN401 - Alembic's
            context.run_no_autogenerate(revision, migration)
            return []

        with _connected(environment) as connection:
            environment.run(connection, look, comparing=context.template_args, autogenerate=False)
    return _written(context)


def _autogenerate(environment: Environment, arguments: dict[str, Any]) -> list[Any]:
    context = RevisionContext(environment.config(), environment.scripts(), arguments)

    def look(revision: Any, migration: MigrationContext) -> list[Any]:  # noqa: ANN401 - Alembic's
        _need_metadata(environment, migration)
        context.run_autogenerate(revision, migration)
        return []

    with _at_head(environment) as connection:
        environment.run(connection, look, comparing=context.template_args)
    return _written(context)


def _written(context: RevisionContext) -> list[Any]:
    """Write the files, and give Alembic's scripts of them."""
    return [script for script in context.generate_scripts() if script]


def _compared(environment: Environment) -> list[Difference]:
    """Compare the models with a database at head."""
    found: list[Difference] = []

    def look(_revision: object, context: MigrationContext) -> list[Any]:
        models = _need_metadata(environment, context)
        operations = produce_migrations(context, models).upgrade_ops
        assert operations is not None  # noqa: S101 - produce_migrations always fills it
        found.extend(_differences(operations))
        return []

    with _at_head(environment) as connection:
        environment.run(connection, look, comparing={})
    return found


def _need_metadata(environment: Environment, context: MigrationContext) -> Any:  # noqa: ANN401 - one, or several
    """Give the models that Alembic has been configured with; an env.py of the service's own may have named none."""
    found = context.opts["target_metadata"]
    if not found and not isinstance(found, sa.MetaData):
        file = environment.layout.folder / ENV
        raise EnvFileError(
            f"service {environment.registration.name!r}: its env.py ({file}) {NO_MODELS}",
            hint="give context.configure the models' metadata as target_metadata",
        )
    return found


def _differences(found: ops.OpContainer) -> Iterator[Difference]:
    for operation in found.ops:
        if isinstance(operation, ops.OpContainer):
            yield from _differences(operation)
        else:
            diff: Any = operation.to_diff_tuple()  # a tuple, or a list of them
            table = getattr(operation, "table_name", None)
            for entry in diff if isinstance(diff, list) else [diff]:
                yield _difference(entry, table)


def _difference(entry: tuple[Any, ...], table: str | None) -> Difference:
    """Word one of Alembic's difference tuples, on this table."""
    operation = str(entry[0])
    if operation.startswith("modify_"):
        column, old, new = entry[3], entry[-2], entry[-1]
        detail = f"{operation} {table}.{column}: {_worded(old)} to {_worded(new)}"
        return Difference(operation=operation, table=table, name=column, detail=detail)
    item = entry[-1]
    name = None if isinstance(item, sa.Table) else getattr(item, "name", None)
    where = ".".join(str(part) for part in (table, name) if part)
    what = f": {item.type!r}" if isinstance(item, sa.Column) else ""
    return Difference(operation=operation, table=table, name=name, detail=f"{operation} {where}{what}")


def _worded(value: Any) -> str:  # noqa: ANN401 - a type, a default, a comment, or whether NULL is allowed
    """Word one side of a difference in one line."""
    found = value.arg if isinstance(value, sa.DefaultClause) else value
    text = found.text if isinstance(found, sa.TextClause) else "none" if found is None else repr(found)
    return " ".join(str(text).split())
