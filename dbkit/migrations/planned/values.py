"""Parameters as the driver gets them, as JSON and back, each of the type that it was."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from dbkit.errors import UnplannableError

__all__ = ["dump", "load"]

_DUMPED: Final[dict[type, tuple[str, Callable[[Any], object]]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode()),
    bytearray: ("bytearray", lambda value: base64.b64encode(value).decode()),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    tuple: ("tuple", lambda value: [_plain(one) for one in value]),
    list: ("list", lambda value: [_plain(one) for one in value]),
    dict: ("dict", lambda value: [[_plain(key), _plain(one)] for key, one in value.items()]),
    float: ("float", repr),
}
_LOADED: Final[dict[str, Callable[[Any], Any]]] = {
    "bytes": base64.b64decode,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "decimal": Decimal,
    "uuid": UUID,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "tuple": lambda parts: tuple(_value(one) for one in parts),
    "list": lambda parts: [_value(one) for one in parts],
    "dict": lambda parts: {_value(key): _value(one) for key, one in parts},
    "float": float,
}


def dump(value: object) -> str:
    """Write a value as JSON.

    Raises:
        UnplannableError: it is, or holds, something of a type that cannot be written down.
    """
    return json.dumps(_plain(value), separators=(",", ":"))


def load(text: str) -> Any:  # noqa: ANN401 - whatever was written
    """Read what was written.

    Raises:
        ValueError: it is none of that.
    """
    return _value(json.loads(text))


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool) or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # of subclasses what the driver sends, not what they show
    if isinstance(value, int):
        return int(value)
    if type(value) not in _DUMPED:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise UnplannableError(
            f"a parameter of type {kind} cannot be kept in a plan", hint="give the value as text, number, bytes or date"
        )
    name, dumped = _DUMPED[type(value)]
    return {name: dumped(value)}


def _value(plain: object) -> Any:  # noqa: ANN401 - likewise
    if not isinstance(plain, dict):
        return plain
    [(name, inner)] = plain.items()
    if name not in _LOADED:
        raise ValueError(f"no such type: {name!r}")
    return _LOADED[name](inner)
