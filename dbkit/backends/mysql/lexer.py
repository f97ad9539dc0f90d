"""The words of a statement of the MySQL family, without comments and with the quotes taken off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# What stands in executable comments (/*!50100 … */, MariaDB's /*M! … */, TiDB's /*T![ttl] … */) is read, other comments are not:
# https://dev.mysql.com/doc/refman/8.0/en/comments.html, https://docs.pingcap.com/tidb/stable/comment-syntax
_TOKEN: Final = re.compile(
    r"""
      (?P<nothing>\s+ | --(?:\s[^\n]*|$) | \#[^\n]* | /\*M?!\d* | /\*T!(?:\[[^\]]*\])? | \*/ | /\*.*?(?:\*/|\Z))
    | `(?P<name>(?:[^`]|``)*)`
    | (?P<text>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*")
    | (?P<word>@{0,2}[\w$]+)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, name, text or sign."""

    text: str
    kind: str
    """`word`, `name` (in backticks), `text` or `sign`."""

    @property
    def word(self) -> str:
        """The word in capitals; empty for whatever is quoted, which is no keyword."""
        return self.text.upper() if self.kind == "word" else self.text if self.kind == "sign" else ""

    @property
    def is_name(self) -> bool:
        """Whether it can name something."""
        return self.kind in {"word", "name"}


def tokens(statement: str) -> list[Token]:
    """Take a statement apart."""
    found = []
    for match in _TOKEN.finditer(statement):
        kind = match.lastgroup or ""
        if kind != "nothing":
            text = match[kind]
            found.append(Token(text.replace("``", "`") if kind == "name" else text, kind))
    return found


class Reader:
    """Reads tokens from left to right."""

    def __init__(self, statement: str) -> None:
        """Begin at the first one."""
        self._tokens = tokens(statement)
        self._at = 0

    @property
    def word(self) -> str:
        """The word that comes next; empty at the end and before what is quoted."""
        return self._tokens[self._at].word if self._at < len(self._tokens) else ""

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more but a semicolon."""
        return all(token.text == ";" for token in self._tokens[self._at :])

    def words(self) -> list[str]:
        """List the words to come."""
        return [token.word for token in self._tokens[self._at :]]

    def step(self) -> None:
        """Pass one token over."""
        self._at += 1

    def take(self, *wanted: str) -> str | None:
        """Take the next word if it is one of these."""
        word = self.word
        if word not in wanted or not word:
            return None
        self._at += 1
        return word

    def skip(self, *wanted: str) -> None:
        """Pass these over, as often as they come, in any order."""
        while self.take(*wanted):
            pass

    def skip_to(self, *wanted: str) -> str | None:
        """Pass everything over to one of these outside of parentheses, and take it."""
        depth = 0
        while self._at < len(self._tokens):
            if not depth and (found := self.take(*wanted)):
                return found
            depth += {"(": 1, ")": -1}.get(self.word, 0)
            self._at += 1
        return None

    def name(self) -> tuple[str | None, str] | None:
        """Take a name, with the database's before it where it is there."""
        first = self._name()
        if first is None:
            return None
        if self.take("."):
            second = self._name()
            return None if second is None else (first, second)
        return None, first

    def _name(self) -> str | None:
        if self._at >= len(self._tokens) or not self._tokens[self._at].is_name:
            return None
        self._at += 1
        return self._tokens[self._at - 1].text
