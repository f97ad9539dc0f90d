"""Models against database, canonically: what two spellings mean the same, whose a table is, and how types stand in revisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from dbkit.backends import backend_of
from dbkit.backends.kinds import EnumKind
from dbkit.backends.storage import single_percents
from dbkit.types import PortableType, ServerDefault
from dbkit.types.checks import check_name

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.migration import MigrationContext

__all__ = ["ownership", "render_item", "same_default", "same_type"]

INTERNAL = "dbkit_*"


def ownership(
    *, metadata: sa.MetaData | None, history: Iterable[str], patterns: Iterable[str], version_table: str
) -> Callable[[str | None, str, Any], bool]:
    """Make the filter that keeps autogenerate from the tables of others.

    A table is the service's if its metadata has it, its history made it, or one of its patterns names it. dbkit's own tables
    and the version table are nobody's.
    """
    mine = {table.name for table in (metadata.tables.values() if metadata is not None else ())} | set(history)
    wanted = tuple(patterns)

    def include_name(name: str | None, kind: str, parents: Any) -> bool:  # noqa: ANN401 - Alembic's mapping
        del parents
        if kind != "table" or name is None:
            return True
        if name == version_table or fnmatchcase(name, INTERNAL):
            return False
        return name in mine or any(fnmatchcase(name, pattern) for pattern in wanted)

    return include_name


def same_type(  # noqa: PLR0917 - Alembic calls it so
    context: MigrationContext,
    inspected_column: sa.Column[Any],
    column: sa.Column[Any],
    inspected: Any,  # noqa: ANN401 - Alembic's signature
    wanted: Any,  # noqa: ANN401 - Alembic's signature
) -> bool | None:
    """Answer Alembic's `compare_type`: True where the types differ, None to let Alembic decide."""
    if not isinstance(wanted, PortableType):
        return None
    dialect = context.dialect
    ddl = backend_of(dialect).ddl
    there = dialect.type_compiler_instance.process(inspected)
    asked = dialect.type_compiler_instance.process(wanted.dialect_impl(dialect), type_expression=column)
    if ddl.canonical_type(there) != ddl.canonical_type(asked):
        return True
    checked = backend_of(dialect).codecs.codec(wanted.kind).check is not None
    return (
        checked and isinstance(wanted.kind, EnumKind) and _labels(inspected_column, column) != set(wanted.kind.labels)
    )


LABEL = re.compile("'((?:[^']|'')*)'")


def _labels(there: sa.Column[Any], column: sa.Column[Any]) -> set[str]:
    """Read the labels that an enum's CHECK allows.

    However a server words it (`IN`, `= ANY (ARRAY[…])`, a chain of OR), its quoted texts are the labels.
    """
    found = [item for item in there.table.constraints if isinstance(item, sa.CheckConstraint)]
    # A renamed column keeps its CHECK under the old name.
    mentions = re.compile(rf"(?<!\w){re.escape(there.name)}(?!\w)")
    named = [item for item in found if item.name == check_name(column)]
    checks = named or [item for item in found if mentions.search(str(item.sqltext))]
    return {label.replace("''", "'") for item in checks for label in LABEL.findall(str(item.sqltext))}


def same_default(  # noqa: PLR0917 - Alembic calls it so
    context: MigrationContext,
    _inspected_column: Any,  # noqa: ANN401 - Alembic's signature
    column: sa.Column[Any],
    inspected: str | None,
    _wanted: Any,  # noqa: ANN401 - Alembic's signature
    rendered: str | None,
) -> bool | None:
    """Answer Alembic's `compare_server_default` for dbkit's defaults; others are left alone (False)."""
    default = column.server_default
    if not isinstance(default, sa.DefaultClause) or not isinstance(default.arg, ServerDefault):
        return False
    ddl = backend_of(context.dialect).ddl
    asked = None if rendered is None else single_percents(rendered, context.dialect)
    return ddl.canonical_default(inspected) != ddl.canonical_default(asked)


def render_item(_kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:  # noqa: ANN401 - Alembic's signature
    """Answer Alembic's `render_item`: portable types and defaults stand in revisions as `dbt.v1.…`, frozen."""
    found = item.arg if isinstance(item, sa.DefaultClause) else item
    if isinstance(found, PortableType | ServerDefault):
        context.imports.add("import dbkit.types as dbt")
        return found.frozen_repr()
    return False
