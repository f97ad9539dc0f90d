"""What `context.configure` is given for a service: dbkit's choice, and what the project's file says beside it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dbkit.backends import backend_of
from dbkit.config.redact import redact
from dbkit.errors import ConfigurationError, DbkitError
from dbkit.migrations.compare import ownership, render_item, same_default, same_type
from dbkit.service import import_object

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.revisions.history import History
    from dbkit.revisions.layout import Layout
    from dbkit.service import Registration

__all__ = ["configure_options", "directives", "joined_options", "transactions", "without_transactions"]

Answer = Callable[..., Any]


def configure_options(
    dialect: sa.Dialect,
    *,
    metadata: sa.MetaData | None,
    registration: Registration,
    layout: Layout,
    history: History,
) -> dict[str, Any]:
    """Choose what `context.configure` is given, beside the connection.

    Raises:
        ConfigurationError: what the project's file names cannot be imported.
    """
    said = registration.alembic
    functions = {name: _function(registration, name) for name in _FUNCTIONS if name in said}
    owned = ownership(
        metadata=metadata,
        history=history.created_tables,
        patterns=registration.owns,
        version_table=layout.version_table,
    )
    options: dict[str, Any] = {
        **transactions(dialect, registration),
        "target_metadata": metadata,
        "version_table": layout.version_table,
        "version_table_schema": layout.version_schema,
        "include_name": _all_of([owned, *(functions[one] for one in ("include_name",) if one in functions)]),
        "include_schemas": said.get("include_schemas", False),
        "compare_type": _first_of([functions.get("compare_type"), same_type]),
        "compare_server_default": _first_of([functions.get("compare_server_default"), same_default]),
        "render_item": _first_of([functions.get("render_item"), render_item], nothing=False),
        # SQLite cannot alter a column in place; on the other backends a batch is the plain ALTER.
        "render_as_batch": said.get("render_as_batch", True),
    }
    for name in ("include_object", "process_revision_directives"):
        if name in functions:
            options[name] = functions[name]
    return options


def joined_options(
    given: Mapping[str, Any],
    dialect: sa.Dialect,
    *,
    registration: Registration,
    layout: Layout,
    history: History,
) -> dict[str, Any]:
    """Choose what `context.configure` is given where a project's own env.py calls it: what that gives, and dbkit's where it must be.

    Raises:
        ConfigurationError: what the project's file names cannot be imported.
    """
    ours = configure_options(dialect, metadata=None, registration=registration, layout=layout, history=history)
    target = given.get("target_metadata")
    metadata = target if isinstance(target, list | tuple) else [target]
    mine = {table.name for one in metadata if one is not None for table in one.tables.values()}
    owned = ownership(
        metadata=None,
        history=mine | set(history.created_tables),
        patterns=registration.owns,
        version_table=layout.version_table,
    )
    # dbkit's answers concern its own types alone, and leave the rest to who is asked next
    compare_type = given.get("compare_type", True)
    said = {name: ours[name] for name in registration.alembic if name in ours and name not in given}
    return {
        **said,
        **given,
        **transactions(dialect, registration),
        "include_name": _all_of([one for one in (owned, given.get("include_name"), said.get("include_name")) if one]),
        "compare_type": _first_of([same_type, compare_type]) if callable(compare_type) else compare_type and same_type,
        "compare_server_default": given.get("compare_server_default", ours["compare_server_default"]),
        "render_item": _first_of([given.get("render_item"), said.get("render_item"), render_item], nothing=False),
    }


def transactions(dialect: sa.Dialect, registration: Registration) -> dict[str, Any]:
    """Choose how revisions and transactions go together: whoever else may choose the rest, a failed revision leaves what it must and no more."""
    return {
        "transaction_per_migration": True,
        "transactional_ddl": backend_of(dialect).traits.transactional_ddl
        and not without_transactions(dialect, registration),
    }


def without_transactions(dialect: sa.Dialect, registration: Registration) -> bool:
    """Tell whether revisions run without a transaction: where the project says so, on a server whose transactions hold DDL.

    Elsewhere there is nothing to switch off: DDL commits anyway, or, in a file, nothing asks for it.
    """
    traits = backend_of(dialect).traits
    return registration.autocommit and traits.transactional_ddl and not traits.file_based


_FUNCTIONS = (
    *("include_object", "include_name", "render_item", "compare_type", "compare_server_default"),
    "process_revision_directives",
)


def _function(registration: Registration, name: str) -> Answer:
    reference = str(registration.alembic[name])
    found: Any = import_object(reference, what=f"{name} of service {registration.name!r}")
    if not callable(found):
        raise ConfigurationError(
            f"service {registration.name!r}: {name} is {reference!r}, which is {type(found).__name__}, not a function",
            hint="name a function as context.configure takes it",
        )

    def answer(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - Alembic's
        try:
            return found(*given, **named)
        except DbkitError:
            raise
        except (Exception, SystemExit) as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(f"{type(error).__name__}: {error}".split())
            raise ConfigurationError(
                redact(
                    f"{name} of service {registration.name!r}, {reference!r}, failed: {text} ({last.filename}:{last.lineno})"
                ),
                hint="mend the function; it is called as context.configure's is",
            ) from error

    return answer


def _all_of(functions: list[Answer]) -> Answer:
    """Join functions that let something pass: all have to."""
    return functions[0] if len(functions) == 1 else lambda *given: all(function(*given) for function in functions)


def _first_of(functions: Iterable[Answer | None], *, nothing: object = None) -> Answer:
    """Join functions that may leave the answer to the next one, by answering with `nothing`."""
    asked = [function for function in functions if function is not None]

    def answer(*given: Any) -> Any:  # noqa: ANN401 - Alembic's
        found = nothing
        for function in asked:
            found = function(*given)
            if found is not nothing:
                break
        return found

    return asked[0] if len(asked) == 1 else answer


def directives(*functions: Answer | None) -> Answer:
    """Join functions that look at a new revision before it is written: each in its turn."""

    def look(*given: Any) -> None:  # noqa: ANN401 - Alembic's
        for function in functions:
            if function is not None:
                function(*given)

    return look
