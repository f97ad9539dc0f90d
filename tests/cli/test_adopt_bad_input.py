"""What `dbkit service add NAME --adopt PATH` refuses: nothing is written then, and the hint says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import alembic_folders
from tests.cli.runs import Inside

ADD = ("service", "add", "shop", "--adopt")


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Inside]:
    """Give commands in a repository with a package and an Alembic folder."""
    with alembic_folders.repository(tmp_path / "repository", monkeypatch) as folder:
        alembic_folders.by_hand(folder)
        environ = {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": "shop.db"}
        yield Inside(patch=monkeypatch, capture=capfd, folder=folder, environ=environ)


def refused(inside: Inside, *arguments: str) -> str:
    """Run a command that is refused with 2 and writes nothing; give what it says, the repository's path left out."""
    before = contents(inside.folder)
    done = inside.run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert contents(inside.folder) == before
    return done.err.replace(f"{inside.folder}/", "")


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_is_not_there_is_told_with_the_folders_that_are(inside: Inside) -> None:
    assert refused(inside, *ADD, "nowhere") == (
        "dbkit: error: 'nowhere' does not exist\nhint: Alembic folders here: migrations\n"
    )


def test_a_folder_that_is_no_alembic_folder_is_told(inside: Inside) -> None:
    assert refused(inside, *ADD, "acme") == (
        "dbkit: error: 'acme' is no Alembic folder: it has neither env.py nor versions/\n"
        "hint: Alembic folders here: migrations\n"
    )
    (inside.folder / "acme/env.py").write_text("DEBUG = True\n")
    assert "'acme' is no Alembic folder: its env.py knows nothing of Alembic\n" in refused(inside, *ADD, "acme")
    assert "'acme/models.py' is neither a folder nor an alembic.ini\n" in refused(inside, *ADD, "acme/models.py")


def test_a_package_that_is_not_there_is_told(inside: Inside) -> None:
    said = refused(inside, *ADD, "nobody_has_this:migrations")
    assert "'nobody_has_this:migrations' names the package 'nobody_has_this', which is not there\n" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alembic\n", "is no ini file that Alembic can read: File contains no section headers"),
        ("[alembic]\nscript_location = %(nothing)s\n", "is no ini file that Alembic can read: Interpolation"),
        ("[alembic]\n", "has no script_location"),
        ("[other]\n", "has no section that names a script_location"),
        ("[alembic]\nscript_location = gone\n", "'gone' does not exist"),
    ],
)
def test_an_ini_that_cannot_be_used_is_told(inside: Inside, text: str, said: str) -> None:
    (inside.folder / "alembic.ini").write_text(text)
    assert said in refused(inside, *ADD, "alembic.ini")


def test_a_metadata_that_does_not_import_is_told_with_its_line(inside: Inside) -> None:
    (inside.folder / "acme/models.py").write_text("import os\n\nimport acme_is_not_installed\n")
    assert refused(inside, *ADD, "migrations") == (
        "dbkit: error: the metadata of service 'shop' cannot be imported from 'acme.models:Base.metadata': "
        "ModuleNotFoundError: No module named 'acme_is_not_installed' (acme/models.py:3)\n"
        "hint: install what 'acme_is_not_installed' belongs to, or name its folder in python_path\n"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("import sqlalchemy as sa\n\nsa.Colum()\n", "mend that line; --debug shows how it was reached"),
        ("raise SystemExit(3)\n", "mend that line; --debug shows how it was reached"),
        ("def (:\n", "mend that line; --debug shows how it was reached"),
        ("import acme.nothing\n", "install what 'acme.nothing' belongs to, or name its folder in python_path"),
        ("Other = 1\n", 'the form is "package.module:attribute", importable'),
    ],
)
def test_the_hint_tells_a_wrong_name_from_code_that_fails(inside: Inside, text: str, hint: str) -> None:
    (inside.folder / "acme/models.py").write_text(text)
    assert f"\nhint: {hint}" in refused(inside, *ADD, "migrations")


def test_a_module_that_is_nowhere_is_a_matter_of_its_name(inside: Inside) -> None:
    said = refused(inside, *ADD, "migrations", "--metadata", "acne.models:Base.metadata")
    assert "No module named 'acne'" in said
    assert '\nhint: the form is "package.module:attribute", importable' in said


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ("acme.models:Nothing", "AttributeError: module 'acme.models' has no attribute 'Nothing'"),
        ("acme.models:Base.registry", "is registry, not sqlalchemy.MetaData"),
        ("acme.models", "names no attribute"),
    ],
)
def test_a_metadata_that_is_none_is_told(inside: Inside, metadata: str, said: str) -> None:
    assert said in refused(inside, *ADD, "migrations", "--metadata", metadata)


@pytest.mark.parametrize("name", ["my shop", "Shop", "", "9th", "a/b"])
def test_a_name_that_is_no_identifier_is_told(inside: Inside, name: str) -> None:
    said = refused(inside, "service", "add", name, "--adopt", "migrations")
    assert f"{name!r} cannot be a service's name" in said


