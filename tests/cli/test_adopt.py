"""`dbkit service add NAME --adopt PATH`: an Alembic folder becomes a service by two lines, and none of its files changes."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli import alembic_folders
from tests.cli.adopting import METADATA, add, contents, inside, migrated, table
from tests.cli.runs import Inside

__all__ = ["inside"]

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


def test_a_schema_of_that_table_that_env_py_works_out_is_to_be_said(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder, options=', version_table_schema="ma" + "in"')
    done = inside.run("service", "add", "shop", "--adopt", "migrations")
    assert done.code == 2
    assert "works out the version table's schema\nhint: --version-table-schema says which it is\n" in done.err
    add(inside, "--adopt", "migrations", "--version-table-schema", "main")
    assert table(inside)["alembic"] == {"version_table_schema": "main"}
    assert migrated(inside) == "a1"


def test_an_env_py_of_flask_migrate_is_run(inside: Inside) -> None:
    code = """
        from alembic import context
        from flask import current_app

        def get_metadata():
            return current_app.extensions["migrate"].db.metadata

        with current_app.extensions["migrate"].db.engine.connect() as connection:
            context.configure(
                connection=connection, target_metadata=get_metadata(), **current_app.extensions["migrate"].configure_args
            )
            with context.begin_transaction():
                context.run_migrations()
    """
    alembic_folders.files(inside.folder, {"migrations/env.py": code})
    found = add(inside, "--adopt", "migrations")["adopted"]
    assert table(inside) == {"migrations": "migrations", "env": "own"}
    assert found["reason"] == "target_metadata is what get_metadata(…) gives (env.py:10)"
    assert found["version_table_from"] == "Alembic's own; its further arguments may say otherwise"
    assert [(one["line"], one["here"]) for one in found["env_py"]] == [(3, "that which FLASK_APP names"), (10, "kept")]
