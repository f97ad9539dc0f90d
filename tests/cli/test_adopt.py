"""`dbkit service add NAME --adopt PATH`: an Alembic folder becomes a service by two lines, and none of its files changes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli import alembic_folders
from tests.cli.runs import Inside, Shell

METADATA = "acme.models:Base.metadata"


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Inside]:
    """Give commands in a repository with a package."""
    with alembic_folders.repository(tmp_path / "repository", monkeypatch) as folder:
        environ = {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": "shop.db"}
        yield Inside(patch=monkeypatch, capture=capfd, folder=folder, environ=environ)


def add(inside: Inside, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
    """Adopt, prove that nothing but the project's file has changed, and give the document."""
    before = contents(inside.folder)
    done = inside.run("service", "add", "shop", *arguments, "--format", "json", **environ)
    assert done.code == code, done.err
    document = done.document
    written = {file["path"] for file in document["files"]}
    assert {name for name, held in contents(inside.folder).items() if before.get(name) != held} == written
    return document


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if ".db" not in path.name}


def table(inside: Inside) -> dict[str, Any]:
    """Read the service's table."""
    own = inside.folder / "dbkit.toml"
    text = (own if own.exists() else inside.folder / "pyproject.toml").read_text()
    document = tomllib.loads(text)
    return dict((document if own.exists() else document["tool"]["dbkit"])["services"]["shop"])


def migrated(inside: Inside) -> str:
    done = inside.run("migrate", "shop", "--format", "json")
    assert done.code == 0, done.err
    return str(done.document["services"][0]["revision"])


INIT = [
    *(
        (template, path)
        for template in ("generic", "async", "pyproject")
        for path in ("migrations", "migrations/versions")
    ),
    ("generic", "migrations/env.py"),
    ("generic", "."),
    ("async", "alembic.ini"),
    ("pyproject", "."),
]


@pytest.mark.parametrize(("template", "path"), INIT)
def test_what_alembic_init_makes_is_adopted_by_two_lines(inside: Inside, template: str, path: str) -> None:
    alembic_folders.stock(inside.folder, template)
    if (template, path) == ("pyproject", "."):
        (inside.folder / "alembic.ini").unlink()
    found = add(inside, "--adopt", path)["adopted"]
    by_ini = template != "pyproject" and path in (".", "alembic.ini")
    assert table(inside) == {"migrations": path if by_ini else "migrations", "metadata": METADATA}
    assert (found["env"], found["revisions"], found["version_table"]) == ("dbkit", 1, "alembic_version")
    assert found["heads"] == [{"revision": "a1", "labels": []}]
    assert found["tables"] == 1
    assert migrated(inside) == "a1"


def test_a_folder_of_a_package_is_named_as_the_package_is(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder, "acme/migrations")
    add(inside, "--adopt", "acme:migrations")
    assert table(inside)["migrations"] == "acme:migrations"
    assert migrated(inside) == "a1"


