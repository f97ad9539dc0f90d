"""A revision that fails under `dbkit alembic` is reported as it is under `dbkit migrate`."""

from __future__ import annotations

from tests.cli.runs import Shell
from tests.projects import Home


def test_a_failing_revision_is_named_with_its_file_and_sql_and_nothing_of_others(home: Home, shell: Shell) -> None:
    file = home.revision("user", "0002", 'op.create_table("zz", sa.Column("id", sa.Integer))\nop.execute("BROKEN")')
    done = shell.run("alembic", "user", "--", "upgrade", "head")
    assert done.code == 1
    assert "dbkit: error: revision '0002' failed: near \"BROKEN\": syntax error; nothing of it stays" in done.err
    assert f"  at {file}:" in done.err
    assert "  sql: BROKEN" in done.err
    assert "committed and not undone" not in done.err


def test_an_exception_of_a_revision_is_no_bug_of_ours(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", 'raise ValueError("on purpose")')
    done = shell.run("alembic", "user", "--", "upgrade", "head")
    assert (done.code, "ValueError: on purpose" in done.err) == (1, True)
