"""What programs are given is documented: each key of each JSON document, and each public name of the library."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from inspect import ismodule
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT, Page, read_page
from tests.docs.documents import docstrings, known_keys
from tests.docs.library import MODULES, SINGLE, public
from tests.docs.stages import team
from tests.docs.walking import Walk

# What stands in these is named in the row of the key, or is the user's own.
CLOSED = frozenset({"attention", "chain", "engines", "env_py", "errors", "files", "heads", "overrode", "source", "tls"})
TLS = "DATABASE_TYPE=tidb DATABASE_HOST=db.example.com DATABASE_USER=app"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
pytestmark = pytest.mark.sqlite


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    walk = Walk(folder=tmp_path_factory.mktemp("team"), home="", silent=False)
    team(walk)
    walk.run("dbkit migrate user")
    return walk


def keys_of(document: Any) -> Iterator[str]:
    """List all keys of a document, at any depth."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            if key not in CLOSED:
                yield from keys_of(value)
    elif isinstance(document, list):
        for item in document:
            yield from keys_of(item)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("status --format json", 0),
        ("migrate --dry-run --format json", 0),
        ("history --format json", 0),
        ("check user --format json", 0),
        ("doctor user --format json", 0),
        ("config explain user --format json", 0),
        ("config show user --format json", 0),
        ("config check user --format json", 0),
        ("failover status user --format json", 0),
        (f"grants user --format json; {TLS}", 0),
        (f"tls prove user --format json; {TLS}", 0),
        ("tls show user --format json", 0),
    ],
)
def test_every_key_of_a_document_is_documented(words: str, code: int, walk: Walk) -> None:
    line, _, environ = words.partition("; ")
    said = walk.shell(f"{environ} dbkit {line}")
    assert said.code == code, said.stderr
    document = json.loads(said.stdout)
    assert document["schema_version"] == 1
    assert set(keys_of(document)) - known_keys(line.split(" user")[0].split(" --")[0]) == set()


ADOPTING = "--adopt old --metadata services.user.models:Base.metadata"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("migrate", "user --format json"),
        ("wait", "user --format json"),
        ("create", "user --format json"),
        ("rollback", "user --dry-run --format json"),
        ("revision", "user -m more --format json"),
        ("service add", "billing --dry-run --format json"),
        ("service add", f"old {ADOPTING} --dry-run --format json"),
    ],
)
def test_every_key_of_what_changes_something_is_documented(command: str, words: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    walk = Walk(folder=home, home="", silent=False)
    team(walk)
    if command != "migrate":
        walk.run("dbkit migrate user; alembic init old")
    document = json.loads(walk.run(f"dbkit {command} {words}"))
    assert document["schema_version"] == 1
    assert ("adopted" in document) == (ADOPTING in words)
    assert set(keys_of(document)) - known_keys(command) == set()


def test_the_text_below_a_field_is_read() -> None:
    assert docstrings(Sample) == {"b": "What b is."}


@dataclass
class Sample:
    a: int
    b: int
    """What b is."""


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_its_place(module: str) -> None:
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    missing = [
        name for name in public(module) if f"### {module}.{name}\n" not in page and f"\n| `{name}` |" not in page
    ]
    assert missing == []


def test_every_option_key_and_mark_of_the_plugin_has_its_row() -> None:
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    plugin = (ROOT / "dbkit/testing/plugin.py").read_text(encoding="utf-8")
    names = set(re.findall(r"^ +\"(--dbkit[\w-]*)\"|addini\(\s*\"(\w+)\"", plugin, re.MULTILINE))
    assert {name for pair in names for name in pair if name} == {
        *("--dbkit", "--dbkit-backends", "--dbkit-services"),
        *("dbkit_backends", "dbkit_root"),
    }
    assert [pair for pair in names if not re.search(rf"^\| `{pair[0] or pair[1]}[ `]", page, re.MULTILINE)] == []
    assert re.findall(r"^\| `@pytest\.mark\.(\w+)", page, re.MULTILINE) == ["dbkit", "dbkit_check"]


def test_what_a_page_imports_is_in_the_reference() -> None:
    measured = re.findall(
        r"^\| `[\w.]+` \| `(\w+)` \|", (ROOT / "docs/reference/monitoring.md").read_text(), re.MULTILINE
    )
    told = {f"{name}.{word}" for name in MODULES for word in public(name)} | set(SINGLE)
    objects = [value_of(name) for name in told | {f"dbkit.config.metrics.{word}" for word in measured}]
    found = [(page.name, name) for page in map(read_page, PAGES) for name in imported(page)]
    assert len({name for _, name in found}) > 10
    assert [one for one in found if not any(value_of(one[1]) is known for known in objects)] == []


def imported(page: Page) -> Iterator[str]:
    """List what the Python of a page takes from dbkit, by full names; of a module that is imported whole, what is used of it."""
    for block in page.blocks:
        if block.kind != "python":
            continue
        code = textwrap.dedent(block.text)
        for found in re.finditer(r"^from (dbkit[\w.]*) import (.+)$", code, re.MULTILINE):
            for word in found[2].split(", "):
                name = f"{found[1]}.{word}"
                used = re.findall(rf"\b{word}\.(\w+)", code) if ismodule(value_of(name)) else []
                yield from [f"{name}.{one}" for one in used] or [name]


def value_of(name: str) -> Any:
    """Give what bears a full name: of a package that is lazy, or a module."""
    module, _, word = name.rpartition(".")
    there = import_module(module)
    return getattr(there, word) if hasattr(there, word) else import_module(name)


def test_every_key_of_the_project_file_has_its_row() -> None:
    from dbkit.config import project_keys

    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    tables = (project_keys.TOP_KEYS, project_keys.SERVICE_KEYS, project_keys.ALEMBIC_KEYS, project_keys.HOOK_KEYS)
    assert [name for table in tables for name in table if f"\n| `{name}` |" not in page] == []
