"""Where a service's revisions are: what the project's file, an alembic.ini and an env.py say of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dbkit.config import Settings
from dbkit.errors import HistoryError
from dbkit.revisions.layout import Layout
from dbkit.revisions.reading import read_history
from dbkit.service import register

OURS = 'from dbkit.migrations import env\n\nenv.run("user")\n'
STOCK = "from alembic import context\n\ncontext.configure(connection=None{options})\n"


def layout(root: Path, table: dict[str, Any], *, backend: str | None = None, **settings: Any) -> Layout:
    """Find the layout of the service `user` of a project."""
    found = Settings(services={"user": {"metadata": "a:b", **table}}, **settings)
    return register("user", found, root=root).layout(backend)


def folder(root: Path, env: str | None = STOCK.format(options=""), *versions: str) -> Path:
    """Make an Alembic folder."""
    for place in versions or ("versions",):
        (root / place).mkdir(parents=True)
    if env is not None:
        (root / "env.py").write_text(env)
    return root


def revision(versions: Path, name: str, down: str | None = None, file: str | None = None) -> None:
    """Write a revision file."""
    (versions / (file or f"{name}.py")).write_text(f"revision = {name!r}\ndown_revision = {down!r}\n")


@pytest.mark.parametrize(
    ("env", "table", "schema"),
    [
        (None, "alembic_version_user", None),
        (OURS, "alembic_version_user", None),
        ("import dbkit.migrations.env\n", "alembic_version_user", None),
        (STOCK.format(options=""), "alembic_version", None),
        (STOCK.format(options=", version_table='acme_version'"), "acme_version", None),
        ("TABLE = 'acme_version'\n" + STOCK.format(options=", version_table=TABLE"), "acme_version", None),
        (STOCK.format(options=", version_table=name(), version_table_schema='audit'"), "alembic_version", "audit"),
        ("def (:\n", "alembic_version", None),
    ],
)
def test_an_adopted_folder_keeps_its_version_table(
    tmp_path: Path, env: str | None, table: str, schema: str | None
) -> None:
    folder(tmp_path / "old", env)
    found = layout(tmp_path, {"migrations": "old"})
    assert (found.version_table, found.version_schema) == (table, schema)
    assert found.adopted is (env not in (None, OURS, "import dbkit.migrations.env\n"))


@pytest.mark.parametrize(
    ("backend", "schema"), [("sqlite", None), ("postgresql", "audit"), ("tidb", "audit"), (None, "audit")]
)
def test_a_database_that_is_a_file_has_no_schema_for_its_version_table(
    tmp_path: Path, backend: str | None, schema: str | None
) -> None:
    folder(tmp_path / "old", STOCK.format(options=", version_table_schema='audit'"))
    assert layout(tmp_path, {"migrations": "old"}, backend=backend).version_schema == schema


def test_a_version_table_that_is_worked_out_is_known_as_such(tmp_path: Path) -> None:
    folder(tmp_path / "old", STOCK.format(options=", version_table=name(), **more"))
    env = layout(tmp_path, {"migrations": "old"}).env
    assert env is not None
    assert env.computed == {"version_table", "**"}


def test_what_the_projects_file_says_beats_the_folder(tmp_path: Path) -> None:
    folder(tmp_path / "old", STOCK.format(options=", version_table='theirs', version_table_schema='theirs'"))
    table = {"migrations": "old", "version_table": "mine", "alembic": {"version_table_schema": "ours"}}
    found = layout(tmp_path, table)
    assert (found.version_table, found.version_schema) == ("mine", "ours")


@pytest.mark.parametrize("place", ["old", "."])
@pytest.mark.parametrize("location", ["%(here)s/{}", "{}"])
def test_the_ini_that_names_the_folder_is_found(tmp_path: Path, place: str, location: str) -> None:
    folder(tmp_path / "old/scripts", STOCK.format(options=""), "one", "two")
    ini = tmp_path / place / "alembic.ini"
    there = "scripts" if place == "old" else "old/scripts"
    ini.write_text(
        f"[alembic]\nscript_location = {location.format(there)}\nversion_path_separator = :\n"
        f"version_locations = %(here)s/{there}/one:%(here)s/{there}/two\nprepend_sys_path = .\n"
    )
    for migrations in ("old/scripts", str(Path("old") if place == "old" else Path("alembic.ini"))):
        found = layout(tmp_path, {"migrations": migrations})
        assert found.folder == tmp_path / "old/scripts"
        assert found.versions == (tmp_path / "old/scripts/one", tmp_path / "old/scripts/two")
        assert found.ini is not None
        assert found.ini.file == ini
        assert found.sys_path == (str(ini.parent),)


def test_an_ini_of_another_folder_is_not_taken(tmp_path: Path) -> None:
    folder(tmp_path / "old")
    folder(tmp_path / "other")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/other\n")
    assert layout(tmp_path, {"migrations": "old"}).ini is None


@pytest.mark.parametrize(
    ("separator", "between"),
    [
        ("path_separator = os\n", ":"),
        ("path_separator = ;\n", ";"),
        ("path_separator = space\n", " "),
        ("path_separator = newline\n", "\n  "),
        ("version_path_separator = os\n", ":"),
        ("", " "),
        ("", ", "),
    ],
)
def test_folders_of_revisions_are_separated_as_alembic_does(tmp_path: Path, separator: str, between: str) -> None:
    folder(tmp_path / "old", STOCK, "a", "b")
    there = between.join(("%(here)s/old/a", "%(here)s/old/b"))
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = old\n{separator}version_locations = {there}\n")
    assert layout(tmp_path, {"migrations": "old"}).versions == (tmp_path / "old/a", tmp_path / "old/b")


def test_the_table_of_a_pyproject_is_read_too(tmp_path: Path) -> None:
    folder(tmp_path / "old", STOCK)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.alembic]\nscript_location = "%(here)s/old"\nversion_locations = ["%(here)s/a", "%(here)s/b"]\n'
        "recursive_version_locations = true\n"
    )
    found = layout(tmp_path, {"migrations": "old"})
    assert found.versions == (tmp_path / "a", tmp_path / "b")
    assert found.recursive
    assert found.pyproject is not None


def test_a_folder_of_a_package_is_found_without_importing_it(tmp_path: Path) -> None:
    package = tmp_path / "src/acme_of_layout/store"
    folder(package / "old")
    for place in (package, package.parent):
        (place / "__init__.py").write_text("raise RuntimeError('imported')\n")
    found = layout(tmp_path, {"migrations": "acme_of_layout.store:old"}, python_path=("src",))
    assert found.folder == package / "old"
    assert "acme_of_layout" not in sys.modules


def test_the_projects_own_folders_are_looked_in_before_those_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("src", "elsewhere"):
        folder(tmp_path / place / "acme_of_both/old")
        (tmp_path / place / "acme_of_both/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    found = layout(tmp_path, {"migrations": "acme_of_both:old"}, python_path=("src",))
    assert found.folder == tmp_path / "src/acme_of_both/old"


def test_an_ini_beside_the_revisions_leads_to_no_other_folder(tmp_path: Path) -> None:
    folder(tmp_path / "old")
    (tmp_path / "old" / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n")
    assert layout(tmp_path, {"migrations": "old"}).folder == tmp_path / "old"


def test_a_package_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="names the package 'acme_of_nowhere', which is not there"):
        layout(tmp_path, {"migrations": "acme_of_nowhere:old"})


@pytest.mark.parametrize(
    ("backend", "name"),
    [("tidb", "mysql"), ("mariadb", "mysql"), ("mysql", "mysql"), ("postgresql", "postgresql"), ("sqlite", "sqlite")],
)
def test_folders_may_depend_on_the_dialect(tmp_path: Path, backend: str, name: str) -> None:
    folder(tmp_path / "old", STOCK)
    table = {"migrations": "old", "alembic": {"version_locations": ["old/{dialect}"]}}
    assert layout(tmp_path, table, backend=backend).versions == (tmp_path / "old" / name,)


def test_revisions_are_found_in_folders_below_where_the_ini_says_so(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", STOCK, "versions/2024", "versions/2025/deep")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = old\nrecursive_version_locations = true\n")
    revision(old / "versions/2024", "a")
    revision(old / "versions/2025/deep", "b", "a")
    assert read_history(layout(tmp_path, {"migrations": "old"})).in_order() == ["a", "b"]


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("[alembic\n", "is no ini file that Alembic can read: .*line: 1"),
        ("[alembic]\nscript_location = %(nowhere)s\n", "is no ini file that Alembic can read: InterpolationMissing"),
        ("[other]\nscript_location = old\n", "has no section \\[alembic\\]"),
        ("[alembic]\n", "has no script_location"),
        ("[alembic]\nscript_location = gone\n", "the migration folder '.*gone' does not exist"),
        (
            "[alembic]\nscript_location = old\npath_separator = comma\nversion_locations = a\n",
            "'comma' separates no paths",
        ),
    ],
)
def test_an_ini_that_leads_nowhere_is_refused(tmp_path: Path, ini: str, message: str) -> None:
    folder(tmp_path / "old")
    (tmp_path / "alembic.ini").write_text(ini)
    with pytest.raises(HistoryError, match=message) as caught:
        layout(tmp_path, {"migrations": "alembic.ini"})
    assert caught.value.hint


def test_a_folder_that_is_no_alembic_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(HistoryError, match=r"is no Alembic folder: it has neither env\.py nor versions/"):
        layout(tmp_path, {"migrations": "old"})


def test_version_locations_of_the_projects_file_come_before_those_of_the_ini(tmp_path: Path) -> None:
    folder(tmp_path / "old", STOCK, "theirs", "ours")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = old\nversion_locations = old/theirs\n")
    assert layout(tmp_path, {"migrations": "old"}).versions == (tmp_path / "old/theirs",)
    found = layout(tmp_path, {"migrations": "old", "alembic": {"version_locations": ["old/ours"]}})
    assert found.versions == (tmp_path / "old/ours",)


def test_the_ini_above_a_folder_outside_of_the_project_is_read_and_none_further_up(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    for depth in ("far/near", "far"):
        folder(tmp_path / depth / "old")
        text = "[alembic]\nscript_location = {}/old\nsourceless = true\n"
        (tmp_path / "far/alembic.ini").write_text(text.format(tmp_path / depth))
        assert layout(tmp_path / "project", {"migrations": f"../{depth}/old"}).sourceless is (depth == "far")


def test_version_locations_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    table = {"migrations": "old", "alembic": {"version_locations": ["old/one", "old/two"]}}
    with pytest.raises(HistoryError) as caught:
        layout(tmp_path, table)
    assert caught.value.message == (
        f"service 'user': version_locations names '{tmp_path}/old/one', '{tmp_path}/old/two', and no such folder is there; "
        f"nor is '{tmp_path}/old/env.py'"
    )
    assert caught.value.hint == "mend version_locations in [tool.dbkit.services.user.alembic] or in the ini"
    (tmp_path / "old/two").mkdir()
    assert len(layout(tmp_path, table).versions) == 2


def test_a_section_of_its_own_is_read(tmp_path: Path) -> None:
    folder(tmp_path / "old", STOCK, "theirs", "versions")
    (tmp_path / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/other\n"
        "[users]\nscript_location = %(here)s/old\nversion_locations = %(here)s/old/theirs\n"
    )
    found = layout(tmp_path, {"migrations": "alembic.ini", "alembic": {"section": "users"}})
    assert found.versions == (tmp_path / "old/theirs",)


def test_helpers_beside_the_revisions_are_none(tmp_path: Path) -> None:
    versions = folder(tmp_path / "old") / "versions"
    revision(versions, "a1")
    for name in ("__init__.py", ".#a1.py", "__init__helper.py"):
        (versions / name).write_text("revision = 'hidden'\n")
    assert list(read_history(layout(tmp_path, {"migrations": "old"})).scripts) == ["a1"]
