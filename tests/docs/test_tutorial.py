"""The tutorial works as it stands there: its files, its changes, its commands, and what they print; on SQLite and on each server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit.backends import get_backend
from tests.docs.walking import ROOT, Block, Walk, comparable, rewrite, sections
from tests.servers import Server

PAGE = ROOT / "docs/tutorial/first-service.md"
ON_FILE = ["2. Say what it keeps", "3. The first revision", "4. Operations", "5. Sample rows", "6. It grows"]
SERVER = "7. On a server"
FOLDER = "/home/you/shop"
# plugins of these tests, which somebody who begins has not
ALONE = {"PYTEST_ADDOPTS": "-p no:asyncio -p no:cacheprovider"}
UPDATE = "DBKIT_TEST_UPDATE_GOLDEN" in os.environ


@pytest.fixture(scope="module")
def parts() -> dict[str, list[Block]]:
    return sections(PAGE)


@pytest.fixture(scope="module")
def walked(parts: dict[str, list[Block]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Do all that the page says before it speaks of servers; the first block makes the folder, and an environment that has dbkit."""
    walk = Walk(folder=tmp_path_factory.mktemp("shop"), home=FOLDER, environ=ALONE)
    walk.take(parts["1. Begin"][1:])
    for title in ON_FILE:
        walk.take(parts[title])
    if UPDATE:
        rewrite(PAGE, walk.printed)
    yield walk
    walk.end()


def test_every_part_of_the_page_is_walked(parts: dict[str, list[Block]]) -> None:
    assert list(parts) == ["1. Begin", *ON_FILE, SERVER, "Where to go from here"]
    lines = [line.partition("  #")[0].strip() for line in parts["1. Begin"][0].text.splitlines()]
    assert lines == [
        "checkout=$PWD",
        "mkdir ../shop && cd ../shop",
        "python3 -m venv .venv",
        "source .venv/bin/activate",
        'pip install "$checkout[postgresql,testing]"',
    ]
    assert {line.split()[0] for line in parts[SERVER][0].text.splitlines()} == {"export", "docker"}


@pytest.mark.sqlite
def test_all_is_printed_on_sqlite_as_the_page_says(walked: Walk) -> None:
    assert len(walked.printed) == 6
    for block, said in walked.printed:
        assert comparable(said) == comparable(block.text)


@pytest.fixture
def moved(walked: Walk, server: Server, tmp_path: Path) -> Iterator[Walk]:
    """Take the files to a server, and nothing else."""
    folder = tmp_path / "shop"
    shutil.copytree(walked.folder, folder, ignore=shutil.ignore_patterns(".dbkit"))
    with server.names("orders") as template:
        walk = Walk(folder=folder, home=FOLDER, environ=server.environ(template))
        yield walk
        walk.end()


def test_the_same_files_do_the_same_on_a_server(parts: dict[str, list[Block]], moved: Walk, server: Server) -> None:
    moved.take(parts[SERVER][1:])
    ((block, said),) = moved.printed
    said = said.replace(get_backend(server.backend).traits.title, "PostgreSQL")
    said = said.replace(f"localhost:{server.url.port}", "localhost:15432")
    said = said.replace(moved.environ["DATABASE_NAME"].format(service="orders"), "shop_orders_db")
    if UPDATE and server.backend == "postgresql":
        rewrite(PAGE, [(sections(PAGE)[SERVER][2], said)])
    assert comparable(said) == comparable(block.text)
