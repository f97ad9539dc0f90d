"""Revisions that fail, or would break something: what is refused, and what is told of what stays."""

from __future__ import annotations

import pytest

from dbkit.errors import ExitCode
from tests.backends.test_migrate import Site, site

__all__ = ["site"]


def test_a_commit_that_fails_has_committed_nothing(site: Site) -> None:
    if site.backend != "postgresql":
        pytest.skip("only PostgreSQL defers a constraint to the commit")
    site.home.revision(
        "user",
        "0001",
        """
        op.execute("CREATE TABLE a (id INT PRIMARY KEY)")
        op.execute("CREATE TABLE c (a_id INT REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)")
        op.execute("INSERT INTO c VALUES (7)")
        """,
    )
    found = site.migrate("user")["user"]
    assert found.failure is not None
    assert found.failure.committed == ()
    assert "nothing of it stays" in str(found.error)
    assert "c" not in site.tables()


def test_a_revision_that_commits_by_itself_tells_what_stays(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.revision(
        "user",
        "0002",
        """
        op.execute("INSERT INTO a VALUES (1, 1)")
        op.get_bind().commit()
        op.execute("INSERT INTO a VALUES (2, 2)")
        raise ValueError
        """,
    )
    found = site.migrate("user")["user"]
    assert found.failure is not None
    assert found.failure.committed == ("INSERT INTO a VALUES (1, 1)",)
    assert site.rows("SELECT id FROM a") == [(1,)]


def test_what_comes_after_a_commit_of_the_last_revision_is_kept_with_its_version(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.revision(
        "user",
        "0002",
        """
        op.execute("INSERT INTO a VALUES (1, 1)")
        op.get_bind().commit()
        op.execute("INSERT INTO a VALUES (2, 2)")
        """,
    )
    found = site.migrate("user")["user"]
    assert (found.error, found.revision) == (None, "0002")
    assert site.rows("SELECT id FROM a ORDER BY id") == [(1,), (2,)]


def test_what_a_revision_raises_of_dbkit_or_the_system_is_its_failure(site: Site) -> None:
    site.home.revision("user", "0001", 'op.create_table("b", sa.Column("id", sa.Integer))\nraise SystemExit("stop")')
    found = site.migrate("user")["user"]
    assert found.exit_code is ExitCode.FAILED
    assert "SystemExit: stop" in str(found.error)
    assert found.failure is not None
    assert bool(found.failure.committed) is not site.transactional


def test_an_engine_that_a_revision_asks_its_connection_for_is_on_the_same_connection(site: Site) -> None:
    site.home.table("user", "0001", "a")
    site.home.revision(
        "user",
        "0002",
        """
        bind = op.get_bind()
        op.execute("INSERT INTO a VALUES (1, 1)")
        with bind.engine.connect() as other:
            assert other.scalar(sa.text("SELECT count(*) FROM a")) == 1
            other.execute(sa.text("INSERT INTO a VALUES (2, 2)"))
            other.commit()
            other.execute(sa.text("INSERT INTO a VALUES (3, 3)"))
            other.rollback()
        with bind.engine.begin() as other:
            other.execute(sa.text("CREATE TABLE b (id INTEGER)"))
            other.execute(sa.text("INSERT INTO b VALUES (1)"))
        assert sa.inspect(bind.engine).has_table("b")
        with sa.orm.Session(bind.engine) as session:
            session.execute(sa.text("INSERT INTO a VALUES (4, 4)"))
            session.commit()
        with op.get_context().autocommit_block():
            with bind.engine.begin() as other:
                other.execute(sa.text("INSERT INTO a VALUES (5, 5)"))
        """,
    )
    site.home.revision(
        "user",
        "0003",
        """
        with op.get_bind().engine.begin() as other:
            other.execute(sa.text("INSERT INTO a VALUES (6, 6)"))
        raise ValueError
        """,
    )
    found = site.migrate("user")["user"]
    assert (found.revision, found.failure and found.failure.revision) == ("0002", "0003"), found.error
    assert site.rows("SELECT id FROM a ORDER BY id") == [(1,), (2,), (4,), (5,)]
    assert site.rows("SELECT id FROM b") == [(1,)]