def test_a_name_that_only_a_module_could_not_have_is_none_too_many(inside: Inside) -> None:
    assert inside.run("service", "add", "calendar", "--adopt", "migrations").code == 0


def test_a_name_that_is_taken_is_told(inside: Inside) -> None:
    assert inside.run(*ADD, "migrations").code == 0
    assert "service 'shop' is there already, in dbkit.toml\n" in refused(inside, *ADD, "migrations")


def test_a_version_table_that_another_service_has_in_the_same_database_is_told(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder, "other")
    assert inside.run("service", "add", "first", "--adopt", "migrations").code == 0
    assert refused(inside, *ADD, "other") == (
        "dbkit: error: services 'shop' and 'first' have the version table 'alembic_version' in one database, "
        "'shop.db'; nothing was written\n"
        "hint: give it a database of its own, or say by --version-table which table it has\n"
    )
    assert inside.run(*ADD, "other", "--version-table", "alembic_version_shop").code == 0


def test_a_revision_that_does_not_parse_is_told_with_its_line(inside: Inside) -> None:
    (inside.folder / "migrations/versions/b2.py").write_text("revision = 'b2'\n\ndef upgrade(:\n")
    assert "revision file migrations/versions/b2.py:3 does not parse" in refused(inside, *ADD, "migrations")


def test_revisions_that_contradict_each_other_are_told(inside: Inside) -> None:
    alembic_folders.revision(inside.folder / "migrations/versions", "c3", down="b2")
    assert "revision 'c3' of service 'shop' is built on 'b2', which is missing" in refused(inside, *ADD, "migrations")


def test_an_env_py_that_does_not_parse_is_told_unless_the_models_are_named(inside: Inside) -> None:
    (inside.folder / "migrations/env.py").write_text("from alembic import context\n\ndef (:\n")
    said = refused(inside, *ADD, "migrations")
    assert "env.py does not parse: migrations/env.py:3: " in said
    assert 'hint: mend it, or name the models: --metadata "module:Base.metadata"\n' in said
    assert inside.run(*ADD, "migrations", "--metadata", "acme.models:Base.metadata").code == 0


def test_a_folder_without_env_py_needs_the_models_named(inside: Inside) -> None:
    (inside.folder / "migrations/env.py").unlink()
    assert "has no env.py that would say where the models are\n" in refused(inside, *ADD, "migrations")


def test_a_folder_of_dbkits_own_is_told(inside: Inside) -> None:
    (inside.folder / "migrations/env.py").write_text('from dbkit.migrations import env\n\nenv.run("user")\n')
    assert "'migrations/env.py' is dbkit's own, and says nothing of models\n" in refused(inside, *ADD, "migrations")


def test_an_env_py_for_several_databases_is_told_with_its_line(inside: Inside) -> None:
    alembic_folders.stock(inside.folder, "multidb", "several", metadata=False)
    said = refused(inside, *ADD, "several")
    env = (inside.folder / "several/env.py").read_text().splitlines()
    first = next(number for number, line in enumerate(env, start=1) if "context.run_migrations(" in line)
    assert f"several/env.py:{first} runs migrations in a loop, and a service has one database\n" in said
    assert "hint: make each database, schema or tenant a service of its own" in said


def test_toml_that_does_not_parse_is_told_with_line_and_column(inside: Inside) -> None:
    (inside.folder / "pyproject.toml").write_text("[project]\nname = shop\n")
    assert "'pyproject.toml' is not TOML: Invalid value (at line 2, column 8)\n" in refused(inside, *ADD, "migrations")


def test_a_form_that_cannot_be_added_to_is_told_with_the_lines(inside: Inside) -> None:
    (inside.folder / "pyproject.toml").write_text("[tool]\ndbkit = {services = {}}\n")
    said = refused(inside, *ADD, "migrations")
    assert "pyproject.toml has a form that [tool.dbkit.services.shop] cannot be added to\n" in said
    assert 'hint: write it in by hand: [tool.dbkit.services.shop]; migrations = "migrations"; metadata = ' in said


def test_what_contradicts_itself_is_told(inside: Inside) -> None:
    own = ("migrations", "--own", "--metadata", "acme.models:Base.metadata")
    assert "--own and --metadata contradict each other" in refused(inside, *ADD, *own)
    assert "are about an Alembic folder\nhint: --adopt PATH names it" in refused(
        inside, "service", "add", "shop", "--own"
    )


def test_a_folder_without_write_rights_is_told(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.access
    # the account that runs the tests may be root, whom the system lets write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != inside.folder and allowed(path, mode))
    said = refused(inside, *ADD, "migrations")
    assert "'dbkit.toml' cannot be written: this account may not write to" in said
    assert "nothing was written\nhint: check who may write there\n" in said
