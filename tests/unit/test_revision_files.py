"""What env.py and revision files say to somebody who does not run them, where that is not plain."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

from dbkit.errors import RevisionFileError
from dbkit.revisions.env_file import EnvFile, read_env
from dbkit.revisions.reading import read_history
from tests.unit.test_layout import folder, layout, revision


def said(root: Path, text: str, *, changed_ns: int) -> EnvFile:
    """Read an env.py that was written at this time."""
    (root / "env.py").write_text(text)
    os.utime(root / "env.py", ns=(changed_ns, changed_ns))
    found = read_env(root)
    assert found is not None
    return found


def test_an_env_file_that_has_changed_is_read_again_however_little_that_is(tmp_path: Path) -> None:
    text = "context.configure(version_table='{}')\n"
    assert said(tmp_path, text.format("a"), changed_ns=10**18).version_table == "a"
    assert said(tmp_path, text.format("b"), changed_ns=10**18 + 1).version_table == "b"


def test_a_name_that_is_set_twice_is_not_known(tmp_path: Path) -> None:
    once = said(tmp_path, "T = 'a'\ncontext.configure(version_table=T)\n", changed_ns=1)
    assert (once.version_table, once.computed) == ("a", frozenset())
    twice = said(tmp_path, "T = 'a'\nT = 'b'\ncontext.configure(version_table=T)\n", changed_ns=1)
    assert (twice.version_table, twice.computed) == ("alembic_version", frozenset({"version_table"}))


def test_an_ini_that_names_a_package_which_is_not_there_is_about_another_folder(tmp_path: Path) -> None:
    folder(tmp_path / "old")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = nowhere_at_all:old\nsourceless = true\n")
    found = layout(tmp_path, {"migrations": "old"})
    assert (found.folder, found.ini, found.sourceless) == (tmp_path / "old", None, False)


@pytest.mark.parametrize("sourceless", [True, False])
def test_compiled_revisions_count_where_the_ini_says_so(tmp_path: Path, sourceless: bool) -> None:
    versions = folder(tmp_path / "old") / "versions"
    revision(versions, "a1")
    py_compile.compile(str(versions / "a1.py"), cfile=str(versions / "a1.pyc"), doraise=True)
    (versions / "a1.py").unlink()
    text = f"[alembic]\nscript_location = old\nsourceless = {str(sourceless).lower()}\n"
    (tmp_path / "alembic.ini").write_text(text)
    assert list(read_history(layout(tmp_path, {"migrations": "old"})).scripts) == (["a1"] if sourceless else [])


@pytest.mark.parametrize("value", ["''", "1", "None", "('a', 'b')"])
def test_a_revision_that_is_no_text_is_refused(tmp_path: Path, value: str) -> None:
    versions = folder(tmp_path / "old") / "versions"
    (versions / "a1.py").write_text(f"revision = {value}\ndown_revision = None\n")
    with pytest.raises(RevisionFileError, match=r"a1\.py of service 'user': its revision is .*, not a text"):
        read_history(layout(tmp_path, {"migrations": "old"}))
