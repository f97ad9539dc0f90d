"""The funnel that every statement of a revision passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.migrations.funnel import Funnel, Send, commits, is_read


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1", "  select 1", "/* x */ SELECT 1", "-- x\nSHOW TABLES", "EXPLAIN SELECT 1", "PRAGMA table_info(t)"],
)
def test_a_statement_that_only_reads_is_recognised(statement: str) -> None:
    assert is_read(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (1)",
        "/* c */ ALTER TABLE t ADD c INT",
        "-- c\nDROP TABLE t",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "SELECT * FROM t FOR UPDATE",
        "SELECT 1 INTO x",
        "SET x = 1",
        "",
    ],
)
def test_whatever_may_write_is_no_read(statement: str) -> None:
    assert not is_read(statement)


def test_what_commits_by_itself_is_recognised_behind_a_comment() -> None:
    assert commits("/* c */ ALTER TABLE t ADD c INT", transactional_ddl=False)
    assert commits("create table t (a int)", transactional_ddl=False)
    assert not commits("create table t (a int)", transactional_ddl=True)
    assert not commits("UPDATE t SET a = 1", transactional_ddl=False)
    assert commits(" commit", transactional_ddl=True)


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    """Give a database in memory with one table."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    yield engine
    engine.dispose()


table = sa.table("t", sa.column("a", sa.Integer))


@pytest.mark.parametrize(
    "write",
    [
        lambda bind: bind.execute(sa.insert(table), {"a": 1}),
        lambda bind: bind.execute(sa.insert(table), [{"a": 1}, {"a": 2}]),
        lambda bind: bind.execute(sa.text("INSERT INTO t VALUES (1)")),
        lambda bind: bind.exec_driver_sql("INSERT INTO t VALUES (1)"),
        lambda bind: bind.scalar(sa.text("INSERT INTO t VALUES (1) RETURNING a")),
        lambda bind: sa.Table("u", sa.MetaData(), sa.Column("a", sa.Integer)).create(bind),
        lambda bind: Session(bind).execute(sa.insert(table), {"a": 1}),
    ],
    ids=["core", "many rows", "text", "driver", "returning", "create table", "orm session"],
)
def test_a_write_passes_the_funnel_whichever_way_it_is_sent(engine: sa.Engine, write: object) -> None:
    seen: list[str] = []

    def hook(statement: str, send: Send) -> None:
        seen.append(statement)
        send()

    funnel = Funnel(transactional_ddl=True, hooks=[hook])
    funnel.attach(engine)
    funnel.start()
    with engine.begin() as connection:
        write(connection)  # type: ignore[operator] # one of the lambdas above
    assert len(seen) == 1
    assert funnel.sent == seen
    assert funnel.committed == 1


def test_a_read_does_not_pass_it(engine: sa.Engine) -> None:
    funnel = Funnel(transactional_ddl=True)
    funnel.attach(engine)
    funnel.start()
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 0
    assert funnel.sent == []


def test_nothing_passes_it_outside_of_a_revision(engine: sa.Engine) -> None:
    funnel = Funnel(transactional_ddl=True)
    funnel.attach(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    assert funnel.sent == []


def test_what_is_not_committed_yet_is_known(engine: sa.Engine) -> None:
    funnel = Funnel(transactional_ddl=True)
    funnel.attach(engine)
    funnel.start()
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert (len(funnel.sent), funnel.committed) == (1, 0)
        connection.commit()
        assert (len(funnel.sent), funnel.committed) == (1, 1)


def test_ddl_without_transactions_commits_what_came_before_it(engine: sa.Engine) -> None:
    funnel = Funnel(transactional_ddl=False)
    funnel.attach(engine)
    funnel.start()
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert funnel.committed == 0
        connection.exec_driver_sql("CREATE TABLE u (a INTEGER)")
        assert funnel.committed == 2
        with pytest.raises(sa.exc.DBAPIError):
            connection.exec_driver_sql("CREATE TABLE u (a INTEGER)")
        assert funnel.current == "CREATE TABLE u (a INTEGER)"


def test_a_hook_that_raises_keeps_the_statement_from_being_sent(engine: sa.Engine) -> None:
    def refuse(_statement: str, _send: Send) -> None:
        message = "no"
        raise PermissionError(message)

    funnel = Funnel(transactional_ddl=True, hooks=[refuse])
    funnel.attach(engine)
    funnel.start()
    with engine.connect() as connection:
        with pytest.raises(PermissionError):
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        funnel.stop()
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 0
