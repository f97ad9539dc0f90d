"""Sample rows as they are read off the instances that a service's seed gives: keys, values, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, Mapper, RelationshipProperty, attributes

from dbkit.errors import SeedError
from dbkit.types.base import shortened

__all__ = ["Reference", "Row", "read_rows", "worded_key"]

Columns = tuple[sa.Column[Any], ...]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a row says by one foreign key: the columns over there, and the values that are to be in them."""

    columns: Columns
    values: tuple[object, ...]

    def __str__(self) -> str:
        """Name the row that is referred to."""
        return f"the row of table {self.columns[0].table.name!r} with {worded_key(self.columns, self.values)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One row that is to be there."""

    tables: tuple[sa.Table, ...]
    """The table that has its key, and those of the classes that inherit."""
    key_columns: Columns
    values: Mapping[sa.Column[Any], object]
    """What the seed has set, by column."""
    instance: object | None = None
    """The instance that it was read off; None for a row of an association table."""
    references: tuple[Reference, ...] = field(init=False)
    """What it needs to be there; not itself, as a row of a class that inherits refers to its own first table."""

    def __post_init__(self) -> None:
        """Read the foreign keys once."""
        object.__setattr__(self, "references", tuple(self._references()))

    @property
    def table(self) -> str:
        """The name of the table that has its key."""
        return self.tables[0].name

    @property
    def key(self) -> tuple[object, ...]:
        """Its primary key."""
        return tuple(self.values.get(column) for column in self.key_columns)

    def __str__(self) -> str:
        """Name it for people."""
        return f"table {self.table!r}, row {worded_key(self.key_columns, self.key)}"

    def _references(self) -> Iterator[Reference]:
        for table in self.tables:
            # in the order of the names, for the error that the first of them may become
            for constraint in sorted(table.foreign_key_constraints, key=lambda one: list(one.column_keys)):
                values = tuple(self.values.get(column) for column in constraint.columns)
                there = tuple(element.column for element in constraint.elements)
                if all(map(_is_known, values)) and values != tuple(self.values.get(column) for column in there):
                    yield Reference(columns=there, values=values)


def _is_known(value: object) -> bool:
    """Tell a value from none, and from one that the database would make."""
    return value is not None and not isinstance(value, sa.ClauseElement)


def worded_key(columns: Sequence[sa.Column[Any]], values: Sequence[object]) -> str:
    """Word columns and their values: `id='0f0e…', n=1`."""
    return ", ".join(
        f"{column.name}={value if isinstance(value, int) else shortened(str(value))}"
        for column, value in zip(columns, values, strict=True)
    )


def read_rows(given: Iterable[object], metadata: sa.MetaData) -> list[Row]:
    """Read the rows off instances and off those that they are related to.

    Relationships become values of foreign keys and are then cut, so that each row can be written by itself, in its turn.

    Raises:
        SeedError: something is no instance of a model on this metadata, has no key, or has another one's.
    """
    states = _states(given, metadata)
    links = list(_links(states))
    while [link for link in links if link.copy()]:
        pass  # what has come from a parent may be what a child refers to
    rows = [_row(state) for state in states] + [link.row for link in links if link.row is not None]
    for state in states:
        _cut(state)
    return _refuse_clashes(rows)


def _states(given: Iterable[object], metadata: sa.MetaData) -> list[InstanceState[Any]]:
    """List the states of instances and of all that would be saved with them, each once, in the order given."""
    found: dict[int, InstanceState[Any]] = {}
    for item in given:
        state = _state(item, metadata)
        found.setdefault(id(item), state)
        for related, _mapper, _state_of, _values in state.mapper.cascade_iterator("save-update", state):
            found.setdefault(id(related), _state(related, metadata))
    return list(found.values())


