"""The settings as text: the reference page's table and `.env.example`, made of the one table of settings."""

from __future__ import annotations

from collections.abc import Iterator

from dbkit.config.settings import SETTINGS, Setting

_HEAD = """\
# Settings of dbkit. Copy to .env and fill in; variables of the real environment come first.
# A service's own value has its name in front: @_DATABASE_HOST. A secret is better kept in a file: DATABASE_PASSWORD_FILE.
"""


def env_example(*, service: str = "user", database: str | None = None) -> str:
    """Write `.env.example`: every key, commented out, with its meaning and default.

    Args:
        service: the name of a service, for an example of its own variables.
        database: the name of databases where no variable says it, which the project's file gives.
    """
    head = _HEAD.replace("@", service.upper())
    own = {"DATABASE_NAME": database} if database else {}
    return head + "".join(f"\n{_block(one, own.get(one.key, one.default))}" for one in SETTINGS)


def settings_table() -> str:
    """Write the table of the reference page, in Markdown."""
    return "\n".join(("| key | in a file | meaning | default |", "|---|---|---|---|", *_rows())) + "\n"


def _block(setting: Setting, default: str) -> str:
    alias = f" Also {', '.join(setting.aliases)}." if setting.aliases else ""
    return f"# {setting.meaning}{alias}\n# Default: {default}.\n# {setting.key}={setting.example}\n".replace("`", "")


def _rows() -> Iterator[str]:
    for setting in SETTINGS:
        names = "<br>".join(f"`{name}`" for name in (setting.key, *setting.aliases))
        file_key = f"`{setting.file_key}`" if setting.file_key else "not there"
        yield f"| {names} | {file_key} | {setting.meaning} | {setting.default} |"
