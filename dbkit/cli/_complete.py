"""What a shell offers behind the cursor: read from the project's file alone, so that pressing Tab waits for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import typer


def services(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the project's services that are not on the line already; none where there is no project or it cannot be read."""
    from dbkit.config import find_root, load_settings
    from dbkit.errors import DbkitError

    try:
        root = find_root()
        known = [] if root is None else sorted(load_settings(root).services)
    except (DbkitError, OSError):  # the command itself will say what is wrong; a prompt is no place for it
        return []
    given = context.params.get("services") or ()
    return _beginning(incomplete, (name for name in known if name not in given))


def backends(incomplete: str) -> list[str]:
    """Offer the names of all backends that are installed."""
    from dbkit.backends import backend_names

    return _beginning(incomplete, backend_names())


def words(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Make what offers a few words."""
    offered = list(known)

    def offer(incomplete: str) -> list[str]:
        return _beginning(incomplete, offered)

    return offer


def _beginning(incomplete: str, known: Iterable[str]) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
