"""What `dbkit service add NAME --adopt PATH` tells of a folder: where its database is, and which revisions need a look."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from dataclasses import replace

from tests.cli import alembic_folders
from tests.cli.adopting import METADATA, add, inside, migrated, table
from tests.cli.runs import Inside, Shell

__all__ = ["inside"]


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


def test_revisions_without_source_are_named(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    source = inside.folder / "migrations/versions/a1_step.py"
    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")))
    source.unlink()
    alembic_folders.files(
        inside.folder, {"alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\nsourceless = true\n"}
    )
    found = add(inside, "--adopt", "migrations")["adopted"]["attention"]
    assert [(one["revision"], one["what"]) for one in found] == [
        ("a1", "it is compiled, and nothing of it can be read")
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


def test_a_place_that_nobody_has_named_is_noted(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    nobody = replace(inside, environ={})
    assert add(nobody, "--adopt", "migrations", DATABASE_SQLITE_PATH="shop.db")["notes"] == []
    (inside.folder / "dbkit.toml").unlink()
    (note,) = add(nobody, "--adopt", "migrations")["notes"]
    assert note == (
        "no variable says where its database is, so a new SQLite file would be made: where it is there already, "
        "name it by DATABASE_TYPE and its kin before you migrate"
    )


def test_on_a_terminal_the_metadata_is_asked_for_and_enter_takes_what_was_found(inside: Inside) -> None:
    alembic_folders.by_hand(inside.folder)
    shell = Shell(folder=inside.folder, environ=inside.environ)
    said = shell.on_terminal("service", "add", "shop", "--adopt", "migrations", typed="nonsense\n\n")
    assert said.code == 0, said.out
    assert f"as module:attribute, or own to run the folder's env.py [{METADATA}]: " in said.out
    assert "'nonsense' is no module:attribute" in said.out
    assert table(inside)["metadata"] == METADATA
