"""The portable enumeration."""

from __future__ import annotations

import enum
from typing import Any

import sqlalchemy as sa

from dbkit.backends.kinds import EnumKind
from dbkit.errors import TypeRefusedError
from dbkit.types.base import PortableType, frozen

__all__ = ["Enum"]

LABEL_LIMIT = 64


class Enum(PortableType[Any]):
    """One of a set of labels, or a member of a Python enum whose values are the labels. Sorts by label, on every backend."""

    impl = sa.String(LABEL_LIMIT)
    cache_ok = True
    checked = True

    def __init__(self, *labels: str | type[enum.Enum]) -> None:
        """Keep the labels, or take them from the one enum class that is given.

        Raises:
            TypeRefusedError: a label is empty, over 64 characters, ends in a blank, is no str, or is there twice.
        """
        super().__init__()
        self.enum_class: type[enum.Enum] | None = None
        if len(labels) == 1 and isinstance(labels[0], type):
            self.enum_class = labels[0]
            labels = tuple(member.value for member in labels[0])
        self.labels = tuple(_checked(labels))
        self.kind = EnumKind(labels=self.labels)
        self._known = frozenset(self.labels)

    def accept(self, value: object) -> str:
        """Take a member of the enum class, or one of the labels."""
        label = value
        if isinstance(value, enum.Enum):
            if self.enum_class is not None and not isinstance(value, self.enum_class):
                raise self.refused(value, f"it is no {self.enum_class.__name__}", hint=self._choices())
            label = value.value
        if isinstance(label, str) and label in self._known:
            return str(label)
        raise self.refused(value, "it is none of the labels", hint=self._choices())

    def restore(self, value: str) -> Any:  # noqa: ANN401 - a member, or a label
        """Make a member of the label, where there is an enum class."""
        if value not in self._known:
            raise self.refused(value, "the database holds a label that the model does not know", hint=self._choices())
        return value if self.enum_class is None else self.enum_class(value)

    def constant(self, value: object) -> object:
        """Word a member as its label."""
        return value.value if isinstance(value, enum.Enum) else value

    def frozen_repr(self) -> str:
        """Word the type as revisions have it: by its labels, which outlive the enum class."""
        return f"dbt.v1.Enum({', '.join(frozen(label) for label in self.labels)})"

    def _cache_extra(self) -> tuple[Any, ...]:
        return (self.enum_class,)

    def _choices(self) -> str:
        return "use one of " + ", ".join(frozen(label) for label in self.labels)


def _checked(labels: tuple[Any, ...]) -> tuple[str, ...]:
    if not labels:
        message = "an Enum without labels holds nothing"
        raise TypeRefusedError(
            message, hint='write Enum("draft", "active"), or give an enum class whose values are str'
        )
    for label in labels:
        why = _fault(label)
        if why:
            message = f"{label!r} cannot be a label: {why}"
            raise TypeRefusedError(message, hint=f"use 1 to {LABEL_LIMIT} characters without a blank at the end")
    if len(set(labels)) != len(labels):
        message = f"a label is there twice: {', '.join(map(repr, labels))}"
        raise TypeRefusedError(message, hint="name each label once")
    return tuple(str.__str__(label) for label in labels)


def _fault(label: object) -> str | None:
    if not isinstance(label, str):
        return f"a {type(label).__name__} is not a str"
    if not 1 <= len(label) <= LABEL_LIMIT:
        return f"it has {len(label)} characters"
    # MariaDB and TiDB cut them off (seen on 10.11 and 8.5.3).
    if label != label.rstrip():
        return "it ends in a blank"
    # MariaDB and TiDB print it differently in SHOW CREATE TABLE (seen on 10.11 and 8.5.3).
    if "\\" in label:
        return "it holds a backslash"
    return None if label.isprintable() else "it holds a character that cannot be printed"
