"""Portable types: one model for every database.

`import dbkit.types as dbt`, then `dbt.Uuid()` in models. Revisions hold the frozen names, `dbt.v1.Uuid()`.

To add a type:

1. a `Kind` in `dbkit/backends/kinds.py` that says what a value is;
2. one file here with a `PortableType`: `impl` (the generic type whose operators it has), `accept`, `frozen_repr`;
3. one method `keep_<kind>` in the `codecs.py` of each backend, which answers with a `Codec`;
4. its name in the newest version module, and here.

A third party does it without touching dbkit: its `Kind.codec_for(backend)` answers with the `Codec` for each backend that it
knows, and its `PortableType` overrides `frozen_repr` to name its own module.
"""

from dbkit.types import mutation as _mutation  # noqa: F401 - listens to the mappers
from dbkit.types import v1
from dbkit.types.base import PortableType
from dbkit.types.defaults import ServerDefault
from dbkit.types.v1 import (
    Array,
    BigInteger,
    Binary,
    Boolean,
    Date,
    EmptyArray,
    EmptyObject,
    Enum,
    Float,
    Integer,
    Json,
    Literal,
    Now,
    Numeric,
    SmallInteger,
    String,
    Text,
    UtcDateTime,
    Uuid,
)

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
    "PortableType",
    "ServerDefault",
    "SmallInteger",
    "String",
    "Text",
    "UtcDateTime",
    "Uuid",
    "v1",
]
