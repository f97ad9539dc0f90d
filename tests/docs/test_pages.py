"""The pages: generated ones are up to date, links lead somewhere, the README's commands exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dbkit.cli.main import build
from tests.docs.blocks import read_page
from tests.docs.generate import PAGES, ROOT, commands_of

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


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_says_first_what_it_is_for(page: Path) -> None:
    title, first = re.sub(r"<!--.*?-->\n+", "", page.read_text(encoding="utf-8")).split("\n\n")[:2]
    assert re.fullmatch(r"# \w.*", title)
    assert re.match(r"[A-Z`\[]", first), f"{page.name} begins with no sentence: {first}"
    assert not first.startswith(("```", "Generated"))


def test_the_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [line.split("#")[0].strip() for line in blocks[0].strip().splitlines()] == ["make migrate", "make test"]


def shown_commands(page: Path) -> Iterator[list[str]]:
    """Find what is said to dbkit: in shells, in manifests as lists of words, and in running text."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(block.text for block in read_page(page).blocks if block.kind in {"bash", "console", "yaml"})
    blocks = re.sub(r"(^| )# .*", "", blocks, flags=re.MULTILINE)  # comments
    lists = [found.replace(",", " ") for found in re.findall(r"\[dbkit, ([^\]\n]*)\]", blocks)]
    lines = re.findall(r"(?:^|[ \"(])dbkit ((?:[a-z]|--)(?:\"[^\"\n]*\"|[^\n|&;>)\"])*)", blocks, re.MULTILINE)
    prose = re.findall(r"`(?:[A-Z_]+=\S+ )*dbkit ((?:[a-z]|--)[^`|…\n]*)`", text)
    yield from (shlex.split(line) for line in [*lists, *lines, *prose])


def parse(words: list[str], group: Any) -> None:
    """Have a command line parsed as it would be; raises where a command or an option is not there, or an option has no value."""
    commands = dict(commands_of(group))
    name = next((name for n in (2, 1) if (name := " ".join(words[:n])) in commands), None)
    groups = {group_name.split()[0] for group_name in commands if " " in group_name}
    assert name is not None or words[-1] in {
        "--help",
        *groups,
        *(option for one in group.params for option in one.opts),
    }, f"no command {words}"
    if name is not None and len(words) > len(name.split()):
        command = commands[name]
        rest = words[len(name.split()) :]
        command.make_parser(typer.Context(command)).parse_args([word for word in rest if word != "--help"])


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    group = typer.main.get_command(build())
    for words in shown_commands(page):
        parse(words, group)


@pytest.mark.parametrize("line", ["migrat", "migrate --sq", "wait --for", "config explan user"])
def test_a_command_that_is_not_there_is_found(line: str) -> None:
    with pytest.raises(Exception, match=r"no command|No such option|requires an argument"):
        parse(line.split(), typer.main.get_command(build()))


def test_the_house_names_every_package() -> None:
    page = (ROOT / "docs/explanation/design.md").read_text(encoding="utf-8")
    named = {name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    there = {path.stem for path in (ROOT / "dbkit").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert named == there - {"__init__", "__main__", "__pycache__", "api"}  # `api` is what `__init__` gives
