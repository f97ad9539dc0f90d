"""What the operations of all services do with values before a database sees them: each refusal names the field."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

import dbkit.types as dbt
from dbkit.errors import ValueRefusedError
from services.errors import Invalid

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute, Mapper

__all__ = [
    "accepted",
    "canonical",
    "each_once",
    "equal",
    "folded",
    "in_order",
    "moment",
    "only",
    "prove_language",
    "prove_within",
]

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_LARGEST_BYTES: Final = 64 * 2**10
"""Of a text, a list or an object, where its column does not name another most (`info={"largest_bytes": …}`)."""


def only(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Give the values. Raises Invalid where one is of none of these fields, though the model may have it."""
    for field in values:
        if field not in fields:
            raise Invalid(field, "there is no such field")
    return dict(values)


def in_order(wanted: Mapping[str, Any], fields: Collection[str]) -> list[object]:
    """Give what a list is asked for, field by field. Raises Invalid where it is asked for by none of these."""
    found = only(wanted, fields)
    return [found.get(field) for field in fields]


def accepted(model: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give values as the columns of a model take them, before anything is sent.

    Raises:
        Invalid: there is no such field, or it cannot have this value; it names the field.
    """
    columns, found = _columns(sa.inspect(model)), {}
    for field, value in values.items():
        if field not in columns:
            raise Invalid(field, "there is no such field")
        found[field] = _fitted(field, columns[field], value)
    for field, value in found.items():
        _prove_filled(field, columns[field], value)
        _prove_range(field, columns[field], value)
    return found


def moment(field: str, value: datetime) -> datetime:
    """Give a moment. Raises Invalid where it has no time zone, for then it is none."""
    if value.tzinfo is None:
        raise Invalid(field, f"{value.isoformat()} has no time zone")
    return value


def equal(model: type[Any], **values: object) -> list[sa.ColumnElement[bool]]:
    """Word which rows have these values; one that is None does not matter. Raises Invalid where no row could have one."""
    wanted = accepted(model, {field: value for field, value in values.items() if value is not None})
    return [getattr(model, field) == value for field, value in wanted.items()]


def each_once(field: str, texts: Iterable[str], attribute: InstrumentedAttribute[Any] | None = None) -> list[str]:
    """Give texts in their order, each once.

    Raises:
        Invalid: it is one text, or one of them is blank, or not what the column of the attribute holds one of.
    """
    if isinstance(texts, str):
        raise Invalid(field, "it is one text, not several")
    if attribute is not None:
        texts = [_fitted(field, attribute.expression, text) for text in texts]
    found = dict.fromkeys(texts)
    if any(isinstance(text, str) and not text.strip() for text in found):
        raise Invalid(field, "one of them is blank")
    return list(found)


def prove_within(field: str, value: float, *, least: int, most: int) -> None:
    """Refuse a number that is out of its range. Raises Invalid."""
    if not least <= value <= most:
        raise Invalid(field, f"{value!r} is not within {least} and {most}")


def prove_language(field: str, tag: str | None) -> None:
    """Refuse what is no language tag; None is none. Raises Invalid."""
    if tag is not None and not _LANGUAGE.fullmatch(tag):
        raise Invalid(field, f"{tag!r} is no language tag such as 'de-CH'")


def canonical(value: object) -> bytes:
    """Word a value as JSON in the one way in which equal values are worded alike."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def folded(text: str) -> str:
    """Bring a text into the form in which it is searched: without case, and with one spelling of each character."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@cache
def _columns(mapper: Mapper[Any]) -> Mapping[str, Any]:
    return {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}


def _fitted(field: str, column: Any, value: object) -> Any:  # noqa: ANN401 - SQLAlchemy's column, and what it holds
    """Give a value as a column takes it. Raises Invalid."""
    if value is None:
        if not column.nullable:
            raise Invalid(field, "it cannot be empty")
        return None
    try:
        found = column.type.restore(column.type.accept(value))
    except ValueRefusedError as error:
        raise Invalid(field, error.message) from error
    _prove_extent(field, column, found)
    return found


def _prove_filled(field: str, column: sa.Column[Any], value: object) -> None:
    """Refuse a blank where the column asks for a text that says something (`info={"filled": True}`). Raises Invalid."""
    if not column.info.get("filled"):
        return
    if isinstance(value, list):
        each_once(field, value)
    elif isinstance(value, str) and not value.strip():
        raise Invalid(field, "it is blank")


def _prove_range(field: str, column: sa.Column[Any], value: Any) -> None:  # noqa: ANN401 - what the column holds
    """Refuse numbers out of the range that the column asks for (`info={"least": …, "most": …}`). Raises Invalid."""
    least, most = column.info.get("least"), column.info.get("most")
    if least is None or value is None:
        return
    for number in value if isinstance(value, list) else [value]:
        if most is not None:
            prove_within(field, number, least=least, most=most)
        elif number < least:
            raise Invalid(field, f"{number} is less than {least or 'nothing'}")


def _prove_extent(field: str, column: sa.Column[Any], value: object) -> None:
    """Refuse what is larger than a row can be somewhere (TiDB: 6 MiB in all), everywhere alike, and JSON that is no object.

    Raises:
        Invalid: it is one of them.
    """
    if isinstance(column.type, dbt.Json) and not isinstance(value, dict):
        raise Invalid(field, f"a {type(value).__name__} is no object")
    if isinstance(value, str):
        size = len(value.encode())
    elif isinstance(value, bytes):
        size = len(value)
    elif isinstance(value, dict | list):
        size = len(canonical(value))
    else:
        return
    largest_bytes = column.info.get("largest_bytes", _LARGEST_BYTES)
    if size > largest_bytes:
        raise Invalid(field, f"it has {size} bytes, and {largest_bytes} is the most")
