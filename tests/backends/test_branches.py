"""Histories with branches and merges: what a dry run names is what is done."""

from __future__ import annotations

import pytest

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.backends.test_migrate import Site, site

__all__ = ["site"]


def tree(site: Site, *, merged: bool) -> None:
    """Write 0001, two revisions built on it, and perhaps one that joins them."""
    site.home.table("user", "0001", "a")
    site.home.table("user", "00a2", "b", down="0001")
    site.home.table("user", "00b2", "c", down="0001")
    if merged:
        site.home.table("user", "0003", "d", down=("00a2", "00b2"))


@pytest.mark.parametrize("target", ["00a2", "00b2", "0001", "base", "-1", "-2"])
def test_a_rollback_undoes_what_its_dry_run_names(site: Site, target: str) -> None:
    tree(site, merged=True)
    assert site.migrate("user").ok
    named = migrations.rollback(site.project, "user", to=target, dry_run=True)["user"].pending
    found = migrations.rollback(site.project, "user", to=target)["user"]
    assert found.error is None
    assert tuple(one.revision for one in found.applied) == named
    assert site.migrate("user")["user"].revision == "0003"


def test_steps_back_from_two_heads_are_refused(site: Site) -> None:
    tree(site, merged=False)
    assert site.migrate("user", to="heads").ok
    found = migrations.rollback(site.project, "user", to="-1")["user"]
    assert found.exit_code is ExitCode.USAGE
    assert "is at 2 revisions, 00a2, 00b2" in str(found.error)
    assert migrations.rollback(site.project, "user", to="00a2")["user"].error is None
    assert "c" not in site.tables()


def test_steps_forward_apply_what_the_dry_run_names(site: Site) -> None:
    tree(site, merged=True)
    named = site.migrate("user", to="+3", dry_run=True)["user"].pending
    assert tuple(one.revision for one in site.migrate("user", to="+3")["user"].applied) == named
