"""What "Go on while the server is away" says is so: its commands and what they print, its log line, its function, and every error."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

from dbkit import errors
from tests.docs.walking import ROOT, Walk, rewrite, sections

PAGE = ROOT / "docs/how-to/fall-back-in-development.md"
TEXT = PAGE.read_text(encoding="utf-8")
FOLDER = "/home/you/platform"
pytestmark = pytest.mark.sqlite
# The function of the page is called first: whoever hears after it knows that it has spoken.
AFTER_IT = """
import logging
import subprocess
import threading

logging.basicConfig(format="%(message)s", stream=__import__("sys").stdout)
told = threading.Event()
dbkit.on_switch("user", lambda _: told.set())
dbkit.engine("user").connect().close()
assert told.wait(10)
assert dbkit.health("user").fallback
assert subprocess.run(["dbkit", "failover", "status", "user"]).returncode == 8
"""


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Copy this repository's services to a place whose server is away."""
    folder = tmp_path_factory.mktemp("platform")
    for name in ("services", "alembic_envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    return Walk(folder=folder, home=FOLDER, environ={"DATABASE_PORT": str(port)})


def numberless(text: str, walk: Walk) -> list[list[str]]:
    """Split into words, without times and revisions: the services go on growing."""
    text = text.replace(f"localhost:{walk.environ['DATABASE_PORT']}", "localhost:4000")
    return [re.sub(r"(?<!localhost:)\b[\d.]+\b", "0", line).split() for line in text.strip().splitlines()]


def test_the_page_is_walked(walk: Walk) -> None:
    (beginning,) = re.findall(r"^```bash\n(.*?)^```", TEXT.split("\n## ")[0], re.DOTALL | re.MULTILINE)
    walk.environ = {**walk.environ, **dict(re.findall(r"(DATABASE_\w+)=(\S+)", beginning))}
    parts = sections(PAGE)
    walk.take(parts["Make the file"])
    hear, code = parts["Hear of it"]
    (walk.folder / "hear.py").write_text(code.text + AFTER_IT)
    logged, said, *status = walk.run(f"{sys.executable} -u hear.py").splitlines()
    asked, told = parts["See what services are on"]
    assert asked.text == "dbkit failover status user\n"
    walk.printed += [(hear, logged), (told, "\n".join(status))]
    walk.take(parts["In CI"])
    if "DBKIT_TEST_UPDATE_GOLDEN" in os.environ:
        port = walk.environ["DATABASE_PORT"]
        rewrite(PAGE, [(block, text.replace(f"localhost:{port}", "localhost:4000")) for block, text in walk.printed])
    assert said.startswith("user is on its fallback: TiDB at localhost:")
    for block, text in walk.printed:
        assert numberless(text, walk) == numberless(block.text, walk)
    assert "exit code 8" in TEXT


def test_every_error_has_its_row_and_its_exit_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d) \|$", TEXT, re.MULTILINE)
    assert dict(rows) == {kind.__name__: str(int(kind.exit_code)) for kind in errors.FallbackError.__subclasses__()}


def test_the_files_beside_it_have_the_names_that_they_have(walk: Walk) -> None:
    names = {path.name.removeprefix("user.fallback.db") for path in Path(walk.folder / ".dbkit").iterdir()}
    assert [name for name in names if name and not name.startswith(("-wal", "-shm")) and f"`{name}`" not in TEXT] == []
