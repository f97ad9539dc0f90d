"""The pages: generated ones are up to date, links lead somewhere, the README's commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.generate import PAGES, ROOT

WRITTEN = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme() -> None:
    links = set(re.findall(r"\]\((docs/[^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert links == {str(page.relative_to(ROOT)) for page in WRITTEN} - {"README.md"}


def test_the_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [line.split("#")[0].strip() for line in blocks[0].strip().splitlines()] == ["make migrate", "make test"]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    shown = set(re.findall(r"^(?:[A-Z_]+=\S+ )*dbkit ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    known = set(
        re.findall(r"^## dbkit (\w+)", (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert shown - known == set()


def test_the_house_names_every_package() -> None:
    page = (ROOT / "docs/explanation/design.md").read_text(encoding="utf-8")
    named = {name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    there = {path.stem for path in (ROOT / "dbkit").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert named == there - {"__init__", "__main__", "__pycache__", "api"}  # `api` is what `__init__` gives
