"""What `dbkit.toml` or `[tool.dbkit]` may say of the project itself: one table of keys, from which reading and the reference page are made.

The keys of databases, which stand there too, are in `dbkit.config.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from dbkit.config.nearest import did_you_mean
from dbkit.errors import ConfigurationError

__all__ = ["ALEMBIC_KEYS", "HOOK_KEYS", "OWN", "SERVICE_KEYS", "TOP_KEYS", "Kind", "ProjectKey", "check", "check_table"]

OWN: Final = "own"
"""The value of `env` that has the folder's env.py run."""


class Kind(StrEnum):
    """What a key takes, in the words of an error."""

    TEXT = "text"
    TEXTS = "a list of texts"
    TEXT_OR_TEXTS = "text or a list of texts"
    SWITCH = "true or false"
    TABLE = "a table"

    def takes(self, value: object) -> bool:
        """Tell whether a value is of this kind."""
        texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return {
            Kind.TEXT: isinstance(value, str),
            Kind.TEXTS: texts,
            Kind.TEXT_OR_TEXTS: isinstance(value, str) or texts,
            Kind.SWITCH: isinstance(value, bool),
            Kind.TABLE: isinstance(value, dict),
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKey:
    """One key of the project's file."""

    name: str
    kind: Kind
    example: str
    """How it is written, in TOML."""
    default: str
    meaning: str


def _keys(*keys: ProjectKey) -> Mapping[str, ProjectKey]:
    return {key.name: key for key in keys}


HOOK_KEYS: Final = _keys(
    ProjectKey(
        name="before_migrate", kind=Kind.TEXT_OR_TEXTS, default="none", example='before_migrate = "acme.hooks:back_up"',
        meaning="Run before the first of the pending revisions of a service, under its lock: `module:function` or a command line.",
    ),
    ProjectKey(
        name="after_revision", kind=Kind.TEXT_OR_TEXTS, default="none", example='after_revision = "./tell-the-team"',
        meaning="Run after each revision, when it has been committed.",
    ),
    ProjectKey(
        name="after_migrate", kind=Kind.TEXT_OR_TEXTS, default="none", example='after_migrate = ["acme.hooks:warm_up", "./done.sh"]',
        meaning="Run when a service has reached its target, before its lock is given back.",
    ),
)  # fmt: skip

ALEMBIC_KEYS: Final = _keys(
    ProjectKey(
        name="ini", kind=Kind.TEXT, default="found", example='ini = "old/alembic.ini"',
        meaning="The `alembic.ini` of the folder; by default the one in the folder or above it that names this folder.",
    ),
    ProjectKey(
        name="section", kind=Kind.TEXT, default="`alembic`", example='section = "users"',
        meaning="The section of that file, where one file serves several folders.",
    ),
    ProjectKey(
        name="version_locations", kind=Kind.TEXTS, default="those of the ini; `versions`", example='version_locations = ["migrations/{dialect}"]',
        meaning="The folders of revision files. `{dialect}` stands for the name that revisions see: `postgresql`, `mysql`, `sqlite`, `mssql`.",
    ),
    ProjectKey(
        name="version_table_schema", kind=Kind.TEXT, default="that of env.py; else the connection's", example='version_table_schema = "audit"',
        meaning="The schema of the version table.",
    ),
    ProjectKey(
        name="x", kind=Kind.TEXTS, default="none", example='x = ["tenant=acme"]',
        meaning="What revisions and env.py get of `context.get_x_argument()`.",
    ),
    ProjectKey(
        name="autocommit", kind=Kind.SWITCH, default="`false`", example="autocommit = true",
        meaning="Whether revisions run without a transaction, as some are written for (`CREATE INDEX CONCURRENTLY` outside of an `autocommit_block`). "
        "One that fails leaves what it has done. On SQLite they keep theirs.",
    ),
    ProjectKey(
        name="include_object", kind=Kind.TEXT, default="none", example='include_object = "acme.migrating:include_object"',
        meaning="`module:function`, as of `context.configure`; it narrows what is the service's.",
    ),
    ProjectKey(
        name="include_name", kind=Kind.TEXT, default="none", example='include_name = "acme.migrating:include_name"',
        meaning="Likewise.",
    ),
    ProjectKey(
        name="include_schemas", kind=Kind.SWITCH, default="`false`", example="include_schemas = true",
        meaning="Whether models and database are compared in all schemas.",
    ),
    ProjectKey(
        name="render_item", kind=Kind.TEXT, default="dbkit's", example='render_item = "acme.migrating:render_item"',
        meaning="`module:function`; asked before dbkit's own, which renders portable types.",
    ),
    ProjectKey(
        name="render_as_batch", kind=Kind.SWITCH, default="`true`", example="render_as_batch = false",
        meaning="Whether new revisions alter tables in batch mode, as SQLite needs it.",
    ),
    ProjectKey(
        name="process_revision_directives", kind=Kind.TEXT, default="none", example='process_revision_directives = "acme.migrating:directives"',
        meaning="`module:function`, called before a new revision is written.",
    ),
    ProjectKey(
        name="compare_type", kind=Kind.TEXT, default="dbkit's", example='compare_type = "acme.migrating:compare_type"',
        meaning="`module:function`; where it answers None, dbkit's own is asked.",
    ),
    ProjectKey(
        name="compare_server_default", kind=Kind.TEXT, default="dbkit's", example='compare_server_default = "acme.migrating:compare_default"',
        meaning="Likewise.",
    ),
)  # fmt: skip

SERVICE_KEYS: Final = _keys(
    ProjectKey(
        name="service", kind=Kind.TEXT, default="none", example='service = "services.user:service"',
        meaning="`module:attribute` of a `dbkit.Service`. Either this, or `metadata`, or neither where `env` is `own`.",
    ),
    ProjectKey(
        name="metadata", kind=Kind.TEXT, default="none", example='metadata = "acme.models:Base.metadata"',
        meaning="`module:attribute` of a `MetaData`, in code that need not know dbkit.",
    ),
    ProjectKey(
        name="migrations", kind=Kind.TEXT, default="that of the project", example='migrations = "old/alembic"',
        meaning="The Alembic folder: its path, the path of its `alembic.ini`, or `package:folder`.",
    ),
    ProjectKey(
        name="env", kind=Kind.TEXT, default="`dbkit`", example='env = "own"',
        meaning="`dbkit`: the folder's env.py is not run. `own`: it is run, and gets dbkit's connection.",
    ),
    ProjectKey(
        name="version_table", kind=Kind.TEXT, example='version_table = "alembic_version"',
        default="`alembic_version_{service}`; an adopted folder keeps its own",
        meaning="The table that holds the revision of the database.",
    ),
    ProjectKey(
        name="owns", kind=Kind.TEXTS, default="none", example='owns = ["legacy_*"]',
        meaning="Patterns of further tables that are the service's, beside those of its models and its history.",
    ),
    ProjectKey(
        name="seed", kind=Kind.TEXT, default="none", example='seed = "acme.seed:rows"',
        meaning="`module:function` that gives sample rows, beside `metadata`; a `Service` names its own.",
    ),
    ProjectKey(
        name="seed_after", kind=Kind.TEXTS, default="none", example='seed_after = ["user"]',
        meaning="Services whose sample rows are written first, likewise.",
    ),
    ProjectKey(
        name="alembic", kind=Kind.TABLE, default="none", example="[tool.dbkit.services.user.alembic]",
        meaning="What an adopted folder's Alembic is told, where that cannot be found.",
    ),
    ProjectKey(
        name="hooks", kind=Kind.TABLE, default="none", example="[tool.dbkit.services.user.hooks]",
        meaning="Hooks of this service, behind those of the project.",
    ),
)  # fmt: skip

TOP_KEYS: Final = _keys(
    ProjectKey(
        name="migrations", kind=Kind.TEXT, default="`alembic_envs/{service}`", example='migrations = "alembic_envs/{service}"',
        meaning="Where the services' Alembic folders are; `{service}` stands for the service's name.",
    ),
    ProjectKey(
        name="python_path", kind=Kind.TEXTS, default='`["."]`', example='python_path = ["src"]',
        meaning="Folders of the project from which its modules are imported.",
    ),
    ProjectKey(
        name="services", kind=Kind.TABLE, default="none", example="[tool.dbkit.services.user]",
        meaning="The services, a table for each.",
    ),
    ProjectKey(
        name="hooks", kind=Kind.TABLE, default="none", example="[tool.dbkit.hooks]",
        meaning="What is run around the migration of each service.",
    ),
)  # fmt: skip


def check(key: ProjectKey, value: object, *, file: Path, where: str) -> None:
    """Refuse a value that a key does not take.

    Args:
        key: the key.
        value: what stands there.
        file: the file that is read.
        where: the names of the tables before the key, each with a dot behind it.

    Raises:
        ConfigurationError: it is not of the key's kind.
    """
    if not key.kind.takes(value):
        raise ConfigurationError(
            f"{file}: {where}{key.name} is {value!r}, expected {key.kind}", hint=f"write {key.example}"
        )


def check_table(table: Any, keys: Mapping[str, ProjectKey], *, file: Path, where: str) -> None:  # noqa: ANN401 - what TOML holds
    """Refuse a table that holds a key which is not among these, or a value that its key does not take. Raises ConfigurationError."""
    for name, value in table.items():
        if name not in keys:
            raise ConfigurationError(f"{file}: unknown key {where + name!r}", hint=did_you_mean(name, keys))
        check(keys[name], value, file=file, where=where)
