"""What hides secrets in text: every value that was ever seen as one, however it is encoded, and passwords in URLs."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from urllib.parse import quote, quote_plus

MASK = "***"

# A shorter value would turn ordinary words into asterisks; it is hidden where a URL or a `password=` gives it away.
SHORTEST = 4

# How much of a refused value is shown, in characters.
SHOWN = 200

# A process that runs for months meets a new token every few minutes; those that were used last are hidden.
MOST = 500

# The user's part must not reach over a slash or a blank, or prose between two URLs would be eaten.
_URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@?#'\"]*):([^\s]*)@(?=[\w.\-\[%])")
# `password=x`, `PWD={x}`, `'password': 'x'`; behind a colon only what is quoted, because prose has "password: wrong".
_ASSIGNED = re.compile(
    r"(?<![a-z])((?:password|passwd|pwd)(?:\s*=\s*|['\"]?\s*[:=]\s*(?=['\"])))"
    r"(?!\*\*\*)(?:\{(?:[^}]|\}\})*\}|'[^']*'|\"[^\"]*\"|[^\s;,&'\")]+)",
    re.IGNORECASE,
)


class _Registry:
    """The values that must not be seen, in every form in which they turn up.

    Looking for one after the other is faster than a pattern of them all, and a new one costs nothing to begin with.
    """

    def __init__(self) -> None:
        self._values: dict[str, frozenset[str]] = {}
        self._forms: tuple[str, ...] | None = ()
        self._lock = threading.Lock()

    def add(self, value: str) -> None:
        if len(value) < SHORTEST:
            return
        with self._lock:
            known = self._values.pop(value, None)
            self._values[value] = known if known is not None else frozenset(_forms(value))
            if known is None:
                self._forms = None
            while len(self._values) > MOST:
                del self._values[next(iter(self._values))]

    def hide(self, text: str) -> str:
        for form in self._current():
            if form in text:
                text = text.replace(form, MASK)
        return text

    def _current(self) -> tuple[str, ...]:
        with self._lock:
            if self._forms is None:
                # the longest first, or a part of an encoded form would stay
                self._forms = tuple(sorted(frozenset().union(*self._values.values()), key=len, reverse=True))
            return self._forms

    def renew_lock(self) -> None:
        """Give a forked child a lock of its own: another thread of the parent may have held it."""
        self._lock = threading.Lock()


_registry = _Registry()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_registry.renew_lock)


def _forms(value: str) -> set[str]:
    """List the spellings in which a value turns up: in URLs, connection strings, reprs, JSON and base64."""
    data = value.encode("utf-8", "surrogateescape")
    encoded = {base64.b64encode(data), base64.urlsafe_b64encode(data)}
    base64s = {form.decode("ascii") for form in encoded}
    percent = {quote(data, safe=safe) for safe in ("", "/", " +")} | {quote_plus(data)}
    escaped = {repr(value)[1:-1], ascii(value)[1:-1], json.dumps(value)[1:-1], repr(data)[2:-1]}
    # a frame or message that went through latin-1 or shows UTF-8 bytes as latin-1
    latin = {repr(value.encode("latin-1", "replace"))[2:-1], data.decode("latin-1")}
    spellings = percent | {re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), form) for form in percent}
    unpadded = {form.rstrip("=") for form in base64s}
    forms = {value, value.replace("}", "}}")} | base64s | unpadded | spellings | escaped | latin
    return {form for form in forms if len(form) >= SHORTEST and form.strip("?")}


def register(value: str) -> None:
    """Have `redact` hide this value from now on, in this process."""
    _registry.add(value)


def redact(text: str) -> str:
    """Replace every known secret in a text, and whatever stands as a password in a URL or behind `password=`."""
    hidden = _registry.hide(text)
    hidden = _URL_PASSWORD.sub(rf"\1:{MASK}@", hidden)
    return _ASSIGNED.sub(rf"\1{MASK}", hidden)


def show(value: object) -> str:
    """Word a value that is not secret for a message; what was put in the wrong place by mistake stays hidden."""
    text = redact(str(value))
    # a whole file in the wrong place is known by its beginning
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
