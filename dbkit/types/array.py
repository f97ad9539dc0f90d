"""The portable array."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from dbkit.backends.kinds import ArrayKind
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType
from dbkit.types.compared import COMPARISONS, Compared
from dbkit.types.json import same

__all__ = ["Array"]

ITEMS = frozenset({"string", "text", "integer", "float", "boolean", "uuid", "numeric", "date", "utc_datetime", "enum"})


class Array(PortableType[list[Any]]):
    """A list, one dimension deep, of items of one portable type; items may be None."""

    impl = sa.ARRAY
    cache_ok = True
    checked = True
    mutable = True
    hashable = False

    def __init__(self, item: PortableType[Any] | type[PortableType[Any]]) -> None:
        """Keep the items' type.

        Raises:
            TypeRefusedError: the items are of a type that an array cannot hold.
        """
        made = item() if isinstance(item, type) else item
        if not isinstance(made, PortableType) or made.kind.name not in ITEMS:
            message = f"an array cannot hold {made!r}"
            raise TypeRefusedError(message, hint="give it a portable type such as Text(), or use Json()")
        super().__init__(made.impl_instance)
        self.item = made
        self.kind = ArrayKind(item=made.kind)

    def accept(self, value: object) -> list[Any]:
        """Take a list of items that are None or that their type accepts."""
        if not isinstance(value, list):
            raise self.refused(value, f"a {type(value).__name__} is not a list", hint="pass a list, such as list(...)")
        return [None if item is None else self.item.accept(item) for item in value]

    def restore(self, value: list[Any]) -> list[Any]:
        """Make of each item what the models expect; vectors are long, and floats are that already."""
        if type(self.item).restore is PortableType.restore:
            return value
        return [None if item is None else self.item.restore(item) for item in value]

    def parse(self, value: object) -> object:
        """Read each item's constant."""
        return [None if item is None else self.item.parse(item) for item in value] if isinstance(value, list) else value

    def coerce_compared_value(self, op: Any, value: Any) -> sa.types.TypeEngine[Any]:  # noqa: ANN401 - SQLAlchemy's signature
        """Type the other operand: a whole array where it is compared."""
        return Compared(self) if op in COMPARISONS else self.impl_instance.coerce_compared_value(op, value)

    def compare_values(self, x: Any, y: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's signature
        """Tell whether two lists are the same."""
        return same(x, y)

    def frozen_repr(self) -> str:
        """Word the type as revisions have it."""
        return f"dbt.v1.Array({self.item.frozen_repr()})"

    def _cache_extra(self) -> tuple[Any, ...]:
        return (self.item._static_cache_key,)  # noqa: SLF001 - a portable type's own
