"""What a database may be called: one rule for all backends, and their own quotes and limits."""

from __future__ import annotations

import re

# Letters and digits of any script are left out on purpose: they fold and normalise differently on every server.
ALLOWED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$-]*")


def refuse_name(name: str, limit: int) -> str | None:
    """Say why `name` cannot be a database's name, or None where it can."""
    if not name:
        return "it is empty"
    if len(name) > limit:
        return f"it has {len(name)} characters, {limit} are allowed"
    if not ALLOWED.fullmatch(name):
        return "only letters, digits, '_', '-' and '$' are allowed, and it must begin with a letter, a digit or '_'"
    return None


def quote(name: str, opening: str, closing: str) -> str:
    """Quote an identifier, doubling the closing quote within it."""
    return opening + name.replace(closing, closing * 2) + closing
