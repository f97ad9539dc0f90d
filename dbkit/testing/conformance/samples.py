"""Values of every portable type: awkward ones by hand, others by Hypothesis, and those that must be refused."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

import dbkit.types as dbt

__all__ = ["ALL", "ARRAYS", "AWKWARD_TEXT", "CASES", "Case", "kinds_of"]

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
INT64 = st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(timezones=st.just(UTC))
AWKWARD_TEXT = [
    "",
    " ",
    "a",
    "a ",
    "A",
    "á",
    "a\u0301",
    "ß",
    "ss",
    "😀",
    "🎉",
    "it's",
    '"',
    "\\",
    "\\'",
    "100%",
    "%s %(x)s :x ?",
    "\x1a\r\n\t\b",
    "\u200b",
    "\uffff",
    "NULL",
    "{}",
    "zażółć",
]
AWKWARD_DOUBLES = [
    0.0,
    1.0,
    -1.0,
    0.1,
    1 / 3,
    123456789.123,
    1e22,
    1e23,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    9007199254740993.0,
    1e300,
    1.8446744073709552e19,
    9.223372036854775e18,
]
MOMENT_EDGES = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, 600000, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
]
EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-12))


class Colour(enum.StrEnum):
    """Labels that are text."""

    RED = "red"
    GREEN = "green"
    BLUE = "Blue"


class Plain(enum.Enum):
    """Labels that are not."""

    ONE = "one"
    TWO = "two"


def nested(depth: int) -> Any:
    """Give a document of lists within lists, so deep."""
    document: Any = []
    for _ in range(depth - 1):
        document = [document]
    return document


@dataclass(frozen=True, kw_only=True)
class Case:
    """A type, and what it is tried with."""

    id: str
    type: Any
    exact: Sequence[Any]
    """Awkward values, which come back as they went in."""
    strategy: st.SearchStrategy[Any]
    """Makes any other value."""
    refused: Sequence[Any] = field(default=())
    """Values that the type refuses on every backend."""
    hashable: bool = True
    """Whether two values are equal for the server exactly where they are for Python."""


JSON_TEXT = TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | DOUBLES | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
).filter(lambda value: value is not None)

AWKWARD_JSON = [
    {},
    [],
    "",
    "text",
    0,
    False,
    True,
    [None],
    {"": 1},
    {"a": {"b": [1, {"c": None}]}},
    [[], [[]]],
    {"b": 1, "a": 2},
    2**63,
    2**64 - 1,
    -(2**63),
    [2**53 + 1, 2**64 - 1],
    1.5,
    1.0,
    -0.0,
    1.1,
    0.1 + 0.2,
    {"price": 19.99, "zero": 0.0},
    1e300,
    5e-324,
    1.7976931348623157e308,
    {"é": "ß", "😀": "🎉"},
    "it's 100% \\ \" \x01 \u2028",
    nested(31),
    [True, 1, "1"],
    {"$type": "x", "a.b": 1, 'quote"key': 2, "back\\slash": 3},
    "null",
    AWKWARD_DOUBLES,
]

CASES = [
    Case(
        id="uuid",
        type=dbt.Uuid(),
        exact=[
            uuid.UUID(int=0),
            uuid.UUID(int=2**128 - 1),
            uuid.UUID("123e4567-e89b-12d3-a456-426614174000"),
            uuid.UUID("12345678-1234-4123-8123-123456789012"),
            uuid.UUID("aad965d3-148e-8cf1-054a-428100a8bb61"),
            uuid.UUID(bytes=b"\\'\"%_\0\n\r\x1a%s%%\xff\xfe\x80"[:16]),
        ],
        strategy=st.uuids(),
        refused=["123e4567-e89b-12d3-a456-426614174000", b"\0" * 16, 5],
    ),
    Case(
        id="json",
        type=dbt.Json(),
        exact=AWKWARD_JSON,
        strategy=JSON,
        refused=[
            float("nan"),
            [float("inf")],
            {"a": float("-inf")},
            "\0",
            {"\0": 1},
            "\ud800",
            {"a": ["\udfff"]},
            {1: 2},
            {None: 1},
            2**64,
            -(2**63) - 1,
            nested(32),
            (1, 2),
            {1, 2},
            [(1,)],
            Decimal(1),
            uuid.UUID(int=1),
            date(2020, 1, 1),
            b"x",
        ],
        hashable=False,
    ),
    Case(
        id="utc_datetime",
        type=dbt.UtcDateTime(),
        exact=[*MOMENT_EDGES, datetime(2026, 1, 1, 12, tzinfo=EAST), datetime(2026, 1, 1, 12, tzinfo=WEST)],
        strategy=MOMENTS,
        refused=[
            datetime(2026, 1, 1),  # noqa: DTZ001 - the point
            datetime(9999, 12, 31, 23, tzinfo=WEST),
            datetime(1, 1, 1, tzinfo=EAST),
            date(2026, 1, 1),
            "2026-01-01T00:00:00Z",
            0,
        ],
    ),
    Case(
        id="date",
        type=dbt.Date(),
        exact=[date(1, 1, 1), date(9999, 12, 31), date(1970, 1, 1), date(2024, 2, 29)],
        strategy=st.dates(),
        refused=[datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01", 20260101],
    ),
    Case(
        id="string",
        type=dbt.String(200),
        exact=[*AWKWARD_TEXT, "😀" * 200, "x" * 200],
        strategy=TEXT,
        refused=["x" * 201, "😀" * 201, "\0", "a\0b", "\ud800", "x\udfff", b"x", 5],
    ),
    Case(
        id="text",
        type=dbt.Text(),
        exact=[*AWKWARD_TEXT, "😀" * 20000, "x" * 70000],
        strategy=TEXT,
        refused=["\0", "\ud800", b"x", 5, ["x"]],
    ),
    Case(
        id="enum",
        type=dbt.Enum("draft", "active", "Ärger 😀", "it's", "100%", "z,'('"),
        exact=["draft", "active", "Ärger 😀", "it's", "100%", "z,'('"],
        strategy=st.sampled_from(["draft", "active", "it's"]),
        refused=["DRAFT", "draft ", "", "other", 1, Colour.RED],
    ),
    Case(
        id="enum_class",
        type=dbt.Enum(Colour),
        exact=list(Colour),
        strategy=st.sampled_from(Colour),
        refused=["RED", Plain.ONE, 1],
    ),
    Case(
        id="enum_plain_class",
        type=dbt.Enum(Plain),
        exact=list(Plain),
        strategy=st.sampled_from(Plain),
        refused=["ONE", Colour.RED],
    ),
    Case(
        id="numeric",
        type=dbt.Numeric(12, 2),
        exact=[
            Decimal("0.00"),
            Decimal("12.75"),
            Decimal("-0.01"),
            Decimal("9999999999.99"),
            Decimal("-9999999999.99"),
            Decimal("1.00"),
        ],
        strategy=st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2),
        refused=[
            1.5,
            True,
            "1.50",
            Decimal("0.001"),
            Decimal(10000000000),
            10**10,
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("Infinity"),
            Decimal("1e999999"),
            Decimal("1e-999999"),
        ],
    ),
    Case(
        id="numeric_18",
        type=dbt.Numeric(18, 18),
        exact=[Decimal("0." + "9" * 18), Decimal("-0." + "9" * 18), Decimal("0.000000000000000001")],
        strategy=st.integers(-(10**18) + 1, 10**18 - 1).map(lambda number: Decimal(number).scaleb(-18)),
        refused=[1, Decimal(1)],
    ),
    Case(
        id="numeric_38",
        type=dbt.Numeric(38, 10),
        exact=[
            Decimal(0),
            Decimal("9" * 28 + "." + "9" * 10),
            Decimal("-" + "9" * 28 + "." + "9" * 10),
            Decimal("0.0000000001"),
            Decimal("-0.0000000001"),
            Decimal(1),
            Decimal(-1),
        ],
        strategy=st.integers(-(10**38) + 1, 10**38 - 1).map(
            lambda number: Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -10))
        ),
        refused=[Decimal("1e28"), 10**28, Decimal("0.00000000001")],
    ),
    Case(
        id="binary",
        type=dbt.Binary(),
        exact=[b"", b"\0", b"\xff\xfe", bytes(range(256)), b"\0" * 70000, b"%s\\'\""],
        strategy=st.binary(max_size=40),
        refused=["x", 5, [1]],
    ),
    Case(
        id="binary_4",
        type=dbt.Binary(4),
        exact=[b"", b"\0", b"a\0", b"a ", b"\0\0\0\0", b"\xff%s\\"],
        strategy=st.binary(max_size=4),
        refused=[b"12345", "x"],
    ),
    Case(id="boolean", type=dbt.Boolean(), exact=[True, False], strategy=st.booleans(), refused=[1, 0, 2, "true"]),
    Case(
        id="small_integer",
        type=dbt.SmallInteger(),
        exact=[0, 1, -1, 32767, -32768],
        strategy=st.integers(-32768, 32767),
        refused=[32768, -32769, True, 1.0, "1", Decimal(1)],
    ),
    Case(
        id="integer",
        type=dbt.Integer(),
        exact=[0, 2**31 - 1, -(2**31)],
        strategy=st.integers(-(2**31), 2**31 - 1),
        refused=[2**31, -(2**31) - 1, False, 1.0],
    ),
    Case(
        id="big_integer",
        type=dbt.BigInteger(),
        exact=[0, 2**63 - 1, -(2**63), 2**53 + 1],
        strategy=INT64,
        refused=[2**63, -(2**63) - 1, True, 1e3],
    ),
    Case(
        id="float",
        type=dbt.Float(),
        exact=[*AWKWARD_DOUBLES, -0.0, 5],
        strategy=DOUBLES,
        refused=[float("nan"), float("inf"), float("-inf"), True, "1.5", 2**53 + 1, 10**400, Decimal("1.5")],
    ),
]

ARRAYS = [
    Case(
        id=f"array_of_{case.id}",
        type=dbt.Array(case.type),
        exact=[[], [None], list(case.exact), [case.exact[0], None, case.exact[0]]],
        strategy=st.lists(st.none() | case.strategy, max_size=6),
        refused=["text", (1, 2), {"a": 1}, [[]], *([value] for value in case.refused)],
        hashable=False,
    )
    for case in CASES
    if not case.id.startswith(("json", "binary"))
]

ALL = [*CASES, *ARRAYS]


def kinds_of(type_: dbt.PortableType[Any]) -> set[str]:
    """Name the kinds of value that a type holds: its own, and its items'."""
    item = getattr(type_.kind, "item", None)
    return {type_.kind.name} | (set() if item is None else {item.name})
