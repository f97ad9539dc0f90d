"""Alembic's own command in a project that `dbkit init` wrote, whose models are in src and not installed; every warning is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.runs import Shell


def alembic(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "alembic", "-c", "alembic_envs/user/alembic.ini", *arguments],
        cwd=folder,
        env=Shell(folder=folder).variables({"EDITOR": "cat", "PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_models_in_src_become_a_revision_that_is_theirs(tmp_path: Path) -> None:
    begun = ("init", "--service", "user", "--backend", "sqlite", "--layout", "src", "--name", "shop")
    assert Shell(folder=tmp_path).run(*begun).code == 0
    (first,) = (tmp_path / "alembic_envs/user/versions").glob("*.py")
    first.unlink()
    assert "Generating " in alembic(tmp_path, "revision", "--autogenerate", "-m", "items", "--rev-id", "0001")
    (made,) = (tmp_path / "alembic_envs/user/versions").glob("*.py")
    text = made.read_text()
    assert ("op.create_table('user_items'," in text, "dbt.v1.Uuid()" in text) == (True, True)
    alembic(tmp_path, "upgrade", "head")
    assert "No new upgrade operations detected." in alembic(tmp_path, "check")
    assert text in alembic(tmp_path, "edit", "head")
    assert Shell(folder=tmp_path).run("check").code == 0
