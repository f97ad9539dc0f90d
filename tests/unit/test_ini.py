"""What an alembic.ini says of places: the small print of Alembic's own reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbkit.revisions.ini import Ini, located, read_ini, read_pyproject


def ini(folder: Path, text: str) -> Ini:
    """Read an ini."""
    (folder / "alembic.ini").write_text(f"[alembic]\n{text}")
    found = read_ini(folder / "alembic.ini")
    assert found is not None
    return found


def test_the_old_separator_of_version_locations_says_nothing_of_other_paths(tmp_path: Path) -> None:
    found = ini(tmp_path, "version_path_separator = ;\nversion_locations = a b;c\nprepend_sys_path = a b:c\n")
    assert found.paths("version_locations") == ("a b", "c")
    assert found.paths("prepend_sys_path") == ("a", "b", "c")


def test_blanks_around_a_separator_are_no_part_of_a_path(tmp_path: Path) -> None:
    assert ini(tmp_path, "path_separator = ;\nversion_locations = a ; b;;\n").paths("version_locations") == ("a", "b")


@pytest.mark.parametrize(("word", "on"), [("true", True), ("1", False), ("yes", False), ("True", False)])
def test_a_switch_is_on_by_the_one_word_that_alembic_takes(tmp_path: Path, word: str, on: bool) -> None:
    assert ini(tmp_path, f"sourceless = {word}\n").switch("sourceless") is on


def test_a_doubled_percent_sign_of_a_pyproject_is_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.alembic]\nversion_locations = ["%(here)s/50%%"]\n')
    found = read_pyproject(tmp_path / "pyproject.toml")
    assert found is not None
    assert found.paths("version_locations") == (f"{tmp_path}/50%",)


def test_a_path_may_begin_at_home_or_in_a_package_and_go_on_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "acme/inner").mkdir(parents=True)
    (tmp_path / "acme/__init__.py").touch()
    assert located("~/old/../new", Path("/elsewhere"), search=[]) == tmp_path / "new"
    assert located("acme.inner:db:old", Path("/elsewhere"), search=[str(tmp_path)]) == tmp_path / "acme/inner/db/old"
