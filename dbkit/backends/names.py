"""What a database may be called: one rule for all backends, and their own quotes and limits."""

from __future__ import annotations

import re

# Letters and digits of any script are left out on purpose: they fold and normalise differently on every server.
ALLOWED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$-]*")


def refuse_name(name: str, limit: int, *, reserved: frozenset[str] = frozenset()) -> str | None:
    """Say why `name` cannot be a database's name, or None where it can.

    Args:
        name: the name.
        limit: how many characters it may have.
        reserved: the databases that the server keeps its own affairs in, in small letters.
    """
    if not name:
        return "it is empty"
    if len(name) > limit:
        return f"it has {len(name)} characters, {limit} are allowed"
    if not ALLOWED.fullmatch(name):
        return "only letters, digits, '_', '-' and '$' are allowed, and it must begin with a letter, a digit or '_'"
    if name.lower() in reserved:
        return "it is the server's own"
    return None


def quote(name: str, opening: str, closing: str) -> str:
    """Quote an identifier, doubling the closing quote within it."""
    return opening + name.replace(closing, closing * 2) + closing
