"""One spelling for each column type and default."""

from __future__ import annotations


def canonical_type(text: str) -> str:
    """Reduce a column type's wording to one spelling."""
    return text.upper()


def canonical_default(text: str | None) -> str | None:
    """Reduce a default's wording to one spelling."""
    return text
