"""Reducing SQL wordings to one spelling: what the backends' `canonical` modules are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

__all__ = ["bare", "column_type", "is_number", "number", "outside_quotes"]

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|[^\s\w]""")
_QUOTED = re.compile(r"('(?:[^']|'')*')")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def column_type(text: str, synonyms: Iterable[tuple[str, str]]) -> str:
    """Word a column type in capitals and without blanks, collation and CHECK; `synonyms` are patterns and what they become."""
    found = ""
    for token in _type_tokens(text):
        apart = found and (found[-1].isalnum() or found[-1] in "_)'") and (token[0].isalnum() or token[0] in "_'")
        found += f" {token}" if apart else token
    for pattern, spelling in synonyms:
        found = re.sub(rf"^(?:{pattern})(?!\w)", spelling, found)
    return found


def _type_tokens(text: str) -> Iterator[str]:
    """Give the tokens that say what the type is, up to a CHECK."""
    tokens = iter(_TOKEN.findall(text))
    for token in tokens:
        word = token if token.startswith(("'", '"')) else token.upper()
        if word in {"CONSTRAINT", "CHECK"}:
            return
        if word == "CHARACTER" and (following := next(tokens, "")).upper() != "SET":
            yield from (word, following.upper())
        elif word in {"COLLATE", "CHARSET", "CHARACTER"}:
            next(tokens, None)
        else:
            yield word


def outside_quotes(text: str, pattern: str, spelling: str) -> str:
    """Replace a pattern, in any case, wherever it is not within a string constant."""
    parts = _QUOTED.split(text)
    parts[::2] = [re.sub(pattern, spelling, part, flags=re.IGNORECASE) for part in parts[::2]]
    return "".join(parts)


def bare(text: str) -> str:
    """Take the parentheses off that stand around the whole of an expression, and the blanks."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _closes_last(text):
        text = text[1:-1].strip()
    return text


def _closes_last(text: str) -> bool:
    """Tell whether the first parenthesis is closed by the last character."""
    depth = 0
    plain = _QUOTED.sub(lambda match: "_" * len(match[0]), text)
    for position, character in enumerate(plain):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(plain) - 1
    return False


def is_number(text: str) -> bool:
    """Tell whether a text is a number in SQL."""
    return _NUMBER.fullmatch(text) is not None


def number(text: str) -> str:
    """Word a number in digits alone: no exponent, no zeros that say nothing."""
    digits = f"{Decimal(text):f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits in {"-0", ""} else digits
