"""What a project's files say, before any service's settings are worked out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dbkit.config.dotenv import DotenvValue, read_dotenv
from dbkit.config.find import OWN_FILE, read_toml, settings_file
from dbkit.config.nearest import did_you_mean
from dbkit.config.project_keys import ALEMBIC_KEYS, HOOK_KEYS, SERVICE_KEYS, TOP_KEYS, check, check_table
from dbkit.config.sealed import sealed
from dbkit.config.settings import BY_FILE_KEY
from dbkit.errors import ConfigurationError

# Words that come to mind first, and what they are called here.
_MEANT: Final = {"name": "database", "backend": "type", "username": "user", "path": "sqlite_path", "ca": "ssl_ca"}
_SECRET: Final = frozenset({"password", "passwd", "pwd", "secret", "token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `dbkit.toml` or `[tool.dbkit]` and `.env` say; plain values, so that it travels to workers."""

    root: Path | None = None
    """The project's folder; None outside any project."""
    file: Path | None = None
    """The file that was read."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The database keys for all services, by their names in the file: `type`, `host`, `database`, …"""
    migrations: str | None = None
    """Where the services' revisions are, `{service}` in it; None where the file does not say."""
    python_path: tuple[str, ...] = (".",)
    """The folders that modules are imported from, relative to the project's."""
    hooks: Mapping[str, Any] = field(default_factory=dict)
    """The hooks for all services, by their names in the file."""
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The table of each service as it stands: `service`, `metadata`, …, and its own database keys."""
    dotenv: Mapping[str, DotenvValue] = field(default_factory=dict)

    @property
    def database(self) -> str | None:
        """The template of the databases' names that the file gives."""
        found = self.values.get("database")
        return None if found is None else str(found)


@sealed
def load_settings(root: Path) -> Settings:
    """Read a project's `dbkit.toml` (else `[tool.dbkit]` in its `pyproject.toml`) and its `.env`.

    Raises:
        ConfigurationError: one of them cannot be read, or holds an unknown key, a value of a wrong type or a password.
    """
    root = root.absolute()
    dotenv = read_dotenv(root / ".env")
    file = settings_file(root)
    if file is None:
        return Settings(root=root, dotenv=dotenv)
    table = _table_of(file)
    values = {key: value for key, value in table.items() if key not in TOP_KEYS}
    _check_database_keys(values, file, "", TOP_KEYS)
    for key in table.keys() & TOP_KEYS.keys():
        check(TOP_KEYS[key], table[key], file=file, where="")
    services, hooks = table.get("services", {}), table.get("hooks", {})
    check_table(hooks, HOOK_KEYS, file=file, where="hooks.")
    for name, entry in services.items():
        _check_service(name, entry, file)
    return Settings(
        root=root,
        file=file,
        values=values,
        migrations=table.get("migrations"),
        python_path=tuple(table.get("python_path", ["."])),
        hooks=hooks,
        services=services,
        dotenv=dotenv,
    )


def _table_of(file: Path) -> Mapping[str, Any]:
    """Take dbkit's table out of the file; in a dbkit.toml it may stand at the top or under [tool.dbkit]."""
    document: Mapping[str, Any] = read_toml(file)
    if file.name == OWN_FILE and "tool" not in document:
        return document
    table: Any = document.get("tool", {}).get("dbkit", {})
    if not isinstance(table, dict):
        raise ConfigurationError(
            f"{file}: tool.dbkit must be a table", hint="write [tool.dbkit], and the keys below it"
        )
    return table


def _check_service(name: str, entry: object, file: Path) -> None:
    where = f"services.{name}"
    if not isinstance(entry, dict):
        raise ConfigurationError(
            f"{file}: {where} must be a table", hint="write [tool.dbkit.services.NAME], and the keys below it"
        )
    _check_database_keys(
        {key: value for key, value in entry.items() if key not in SERVICE_KEYS}, file, f"{where}.", SERVICE_KEYS
    )
    for key in entry.keys() & SERVICE_KEYS.keys():
        check(SERVICE_KEYS[key], entry[key], file=file, where=f"{where}.")
    check_table(entry.get("alembic", {}), ALEMBIC_KEYS, file=file, where=f"{where}.alembic.")
    check_table(entry.get("hooks", {}), HOOK_KEYS, file=file, where=f"{where}.hooks.")


def _check_database_keys(values: Mapping[str, Any], file: Path, prefix: str, others: Mapping[str, object]) -> None:  # noqa: PLR0917 - where it stands
    for key, value in values.items():
        if key.lower() in _SECRET:
            raise ConfigurationError(
                f"{file}: {prefix}{key}: a password does not belong into a file that is committed",
                hint="set DATABASE_PASSWORD_FILE or DATABASE_PASSWORD in the environment or in .env",
            )
        if key not in BY_FILE_KEY:
            hint = f"did you mean {_MEANT[key]!r}?" if key in _MEANT else did_you_mean(key, {*BY_FILE_KEY, *others})
            raise ConfigurationError(f"{file}: unknown key {prefix + key!r}", hint=hint)
        if not isinstance(value, str | int | float | bool):
            raise ConfigurationError(
                f"{file}: {prefix}{key}: expected one value, not {type(value).__name__}",
                hint="write one text, number or truth value",
            )
