"""Changes within a loaded JSON document or array reach the database, however deep they are made.

What the ORM loads becomes dicts and lists that tell their instance when they change. What a program assigns stays as it is
until the flush, which writes it; from then on it is tracked too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.attributes import flag_modified

__all__ = ["TrackedDict", "TrackedList"]


class _Owner:
    """The instance and attribute that a document belongs to.

    It holds the instance: `load(session).settings["a"] = 1` must not lose the change with the instance that nobody kept.
    """

    __slots__ = ("instance", "key", "root")

    def __init__(self, instance: object, key: str) -> None:
        self.instance = instance
        self.key = key
        self.root: object = None

    def changed(self) -> None:
        """Mark the attribute as modified, unless it has another value by now.

        Raises InvalidRequestError where the attribute has been expired: the change would be lost.
        """
        current = sa.inspect(self.instance).dict.get(self.key)
        if current is None or current is self.root:
            flag_modified(self.instance, self.key)


def _changing(method: str, base: type) -> Callable[..., Any]:
    """Make a method that does what the base's does and then tells the owner."""
    original = getattr(base, method)

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the signature of the base's
        result = original(self, *args, **kwargs)
        self.owner.changed()
        return self if method in {"__ior__", "__iadd__", "__imul__"} else result

    return change


class TrackedDict(dict[str, Any]):
    """A dict that tells its instance when it changes; copies and pickles are plain dicts."""

    owner: _Owner

    def __reduce__(self) -> tuple[Any, ...]:
        """Be copied and pickled as a plain dict."""
        return (dict, (dict(self),))


class TrackedList(list[Any]):
    """A list that tells its instance when it changes; copies and pickles are plain lists."""

    owner: _Owner

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:  # noqa: ANN401 - the signature of the base's
        """Be copied and pickled as a plain list."""
        return (list, (list(self),))


for _method in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(TrackedDict, _method, _changing(_method, dict))
for _method in (
    *("__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "clear", "extend", "insert"),
    *("pop", "remove", "reverse", "sort"),
):
    setattr(TrackedList, _method, _changing(_method, list))


def _tracked(value: Any, owner: _Owner) -> Any:  # noqa: ANN401 - any JSON value
    """Give the value with all that is within tracked; what this owner tracks already stays the same object."""
    if isinstance(value, dict):
        made = value if isinstance(value, TrackedDict) and value.owner is owner else TrackedDict()
        made.owner = owner
        dict.update(made, {key: _tracked(item, owner) for key, item in value.items()})
        return made
    if isinstance(value, list):
        items = [_tracked(item, owner) for item in value]
        found = value if isinstance(value, TrackedList) and value.owner is owner else TrackedList()
        found.owner = owner
        list.__setitem__(found, slice(None), items)
        return found
    return value


def _track(instance: object, keys: Iterable[str]) -> None:
    """Track the documents that an instance holds, behind the ORM's back: nothing has changed."""
    values = sa.inspect(instance).dict
    for key in keys:
        value = values.get(key)
        if isinstance(value, dict | list):
            known: _Owner | None = getattr(value, "owner", None)
            owner = known if known and known.instance is instance and known.key == key else _Owner(instance, key)
            values[key] = owner.root = _tracked(value, owner)


class _Listener:
    """What listens to one mapped class."""

    def __init__(self, keys: frozenset[str]) -> None:
        self.keys = keys

    def on_load(self, instance: object, _context: object, attributes: Iterable[str] | None = None) -> None:
        """Track what was loaded."""
        _track(instance, self.keys if attributes is None else self.keys.intersection(attributes))

    def on_write(self, _mapper: object, _connection: object, instance: object) -> None:
        """Track what was assigned, now that it is written."""
        _track(instance, self.keys)


def _listen(mapper: orm.Mapper[Any], cls: type) -> None:
    keys = frozenset(
        attribute.key for attribute in mapper.column_attrs if getattr(attribute.columns[0].type, "mutable", False)
    )
    if not keys:
        return
    listener = _Listener(keys)
    for event in ("load", "refresh", "refresh_flush"):
        sa.event.listen(cls, event, listener.on_load)
    for event in ("after_insert", "after_update"):
        sa.event.listen(mapper, event, listener.on_write)
    _tracked_keys[cls] = keys


def _on_attach(_session: object, instance: object) -> None:
    """Track what an instance brings with it that was pickled, or loaded by another session."""
    _track(instance, _tracked_keys.get(type(instance), ()))


_tracked_keys: WeakKeyDictionary[type, frozenset[str]] = WeakKeyDictionary()
sa.event.listen(orm.Session, "detached_to_persistent", _on_attach)

# For every mapper there will be: the types are known only when the models are.
sa.event.listen(orm.Mapper, "mapper_configured", _listen)
