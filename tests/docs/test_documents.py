"""What programs are given is documented: each key of each JSON document, and each public name of the library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.docs.blocks import ROOT
from tests.docs.documents import docstrings, known_keys
from tests.docs.library import MODULES, public
from tests.docs.stages import team
from tests.docs.walking import Walk

# What stands in these is named in the row of the key, or is the user's own.
CLOSED = frozenset({"chain", "engines", "errors", "files", "overrode", "source", "tls"})
TLS = "DATABASE_TYPE=tidb DATABASE_HOST=db.example.com DATABASE_USER=app"
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


def test_every_key_of_the_project_file_has_its_row() -> None:
    from dbkit.config import project_keys

    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    tables = (project_keys.TOP_KEYS, project_keys.SERVICE_KEYS, project_keys.ALEMBIC_KEYS, project_keys.HOOK_KEYS)
    assert [name for table in tables for name in table if f"\n| `{name}` |" not in page] == []
