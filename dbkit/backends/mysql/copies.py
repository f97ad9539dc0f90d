"""Copies of databases of the MySQL family, which has no statement for it, and databases that are made for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dbkit.backends.names import quote

if TYPE_CHECKING:
    import sqlalchemy as sa

# What `SHOW CREATE` of a table or view does not tell.
_BESIDE: Final = (
    "SELECT 1 FROM information_schema.triggers WHERE trigger_schema = %s",
    "SELECT 1 FROM information_schema.routines WHERE routine_schema = %s",
    "SELECT 1 FROM information_schema.events WHERE event_schema = %s",
)
_TEXT: Final = (
    "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = %s"
)
_STORED: Final = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    " AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position"
)
_TABLE: Final = "BASE TABLE"
_VIEW: Final = "VIEW"


def _quoted(name: str) -> str:
    return quote(name, "`", "`")


class MysqlCopies:
    """How a database is copied table by table, and dropped again."""

    # Of the session while tables are made, in any order, and filled; a row may hold a zero in an AUTO_INCREMENT column.
    settings: ClassVar[Mapping[str, str]] = {
        "foreign_key_checks": "0",
        "sql_mode": "CONCAT(@@SESSION.sql_mode, ',NO_AUTO_VALUE_ON_ZERO')",
    }

    def copy_database(self, connection: sa.Connection | None, source: str, target: str) -> bool:
        """Make each table by the server's own words, and each view; False where there are triggers, routines, events or sequences."""
        if connection is None:
            return False
        kinds = dict(_rows(connection, f"SHOW FULL TABLES FROM {_quoted(source)}"))
        if set(kinds.values()) - {_TABLE, _VIEW} or any(_rows(connection, query, source) for query in _BESIDE):
            return False
        ((charset, collation),) = _rows(connection, _TEXT, source)
        _run(connection, f"CREATE DATABASE {_quoted(target)} CHARACTER SET {charset} COLLATE {collation}")
        with self._settings(connection):
            _run(connection, f"USE {_quoted(target)}")
            for name in [name for name, kind in kinds.items() if kind == _TABLE]:
                self._copy_table(connection, source, name)
            if _VIEW in kinds.values():
                self._copy_views(connection, source, target)
        return True

    def database_names(self) -> str:
        """Ask for them: only those that the account may see."""
        return "SHOW DATABASES"

    def drop_used_database(self, name: str) -> tuple[str, ...]:
        """Nobody hinders it."""
        return (f"DROP DATABASE IF EXISTS {_quoted(name)}",)

    @contextmanager
    def _settings(self, connection: sa.Connection) -> Iterator[None]:
        """Set the session, and put it back afterwards."""
        names = list(self.settings)
        before = _rows(connection, "SELECT " + ", ".join(f"@@SESSION.{name}" for name in names))[0]
        for name, value in self.settings.items():
            _run(connection, f"SET SESSION {name} = {value}")
        try:
            yield
        finally:
            for name, value in zip(names, before, strict=True):
                _run(connection, f"SET SESSION {name} = {value if isinstance(value, int) else repr(str(value))}")

    def _copy_table(self, connection: sa.Connection, source: str, name: str) -> None:
        there = f"{_quoted(source)}.{_quoted(name)}"
        _run(connection, _rows(connection, f"SHOW CREATE TABLE {there}")[0][1])
        if not _rows(connection, f"SELECT 1 FROM {there} LIMIT 1"):  # noqa: S608 - a quoted name
            return
        columns = ", ".join(_quoted(str(row[0])) for row in _rows(connection, _STORED, source, name))
        _run(connection, f"INSERT INTO {_quoted(name)} ({columns}) SELECT {columns} FROM {there}")  # noqa: S608 - quoted names

    def _copy_views(self, connection: sa.Connection, source: str, target: str) -> None:
        """Make the views, one that another reads before that one."""
        names = [name for name, kind in _rows(connection, f"SHOW FULL TABLES FROM {_quoted(source)}") if kind == _VIEW]
        left = {name: _rows(connection, f"SHOW CREATE VIEW {_quoted(source)}.{_quoted(name)}")[0][1] for name in names}
        # the server names the database before each table
        left = {name: text.replace(f"{_quoted(source)}.", f"{_quoted(target)}.") for name, text in left.items()}
        for _ in names:
            for name, text in list(left.items()):
                if not any(f"{_quoted(target)}.{_quoted(other)}" in text for other in left if other != name):
                    _run(connection, left.pop(name))


def _rows(connection: sa.Connection, query: str, *values: str) -> Sequence[Any]:
    return connection.exec_driver_sql(query.replace("%", "%%") if not values else query, values).fetchall()


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))
