"""Which known word was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def within(first: str, second: str, edits: int) -> bool:
    """Tell whether at most so many insertions, deletions and replacements make one word of the other."""
    if abs(len(first) - len(second)) > edits:
        return False
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    rest, other = first[at:], second[at:]
    if not rest or not other:
        return len(rest) + len(other) <= edits
    if edits == 0:
        return False
    steps = ((rest[1:], other[1:]), (rest[1:], other), (rest, other[1:]))
    return any(within(a, b, edits - 1) for a, b in steps)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Choose the known word that is most like this one; None where none is alike."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Word the hint for an unknown word: the nearest known one, else all of them."""
    words = sorted(known)
    near = nearest(word, words)
    return f"did you mean {near!r}?" if near else f"known: {', '.join(words)}"
