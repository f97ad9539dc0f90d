"""The first version of the portable types. What it means on a backend never changes: revisions refer to it for ever."""

from dbkit.types.array import Array
from dbkit.types.binary import Binary
from dbkit.types.boolean import Boolean
from dbkit.types.date import Date
from dbkit.types.defaults import EmptyArray, EmptyObject, Literal, Now
from dbkit.types.enum import Enum
from dbkit.types.float import Float
from dbkit.types.integer import BigInteger, Integer, SmallInteger
from dbkit.types.json import Json
from dbkit.types.numeric import Numeric
from dbkit.types.string import String, Text
from dbkit.types.utc_datetime import UtcDateTime
from dbkit.types.uuid import Uuid

__all__ = [
    "Array",
    "BigInteger",
    "Binary",
    "Boolean",
    "Date",
    "EmptyArray",
    "EmptyObject",
    "Enum",
    "Float",
    "Integer",
    "Json",
    "Literal",
    "Now",
    "Numeric",
    "SmallInteger",
    "String",
    "Text",
    "UtcDateTime",
    "Uuid",
]
