"""The funnel: every statement of a revision passes here on its way to the driver.

It hangs on SQLAlchemy's `do_execute` events, because a proxy around `get_bind()` lets real writes through
(`exec_driver_sql`, `Table.create(bind)`, ORM sessions); what is sent, in which order, is known nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy import event

Driver: TypeAlias = Any
"""A cursor, parameters or context: the driver's own, or SQLAlchemy's around it."""
Send = Callable[[], object]
# What a hook does around a statement: it calls `send` to have it carried out.
Hook = Callable[[str, Send], None]

COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
COMMITS = frozenset(
    {
        *("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "COMMENT", "GRANT", "REVOKE", "ANALYZE", "OPTIMIZE"),
        *("BEGIN", "START", "LOCK", "UNLOCK", "FLUSH"),
        *("BATCH", "FLASHBACK", "SPLIT"),  # TiDB's own
    }
)
# What steers transactions passes too, but is no work that could stay.
CONTROL = frozenset({"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "END"})
READS = ("SELECT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "PRAGMA")


def first_word(statement: str) -> str:
    """Give a statement's first word, in capitals, behind its comments; empty where there is none."""
    word = re.match(r"[A-Za-z]+", COMMENTS.sub("", statement))
    return word.group().upper() if word else ""


def is_read(statement: str) -> bool:
    """Whether a statement only reads, by its first word; comments before it do not hide a write."""
    bare = COMMENTS.sub("", statement)
    if first_word(bare) not in READS:
        return False
    return re.search(r"\bFOR\s+(NO\s+KEY\s+)?UPDATE\b|\bINTO\b", bare, re.IGNORECASE) is None


def commits(statement: str, *, transactional_ddl: bool) -> bool:
    """Whether a statement commits what came before it: COMMIT, and without transactional DDL a good many more.

    https://dev.mysql.com/doc/refman/8.0/en/implicit-commit.html
    """
    first = first_word(statement)
    return first == "COMMIT" or (not transactional_ddl and first in COMMITS)


@dataclass(kw_only=True)
class Funnel:
    """Passes each statement of a revision through the hooks; outside of a revision it lets everything by.

    `sent` holds the statements of the revision at hand that have been carried out, `committed` how many of them can no
    longer be rolled back, `count` how many there were in all, `current` the one that is under way or that has failed.
    """

    transactional_ddl: bool
    hooks: list[Hook] = field(default_factory=list)
    open: bool = False
    sent: list[str] = field(default_factory=list)
    committed: int = 0
    count: int = 0
    current: str | None = None

    def attach(self, engine: sa.Engine) -> None:
        """Stand between the engine and its driver."""
        self._watch_commits(engine.dialect)
        event.listen(engine, "rollback", self._rollback)
        event.listen(engine, "do_execute", self._execute)
        event.listen(engine, "do_executemany", self._executemany)
        event.listen(engine, "do_execute_no_params", self._execute_no_params)

    def start(self) -> None:
        """Begin with a revision."""
        self.open, self.sent, self.committed, self.count, self.current = True, [], 0, 0, None

    def stop(self) -> None:
        """Be done with the revision; what follows is Alembic's own business."""
        self.open = False

    def _execute(self, cursor: Driver, statement: str, *rest: Driver) -> bool | None:
        parameters, context = rest
        return self._pass(
            statement, context, lambda: context.dialect.do_execute(cursor, statement, parameters, context)
        )

    def _executemany(self, cursor: Driver, statement: str, *rest: Driver) -> bool | None:
        parameters, context = rest
        send = lambda: context.dialect.do_executemany(cursor, statement, parameters, context)  # noqa: E731 - as its neighbours
        return self._pass(statement, context, send)

    def _execute_no_params(self, cursor: Driver, statement: str, context: Driver) -> bool | None:
        return self._pass(statement, context, lambda: context.dialect.do_execute_no_params(cursor, statement, context))

    def _watch_commits(self, dialect: sa.Dialect) -> None:
        """Count what is committed when it has been: SQLAlchemy's event comes before a COMMIT, which may fail."""
        do_commit = dialect.do_commit

        def commit(connection: Driver) -> None:
            do_commit(connection)
            self.committed = len(self.sent)

        dialect.do_commit = commit  # type: ignore[method-assign, assignment] # the dialect is this engine's own

    def _rollback(self, _connection: sa.Connection) -> None:
        del self.sent[self.committed :]

    def _pass(self, statement: str, context: Driver, send: Send) -> bool | None:
        if not self.open or is_read(statement):
            return None  # SQLAlchemy sends it
        if first_word(statement) not in CONTROL:
            self.current = statement
        for hook in reversed(self.hooks):
            send = _around(hook, statement, send)
        by_itself = self._commits_by_itself(statement, context)
        if by_itself:
            self.committed = len(self.sent)  # a DDL of the MySQL family commits what came before it, even when it fails
        send()
        if first_word(statement) not in CONTROL:
            self.sent.append(statement)
            self.count += 1
        if by_itself:
            self.committed = len(self.sent)
        self.current = None
        return True  # it has been sent

    def _commits_by_itself(self, statement: str, context: Driver) -> bool:
        if commits(statement, transactional_ddl=self.transactional_ddl):
            return True
        options = context.root_connection.get_execution_options()
        return bool(options.get("isolation_level") == "AUTOCOMMIT")  # Alembic's autocommit_block()


def _around(hook: Hook, statement: str, send: Send) -> Send:
    return lambda: hook(statement, send)
