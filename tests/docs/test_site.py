"""The pages can be built into a site, without a warning and without a link that leads nowhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.generate import ROOT


def build(pages: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    return subprocess.run(
        [*command, "-d", str(site.with_name("doctrees")), str(pages), str(site)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site") / "html"
    done = build(ROOT / "docs", site)
    assert (done.returncode, done.stderr) == (0, "")
    return site


def test_every_page_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    (tree,) = re.findall(
        r'<div class="sidebar-tree">(.*?)</div>\s*</div>', (site / "index.html").read_text(), re.DOTALL
    )
    assert set(re.findall(r'class="reference internal" href="([^"]+)"', tree)) == pages - {"index.html"}
    assert re.findall(r'<span class="caption-text">(.*?)</span>', tree) == [
        "Tutorial",
        "How to",
        "Reference",
        "Explanation",
        "Project",
    ]


def test_every_link_of_the_site_leads_to_something_in_it(site: Path) -> None:
    missing = {
        (page.name, link)
        for page in site.rglob("*.html")
        for link in re.findall(r'href="(?!https?:|#|data:)([^"#?]+)', page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    }
    assert missing == set()


def test_files_beside_the_pages_can_be_had_from_the_site(site: Path) -> None:
    (compose,) = site.glob("_downloads/*/compose.yaml")
    assert compose.read_text() == (ROOT / "tests/compose.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gone](gone.md)", "cross-reference target not found: 'gone.md'"),
        ("[gone](index.md#gone)", "local id not found in doc 'index': 'gone'"),
        ("```nonsense\n?\n```", "is not known"),
    ],
)
def test_a_page_with_a_mistake_ends_the_build(text: str, said: str, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    shutil.copy(ROOT / "docs/conf.py", pages)
    (pages / "index.md").write_text(f"# The first page\n\n{text}\n")
    done = build(pages, tmp_path / "site")
    assert done.returncode != 0
    assert said in done.stderr
