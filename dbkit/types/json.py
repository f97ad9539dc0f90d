"""The portable JSON document."""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from dbkit.backends.kinds import JsonKind
from dbkit.backends.storage import INT64_MIN, UINT64_MAX
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType, shortened
from dbkit.types.compared import COMPARISONS, Compared

__all__ = ["Json"]

# MariaDB's json_valid is 0 from depth 32 on (seen on 10.11).
DEPTH_LIMIT = 31


PATHS = frozenset({operators.json_getitem_op, operators.json_path_getitem_op})


class _Document(sa.JSON):
    """The generic type, with the operators that give the same on every backend."""

    cache_ok = True

    class Comparator(sa.JSON.Comparator[Any]):
        """Refuses, when the expression is written, to compare a part of a document as a document."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's signature
            """Check what is compared: MariaDB compares the text of a part, without quotes and with blanks (10.11)."""
            part = isinstance(self.expr, sa.BinaryExpression) and self.expr.operator in PATHS
            if part and op in COMPARISONS and other != (None,):
                message = f"a part of a document cannot be compared with {shortened(other[0])} on every backend"
                hint = 'say what it is: document["key"].as_string() == ..., .as_integer(), .as_boolean(), .as_float()'
                raise TypeRefusedError(message, hint=hint)
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator


class Json(PortableType[Any]):
    """A JSON document: dict, list, str, int, float, bool. None is SQL NULL at the top, and null within."""

    impl = _Document(none_as_null=True)
    cache_ok = True
    checked = True
    mutable = True
    hashable = False

    def __init__(self) -> None:
        """Take no parameters."""
        super().__init__()
        self.kind = JsonKind()

    def accept(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Take what every backend gives back equal; whole floats become ints, as TiDB makes them."""
        return self._accept(value, depth=1)

    def _accept(self, value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return self._integer(value)
        if isinstance(value, float):
            return self._float(value)
        return self._nested(value, depth)

    def _nested(self, value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(value, dict | list):
            hint = "use dict, list, str, int, float, bool and None; word dates, UUIDs and decimals as text"
            raise self.refused(value, f"a {type(value).__name__} is not JSON", hint=hint)
        if depth > DEPTH_LIMIT:
            raise self.refused(value, f"it is nested deeper than {DEPTH_LIMIT}", hint="flatten the document")
        if isinstance(value, list):
            return [self._accept(item, depth + 1) for item in value]
        return {self._key(key): self._accept(item, depth + 1) for key, item in value.items()}

    def _key(self, key: Any) -> str:  # noqa: ANN401 - anything hashable
        if not isinstance(key, str):
            raise self.refused(key, f"a key is a str, not a {type(key).__name__}", hint="pass str(key)")
        return self._text(key)

    def _text(self, text: str) -> str:
        if "\0" in text:
            raise self.refused(text, "PostgreSQL keeps no NUL character", hint="take the NUL out")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise self.refused(text, "it holds a lone surrogate", hint="decode the bytes anew")
        return str.__str__(text)

    def _integer(self, number: int) -> int:
        if not INT64_MIN <= number <= UINT64_MAX:
            hint = f"keep it within {INT64_MIN} and {UINT64_MAX}, or word it as text"
            raise self.refused(number, "TiDB and MySQL keep whole numbers of 64 bits alone", hint=hint)
        return int(number)

    def _float(self, number: float) -> float:
        if not math.isfinite(number):
            raise self.refused(number, "JSON has no NaN and no infinity", hint="store None")
        if number.is_integer() and INT64_MIN <= number <= UINT64_MAX:
            return int(number)
        return float(number)

    def coerce_compared_value(self, op: Any, value: Any) -> sa.types.TypeEngine[Any]:  # noqa: ANN401 - SQLAlchemy's signature
        """Type the other operand: a document where it is compared, and as JSON does where it is an index."""
        if op in COMPARISONS:
            return Compared(self)
        return self.impl_instance.coerce_compared_value(op, value)

    def compare_values(self, x: Any, y: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's signature
        """Tell whether two documents are the same; True and 1 are not, though Python says so."""
        return same(x, y)

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return "dbt.v1.Json()"


def same(x: Any, y: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Compare two documents as JSON has it: a bool is no number, and 1.0 is 1."""
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(same(x[key], y[key]) for key in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(same, x, y))
    return bool(x == y) and isinstance(x, bool) == isinstance(y, bool)
