"""Revisions that cannot be undone: a rollback says so, and undoes nothing above them either."""

from __future__ import annotations

import subprocess

import pytest

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.backends.test_migrate import Site, site
from tests.cli.runs import DBKIT

__all__ = ["site"]

RAISED = """
    from dbkit.errors import IrreversibleError
    raise IrreversibleError("the column's values are gone")
"""
BARE = 'raise IrreversibleError("the column\'s values are gone")'
HINT = "restore a backup that is older, or go forward with a new revision"


def three(site: Site, downgrade: str) -> None:
    """Apply three revisions, of which the middle one has this downgrade."""
    site.home.table("user", "0001", "first")
    site.home.revision("user", "0002", "pass", downgrade, down="0001")
    site.home.table("user", "0003", "third", down="0002")
    assert site.migrate("user").ok


def test_nothing_is_undone_above_a_revision_that_cannot_be(site: Site) -> None:
    three(site, BARE)

    result = migrations.rollback(site.project, "user", to="base")["user"]

    assert result.error == "revision '0002' cannot be undone: the column's values are gone; nothing was undone"
    assert (result.hint, result.exit_code) == (HINT, ExitCode.FAILED)
    assert (result.applied, result.revision) == ((), "0003")
    assert site.tables() == {"alembic_version_user", "first", "third"}
    assert migrations.rollback(site.project, "user")["user"].revision == "0002"


def test_one_that_finds_out_only_when_it_is_asked_stops_there(site: Site) -> None:
    three(site, RAISED)

    result = migrations.rollback(site.project, "user", to="base")["user"]

    assert result.error == "revision '0002' cannot be undone: the column's values are gone"
    assert (result.hint, result.exit_code) == (HINT, ExitCode.FAILED)
    assert ([one.revision for one in result.applied], result.revision) == (["0003"], "0002")
    assert site.tables() == {"alembic_version_user", "first"}


def test_the_command_says_so_in_one_line_and_what_to_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    three(site, BARE)
    monkeypatch.chdir(site.home.root)

    for options in (["--yes"], ["--dry-run"]):
        done = subprocess.run(
            [DBKIT, "rollback", "user", "--to", "base", *options], capture_output=True, text=True, check=False
        )

        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "dbkit: error: user: revision '0002' cannot be undone: the column's values are gone; nothing was undone",
            f"hint: {HINT}",
        ]
