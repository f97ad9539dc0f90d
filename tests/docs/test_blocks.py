"""Every block of every page does what it says: it is run, or marked with the reason why it cannot be."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.docs import schemas
from tests.docs.blocks import KINDS, ROOT, Block, Page, read_page, rewrite
from tests.docs.stages import STAGES, staged
from tests.docs.walking import matches
from tests.servers import find_server, how_to_start

# A page that is walked by a test of its own, which knows more of it.
WALKED = {
    "docs/how-to/fall-back-in-development.md": "test_fallback_page.py",
    "docs/tutorial/first-service.md": "test_tutorial.py",
}
PAGES = [read_page(path) for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])]
BLOCKS = [(page, block) for page in PAGES for block in page.blocks]
RUN = {"bash", "console", "python", "sql", "toml", "yaml"}


def servers_of(page: Page) -> list[str]:
    return [page.marks[mark] for mark in ("on", "server") if mark in page.marks]


def walks() -> list[object]:
    """List the pages that have something to be run, each with the mark of the backend that it is run on."""
    return [
        pytest.param(page, id=page.name, marks=[getattr(pytest.mark, name) for name in servers_of(page) or ["sqlite"]])
        for page in PAGES
        if page.name not in WALKED and {block.kind for block in page.blocks if block.not_run is None} & RUN
    ]


@pytest.mark.parametrize("page", walks())
def test_a_page_does_what_it_says(page: Page, tmp_path: Path) -> None:
    servers = {}
    for backend in servers_of(page):
        found = find_server(backend)
        if found is None:
            pytest.skip(how_to_start(backend))
        servers[backend] = found
    with staged(page, tmp_path / "home", servers) as walk:
        walk.take(page.blocks)
    if "DBKIT_TEST_UPDATE_GOLDEN" in os.environ:
        rewrite(page.path, [one for one in walk.printed if "…" not in one[0].text])
    for block, said in walk.printed:
        assert matches(said, block.text, lines=page.marks.get("lines") != "free"), f"line {block.line}: {said}"


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{page.name}:{block.line}" for page, block in BLOCKS])
def test_a_block_is_what_it_says_it_is(page: Page, block: Block) -> None:
    assert block.kind in KINDS, f"{page.name}:{block.line}: a block says what it is, with one of {sorted(KINDS)}"
    schemas.check(block)


def test_every_mark_stands_before_a_block_and_means_something() -> None:
    assert [(page.name, sign) for page in PAGES for sign in page.stray] == []
    known = {"exit", "excerpt", "part"}
    assert [(page.name, block.line) for page, block in BLOCKS if set(block.marks) - known] == []
    assert {page.marks.get("project", "empty") for page in PAGES} <= set(STAGES)


def test_a_page_that_is_walked_by_a_test_of_its_own_is_named_there() -> None:
    for page, test in WALKED.items():
        assert page in (Path(__file__).parent / test).read_text(encoding="utf-8")


def test_what_is_not_run_has_a_reason_and_is_counted() -> None:
    """Count what nobody tries; a new mark is a decision, and changes the numbers here."""
    found = [(page.name, block.line, block.not_run) for page, block in BLOCKS if block.not_run is not None]
    assert [one for one in found if len(str(one[2]).split()) < 3] == []
    assert dict(Counter(name for name, _, _ in found)) == {
        "README.md": 1,
        "docs/contributing.md": 3,
        "docs/how-to/adopt-alembic.md": 1,
        "docs/how-to/connect-to-sql-server.md": 5,
        "docs/how-to/deploy-on-kubernetes.md": 3,
        "docs/how-to/find-out-what-is-wrong.md": 1,
        "docs/how-to/keep-secrets.md": 1,
        "docs/how-to/least-privilege.md": 2,
        "docs/how-to/wait-for-a-database.md": 1,
    }
