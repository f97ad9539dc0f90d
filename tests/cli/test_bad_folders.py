"""Folders, models and names in the project's file that are not what they should be: exit code, one line, a hint, nothing half-done."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.runs import Inside
from tests.projects import Home

SHOP = '[tool.dbkit.services.shop]\nmigrations = "{folder}"\nmetadata = "shop_models:{metadata}"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Home:
    """Give a project that somebody else's tool could have left: an Alembic folder without an env.py, and models."""
    home = Home(tmp_path)
    (tmp_path / "old/versions").mkdir(parents=True)
    (tmp_path / "old/versions/a1.py").write_text(
        'revision = "a1"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
    )
    models(home, "import sqlalchemy as sa\n\nmetadata = sa.MetaData()\n")
    said(home)
    return home


@pytest.fixture
def inside(shop: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    return Inside(patch=monkeypatch, capture=capfd, folder=shop.root)


def said(home: Home, *, folder: str = "old", metadata: str = "metadata") -> None:
    (home.root / "pyproject.toml").write_text(SHOP.format(folder=folder, metadata=metadata))


def models(home: Home, text: str) -> None:
    (home.root / "shop_models.py").write_text(text)


def refused(inside: Inside, *arguments: str, code: int = 2, **environ: str) -> str:
    """Give the two lines that a run is refused with; no database came of it."""
    done = inside.run(*arguments, **environ)
    lines = [line for line in done.err.splitlines() if line.startswith(("dbkit: error: ", "hint: "))]
    assert (done.code, len(lines)) == (code, 2), done.err
    assert "Traceback" not in done.err
    assert not list(inside.folder.glob(".dbkit/*.db"))
    return "\n".join(lines)


@pytest.mark.parametrize("command", [("migrate",), ("status",), ("check",), ("history",), ("alembic", "shop", "heads")])
def test_a_folder_that_is_no_alembic_folder(shop: Home, inside: Inside, command: tuple[str, ...]) -> None:
    (shop.root / "stuff").mkdir()
    said(shop, folder="stuff")
    found = refused(inside, *command)
    assert f"{str(shop.root / 'stuff')!r} is no Alembic folder: it has neither env.py nor versions/" in found
    assert "as 'migrations' in [tool.dbkit.services.shop]" in found


@pytest.mark.parametrize(("name", "fault"), [("nowhere", "does not exist"), ("shop_models.py", "is a file")])
def test_a_folder_that_is_none(shop: Home, inside: Inside, name: str, fault: str) -> None:
    said(shop, folder=name)
    assert f"the migration folder {str(shop.root / name)!r} {fault}" in refused(inside, "migrate")


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        ("x = 1\nimport nowhere.at_all\n", "ModuleNotFoundError: No module named 'nowhere'", 2),
        ("x = 1\n\ndef f(:\n", "SyntaxError: invalid syntax", 3),
        ('raise ValueError("one\\ntwo")\n', "ValueError: one two", 1),
        ("import sys\nsys.exit(4)\n", "SystemExit: 4", 2),
    ],
    ids=["missing", "syntax", "raises", "exits"],
)
def test_models_that_cannot_be_imported_are_told_with_the_line(
    shop: Home, inside: Inside, text: str, fault: str, line: int
) -> None:
    models(shop, text)
    place = f"({shop.root / 'shop_models.py'}:{line})"
    assert (
        f"the metadata of service 'shop' cannot be imported from 'shop_models:metadata': {fault} {place}\n"
        in refused(inside, "check")
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("metadata = 7\n", "int"),
        ("class metadata:\n    sorted_tables = tables = ()\n", "the class metadata"),
        ('metadata = type("Look", (), {"sorted_tables": (), "tables": {}})()\n', "Look"),
        ("from sqlalchemy import MetaData as metadata\n", "the class MetaData"),
        ("def metadata():\n    return None\n", "NoneType"),
    ],
    ids=["number", "class", "look-alike", "no-instance", "function"],
)
def test_metadata_that_is_none(shop: Home, inside: Inside, text: str, kind: str) -> None:
    models(shop, text)
    found = refused(inside, "check")
    assert f"the metadata of service 'shop' is {kind}, not sqlalchemy.MetaData\nhint: name an instance of it" in found


def test_two_services_with_one_version_table_in_one_database(shop: Home, inside: Inside) -> None:
    file = shop.root / "pyproject.toml"
    table = file.read_text() + 'version_table = "v"\n'
    file.write_text(table + table.replace(".shop]", ".kiosk]"))
    done = inside.run("migrate", DATABASE_TYPE="sqlite", DATABASE_SQLITE_PATH="one.db")
    where = f"have the version table 'v' in one database, {str(shop.root / 'one.db')!r}\nhint: write version_table = "
    assert (done.code, done.err.count("error:")) == (2, 2)
    assert (
        f"error: shop: services 'shop' and 'kiosk' {where}\"alembic_version_shop\" in [tool.dbkit.services.shop]"
        in (done.err)
    )
    assert not (shop.root / "one.db").exists()
    assert inside.run("migrate", DATABASE_TYPE="sqlite").code == 0  # a database each


@pytest.mark.parametrize("name", ["my service", "../up", "1shop", "a.b", "a;b", "ä", ""])
@pytest.mark.parametrize("command", [("migrate",), ("history",), ("config", "show")])
def test_a_name_that_is_no_services(shop: Home, inside: Inside, name: str, command: tuple[str, ...]) -> None:
    file = shop.root / "pyproject.toml"
    file.write_text(file.read_text().replace(".shop]", f'."{name}"]'))
    assert f"{name!r} cannot be a service's name\nhint: use letters, digits, - and _, a letter first" in (
        refused(inside, *command)
    )


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("pyproject.toml", "[tool.dbkit]\nmigrations == 'm'\n", "(at line 2, column 13)"),
        ("dbkit.toml", "a = 1\n[x", "(at line 2, column 3, the end of the file)"),
    ],
)
def test_a_project_file_that_is_no_toml(shop: Home, inside: Inside, name: str, text: str, place: str) -> None:
    (shop.root / name).write_text(text)
    found = refused(inside, "status")
    assert f"dbkit: error: {str(shop.root / name)!r} is not TOML: " in found
    assert place in found


@pytest.mark.parametrize("command", [("migrate",), ("status",), ("check",), ("rollback", "shop", "--yes")])
def test_a_database_at_a_revision_that_the_folder_does_not_have(
    shop: Home, inside: Inside, command: tuple[str, ...]
) -> None:
    engine = sa.create_engine(f"sqlite:///{shop.root / 'shop.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version_shop (version_num VARCHAR(32) PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO alembic_version_shop VALUES ('zz9')")
    found = refused(inside, *command, code=7, DATABASE_TYPE="sqlite", DATABASE_SQLITE_PATH="shop.db")
    assert "the database of service 'shop' is at revision zz9, which these files do not have\nhint: a newer" in found
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version_shop").scalars().all() == ["zz9"]
    engine.dispose()