def test_the_lines_join_a_pyproject_that_keeps_every_byte(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    text = '[project]  # ours\r\nname = "shop"\r\n'
    (inside.folder / "pyproject.toml").write_bytes(text.encode())
    document = add(inside, "--adopt", "migrations")
    assert document["files"] == [{"path": "pyproject.toml", "action": "changed"}]
    lines = f'[tool.dbkit.services.shop]\nmigrations = "migrations"\nmetadata = "{METADATA}"\n'
    assert document["adopted"]["lines"] == lines
    assert (inside.folder / "pyproject.toml").read_bytes().decode() == f"{text}\r\n" + lines.replace("\n", "\r\n")


def test_without_a_pyproject_dbkit_gets_a_file_of_its_own(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    add(inside, "--adopt", "migrations")
    assert (inside.folder / "dbkit.toml").read_text() == (
        f'[services.shop]\nmigrations = "migrations"\nmetadata = "{METADATA}"\n'
    )


def test_a_second_folder_joins_the_project_that_is_there(inside: Inside) -> None:
    for folder in ("one", "two"):
        alembic_folders.by_hand(inside.folder, folder, options=f', version_table="version_{folder}"')
    assert inside.run("service", "add", "first", "--adopt", "one").code == 0
    add(inside, "--adopt", "two")
    text = (inside.folder / "dbkit.toml").read_text()
    assert list(tomllib.loads(text)["services"]) == ["first", "shop"]


def test_in_a_folder_below_the_repositorys_file_is_the_one(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder, "db/migrations")
    (inside.folder / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    below = Inside(patch=inside.patch, capture=inside.capture, folder=inside.folder / "db", environ=inside.environ)
    assert below.run("service", "add", "shop", "--adopt", "migrations").code == 0
    assert table(inside)["migrations"] == "db/migrations"


def test_modules_in_src_are_found(inside: Inside) -> None:
    (inside.folder / "acme").rename(inside.folder / "elsewhere")
    alembic_folders.package(inside.folder, "src")
    alembic_folders.by_hand(inside.folder)
    document = add(inside, "--adopt", "migrations")
    assert (inside.folder / "dbkit.toml").read_text().startswith('python_path = [".", "src"]\n\n[services.shop]\n')
    assert document["adopted"]["tables"] == 1
    assert migrated(inside) == "a1"


def test_a_dry_run_writes_nothing(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    before = contents(inside.folder)
    done = inside.run("service", "add", "shop", "--adopt", "migrations", "--dry-run")
    assert (done.code, contents(inside.folder)) == (0, before)
    assert "dbkit.toml  would be created" in done.out
    assert "next:" not in done.out


def test_models_that_another_import_registers_are_named_by_that_module(inside: Inside) -> None:
    alembic_folders.files(
        inside.folder,
        {
            "acme/base.py": "from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n",
            "acme/models.py": """
                import sqlalchemy as sa
                from acme.base import Base

                class Article(Base):
                    __tablename__ = "articles"
                    id = sa.Column(sa.Integer, primary_key=True)
            """,
        },
    )
    alembic_folders.by_hand(inside.folder, before="import acme.models")
    env = inside.folder / "migrations/env.py"
    env.write_text(env.read_text().replace("from acme.models import Base", "from acme.base import Base"))
    assert add(inside, "--adopt", "migrations")["adopted"]["tables"] == 1
    assert table(inside)["metadata"] == METADATA


def test_models_that_several_imports_register_need_env_py(inside: Inside) -> None:
    base = "from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n"
    model = "import sqlalchemy as sa\nfrom acme.base import Base\n\nsa.Table('{0}', Base.metadata, sa.Column('id', sa.Integer))\n"
    alembic_folders.files(
        inside.folder,
        {"acme/base.py": base} | {f"acme/{name}.py": model.format(name) for name in ("models", "more")},
    )
    alembic_folders.by_hand(inside.folder, before="import acme.models\nimport acme.more")
    env = inside.folder / "migrations/env.py"
    env.write_text(env.read_text().replace("from acme.models import Base", "from acme.base import Base"))
    found = add(inside, "--adopt", "migrations")["adopted"]
    assert found["reason"] == "2 of its tables come by what env.py imports (lines 6, 7)"
    assert table(inside) == {"migrations": "migrations", "env": "own"}


def test_what_only_env_py_can_say_has_it_run(inside: Inside) -> None:
    alembic_folders.by_hand(
        inside.folder, before="def mine(*_):\n    return True\n", options=", include_object=mine, include_schemas=True"
    )
    found = add(inside, "--adopt", "migrations")["adopted"]
    assert table(inside) == {"migrations": "migrations", "env": "own"}
    assert found["reason"] == "else this would be lost: include_object"
    assert {(one["what"], one["here"]) for one in found["env_py"]} >= {
        ("include_object", "kept"),
        ("include_schemas", "kept"),
    }
    assert migrated(inside) == "a1"


def test_by_metadata_it_is_not_run_and_what_is_lost_is_said_with_its_line(inside: Inside) -> None:
    alembic_folders.by_hand(
        inside.folder, before="def mine(*_):\n    return True\n", options=",\n        include_object=mine"
    )
    found = add(inside, "--adopt", "migrations", "--metadata", METADATA)["adopted"]
    assert table(inside) == {"migrations": "migrations", "metadata": METADATA}
    lost = [one for one in found["env_py"] if not one["taken"]]
    assert lost == [
        {"line": 11, "what": "include_object", "here": "not taken over: it is made in env.py itself", "taken": False}
    ]


def test_own_has_it_run_whatever_is_found(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    add(inside, "--adopt", "migrations", "--own")
    assert table(inside) == {"migrations": "migrations", "env": "own"}
    assert migrated(inside) == "a1"


def test_functions_of_a_module_and_switches_become_further_lines(inside: Inside) -> None:
    alembic_folders.files(inside.folder, {"acme/pick.py": "def pick(*_):\n    return True\n"})
    options = ", include_object=pick, include_schemas=True, render_as_batch=False, version_table_schema=None"
    alembic_folders.by_hand(inside.folder, before="from acme.pick import pick", options=options)
    add(inside, "--adopt", "migrations")
    assert table(inside)["alembic"] == {
        "include_object": "acme.pick:pick",
        "include_schemas": True,
        "render_as_batch": False,
    }
    assert migrated(inside) == "a1"


def test_folders_for_each_dialect_are_named_once(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    versions = inside.folder / "migrations/versions"
    (versions / "a1_step.py").unlink()
    for dialect in ("sqlite", "postgresql"):
        alembic_folders.revision(versions / dialect, f"{dialect}1")
    found = add(inside, "--adopt", "migrations")["adopted"]
    assert table(inside)["alembic"] == {"version_locations": ["migrations/versions/{dialect}"]}
    assert [head["revision"] for head in found["heads"]] == ["sqlite1"]
    assert migrated(inside) == "sqlite1"


def test_an_ini_with_sections_is_told_by_section(inside: Inside) -> None:
    for folder in ("one", "two"):
        alembic_folders.by_hand(inside.folder, folder)
    alembic_folders.files(
        inside.folder,
        {"alembic.ini": "[one]\nscript_location = %(here)s/one\n[two]\nscript_location = %(here)s/two\n"},
    )
    done = inside.run("service", "add", "shop", "--adopt", "alembic.ini")
    assert (done.code, done.out) == (2, "")
    assert "has several folders: one, two\nhint: --section names the one\n" in done.err
    add(inside, "--adopt", "alembic.ini", "--section", "two")
    assert table(inside)["alembic"] == {"section": "two"}


def test_a_version_table_that_env_py_works_out_is_to_be_said(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder, options=', version_table="_".join(("acme", "version"))')
    done = inside.run("service", "add", "shop", "--adopt", "migrations")
    assert done.code == 2
    assert "works out the version table's name\nhint: --version-table says which it is\n" in done.err
    add(inside, "--adopt", "migrations", "--version-table", "acme_version")
    assert table(inside)["version_table"] == "acme_version"


def test_where_the_database_is_is_told(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    environ = {**os.environ, "PYTHONPATH": str(inside.folder)}
    env = inside.folder / "migrations/env.py"
    text = env.read_text()
    env.write_text(text.replace("never.db", "shop.db"))
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    alembic_folders.files(inside.folder, {"alembic.ini": "[alembic]\nscript_location = migrations\n"})
    subprocess.run(command, cwd=inside.folder, env=environ, check=True, capture_output=True)
    env.write_text(text)
    alembic_folders.revision(inside.folder / "migrations/versions", "b2", down="a1")
    found = add(inside, "--adopt", "migrations")["adopted"]["database"]
    assert (found["exists"], found["revision"], found["pending"]) == (True, "a1", ["b2"])


def test_a_database_that_these_revisions_do_not_know_is_told_with_its_exit_code(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    add(inside, "--adopt", "migrations")
    assert migrated(inside) == "a1"
    (inside.folder / "dbkit.toml").unlink()
    step = inside.folder / "migrations/versions/a1_step.py"
    step.write_text(step.read_text().replace("'a1'", "'z9'"))
    done = inside.run("service", "add", "shop", "--adopt", "migrations")
    assert done.code == 7
    assert "shop.db on SQLite: at a1, which these files do not have" in done.out
    assert done.err.endswith(
        "dbkit: error: the database of service 'shop' is at revision a1, which these files do not have\n"
        "hint: a newer release has migrated it: deploy that release, or bring the missing revision files back\n"
    )


def test_a_database_that_cannot_be_reached_is_no_error(inside: Inside, port: int) -> None:
    alembic_folders.by_hand(inside.folder)
    away = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(port)}
    document = add(inside, "--adopt", "migrations", **away, DATABASE_TLS="insecure-loopback", DATABASE_USER="nobody")
    assert f"cannot reach PostgreSQL at 127.0.0.1:{port}" in document["notes"][-1]
    assert document["adopted"]["database"]["exists"] is None


def test_revisions_that_need_attention_are_named_with_their_lines(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    versions, long = inside.folder / "migrations/versions", "x" * 33
    alembic_folders.revision(
        versions, "b2", down="a1", upgrade='op.create_index("i", "t", ["a"], postgresql_concurrently=True)'
    )
    alembic_folders.revision(versions, "c3", down="b2", upgrade='op.execute("CREATE INDEX concurrently i ON t (a)")')
    block = 'with op.get_context().autocommit_block(): op.execute("CREATE INDEX CONCURRENTLY i ON t (a)")'
    alembic_folders.revision(versions, "d4", down="c3", upgrade=block)
    alembic_folders.revision(versions, long, down="d4")
    found = add(inside, "--adopt", "migrations")["adopted"]["attention"]
    said = "CONCURRENTLY outside of an autocommit_block, which PostgreSQL refuses in a transaction"
    assert [(one["revision"], one["lines"], one["what"]) for one in found] == [
        ("b2", [9], said),
        ("c3", [9], said),
        (long, [], "its id has 33 characters, and the version table of a server takes 32"),
    ]


def test_several_heads_are_told_and_labels_make_them_right(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    versions = inside.folder / "migrations/versions"
    alembic_folders.revision(versions, "b1", more='branch_labels = ("right",)')
    document = add(inside, "--adopt", "migrations")
    assert document["adopted"]["heads"] == [
        {"revision": "a1", "labels": []},
        {"revision": "b1", "labels": ["right"]},
    ]
    assert any(
        note.startswith("it has 2 heads, and not each has a branch label: join them") for note in document["notes"]
    )
    (inside.folder / "dbkit.toml").unlink()
    alembic_folders.revision(versions, "a1", more='branch_labels = ("left",)')
    assert add(inside, "--adopt", "migrations")["notes"] == []


def test_what_is_found_is_a_table_for_people(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder, options=',\n        version_table="acme_version"')
    assert inside.run("service", "add", "shop", "--adopt", "migrations").out == (
        "file        result\n"
        "dbkit.toml  created\n"
        "\n"
        "found\n"
        "folder         migrations\n"
        "revisions      1 in migrations/versions\n"
        "head           a1\n"
        "version table  acme_version (env.py:9)\n"
        f"metadata       {METADATA}, tables: 1 (target_metadata, env.py:5)\n"
        "database       shop.db on SQLite: not there yet\n"
        "\n"
        "line      env.py                            here\n"
        "env.py:7  makes an engine by create_engine  dbkit's connection, by DATABASE_*\n"
        "\n"
        "[services.shop]\n"
        'migrations = "migrations"\n'
        f'metadata = "{METADATA}"\n'
        "\n"
        "next:\n"
        "  dbkit status shop\n"
        "  dbkit migrate shop\n"
    )


def test_on_a_terminal_the_metadata_is_asked_for_and_enter_takes_what_was_found(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    shell = Shell(folder=inside.folder, environ=inside.environ)
    said = shell.on_terminal("service", "add", "shop", "--adopt", "migrations", typed="nonsense\n\n")
    assert said.code == 0, said.out
    assert f"as module:attribute, or own to run the folder's env.py [{METADATA}]: " in said.out
    assert "'nonsense' is no module:attribute" in said.out
    assert table(inside)["metadata"] == METADATA