def _state(item: object, metadata: sa.MetaData) -> InstanceState[Any]:
    state = sa.inspect(item, raiseerr=False)
    if not isinstance(state, InstanceState):
        raise SeedError(
            f"the seed gives {shortened(item)}, which is no instance of a mapped class",
            hint="give instances of the service's models",
        )
    mapper: Mapper[Any] = state.mapper
    name = type(item).__name__
    if any(metadata.tables.get(getattr(table, "key", "")) is not table for table in mapper.tables):
        raise SeedError(
            f"the seed gives an instance of {name}, which is no model of this service",
            hint="give instances of models on the service's metadata",
        )
    if state.key is not None:
        raise SeedError(f"the seed gives an instance of {name} that was read from a database", hint="make a new one")
    return state


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A column of one instance, and the column that takes its value."""

    state: InstanceState[Any]
    there: sa.Column[Any]
    here: sa.Column[Any]

    @property
    def value(self) -> object:
        return self.state.dict.get(self.state.mapper.get_property_by_column(self.there).key)

    def copy_to(self, target: InstanceState[Any]) -> bool:
        """Copy the value, where it is known; tell whether that changed anything."""
        value, key = self.value, target.mapper.get_property_by_column(self.here).key
        if not _is_known(value) or target.dict.get(key) == value:
            return False
        attributes.set_attribute(target.obj(), key, value)
        return True


@dataclass(frozen=True, kw_only=True)
class _Link:
    """Two instances that a relationship connects: what is to be copied from which column to which."""

    pairs: tuple[_Pair, ...]
    target: InstanceState[Any] | None
    """The instance that takes the values; None where it is a row of an association table."""

    def copy(self) -> bool:
        """Copy what is known by now; tell whether that changed anything."""
        target = self.target
        return target is not None and bool([pair for pair in self.pairs if pair.copy_to(target)])

    @property
    def row(self) -> Row | None:
        """The row of an association table that it means."""
        if self.target is not None:
            return None
        values: dict[sa.Column[Any], object] = {pair.here: pair.value for pair in self.pairs}
        table: Any = next(iter(values)).table
        columns = tuple(column for column in table.columns if column in values)
        return Row(tables=(table,), key_columns=columns, values=values)


def _links(states: Iterable[InstanceState[Any]]) -> Iterator[_Link]:
    for state in states:
        for relationship in state.mapper.relationships:
            if relationship.viewonly:
                continue
            for other in state.attrs[relationship.key].history.added or ():
                if other is not None:
                    yield _link(relationship, state, attributes.instance_state(other))


def _link(relationship: RelationshipProperty[Any], here: InstanceState[Any], other: InstanceState[Any]) -> _Link:
    def pairs(state: InstanceState[Any], found: Any) -> Iterator[_Pair]:  # noqa: ANN401 - columns of tables, whatever SQLAlchemy says
        yield from (_Pair(state=state, there=there, here=here) for there, here in found)

    if relationship.secondary is not None:
        ends = (*pairs(here, relationship.synchronize_pairs), *pairs(other, relationship.secondary_synchronize_pairs))
        return _Link(pairs=ends, target=None)
    source, target = (other, here) if relationship.direction.name == "MANYTOONE" else (here, other)
    return _Link(pairs=tuple(pairs(source, relationship.synchronize_pairs)), target=target)


def _row(state: InstanceState[Any]) -> Row:
    mapper: Mapper[Any] = state.mapper
    values: dict[sa.Column[Any], object] = {
        column: state.dict[attribute.key]
        for attribute in mapper.column_attrs
        for column in attribute.columns
        if attribute.key in state.dict and isinstance(column, sa.Column)
    }
    base: Any = mapper.base_mapper
    keys: Any = mapper.primary_key
    tables = (base.local_table, *(table for table in mapper.tables if table is not base.local_table))
    return Row(tables=tables, key_columns=keys, values=values, instance=state.obj())


def _cut(state: InstanceState[Any]) -> None:
    """Take the relationships away, over which a session would write other rows than the one it is given."""
    for relationship in state.mapper.relationships:
        state.dict.pop(relationship.key, None)
        state.committed_state.pop(relationship.key, None)


def _refuse_clashes(rows: Iterable[Row]) -> list[Row]:
    """Refuse rows without a key, and two with the same; a row of an association table may be told from both of its ends."""
    found: dict[tuple[object, ...], Row] = {}
    counts: dict[str, int] = {}
    for row in rows:
        number = counts[row.table] = counts.get(row.table, 0) + 1
        for column, value in zip(row.key_columns, row.key, strict=True):
            if not _is_known(value):
                raise SeedError(
                    f"sample row {number} of table {row.table!r} has no {column.name!r}, so it would be written again by each run",
                    hint="set the whole primary key, the same at each run: uuid.uuid5() of a name, for instance",
                )
        known = found.setdefault((row.tables[0], *row.key), row)
        if known is not row and row.instance is not None:
            raise SeedError(
                f"two sample rows of table {row.table!r} have {worded_key(row.key_columns, row.key)}",
                hint="give each row a key of its own",
            )
    return list(found.values())
