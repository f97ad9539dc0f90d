"""Reads what stands between the fences of a page, and how each block is to be tried.

How a page says it, in what no reader sees:

- `<!-- dbkit: project=shop server=tidb home=/srv/shop -->` below the title: what is there before its first block, one of `stages.py`; the
  server that is meant where the page sets DATABASE_TYPE; and how the page names its folder. With `on` instead of `server` all of the page is on it.
  `lines=free`: what is printed may be wrapped elsewhere.
- `<!-- not run: why -->` before a block: it is read and not run.
- `<!-- dbkit: exit=4 -->` before a block: the exit code that its last command has.
- `<!-- dbkit: excerpt=path -->` before a block: it stands so in this file of the repository, but for what `...` or `# …` leaves out.
- `<!-- dbkit: part=container -->` before YAML that is a part of something larger, which `schemas.py` knows.

And in what everybody sees: a file's name in backticks and a colon stand alone before the block with its text, or the name is the comment in
its first line; with `In` before the name the block is a `diff`. A block `text` behind a block `bash` is what that prints; in it, and in a
`console`, `…` stands for whatever there is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
KINDS = frozenset({"bash", "console", "diff", "html", "ini", "json", "python", "sql", "text", "toml", "yaml"})
_SIGNS = re.compile(
    r"^ *<!-- (?P<word>not run|dbkit):(?P<said>.*?) -->$"
    r"|^ *(?:In )?`(?P<file>[\w./-]+)`:$"
    r"|^(?P<indent> *)```(?P<kind>[\w{}-]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_NAMED = re.compile(r"# ([\w.-]+(?:/[\w.-]+)*\.(?:py|toml|ya?ml|ini|sql))(?:,.*)?\n")
_PAGE_MARKS = frozenset({"home", "lines", "on", "project", "server"})


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands between two fences."""

    kind: str
    text: str
    file: str | None
    """The file that is written or changed by it."""
    at: int
    """Where its text begins in the page."""
    indent: int = 0
    """How far it is indented: in a list."""
    line: int = 0
    """The line of its first fence."""
    not_run: str | None = None
    """Why it is not run."""
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page's blocks, in order."""

    path: Path
    blocks: tuple[Block, ...]
    marks: Mapping[str, str]
    stray: tuple[str, ...]
    """Marks that stand before no block."""

    @property
    def name(self) -> str:
        """Name it as the repository does."""
        return self.path.relative_to(ROOT).as_posix()


def read_page(path: Path) -> Page:
    """Read a page."""
    text = path.read_text(encoding="utf-8")
    found = list(_scan(text, 0, text))
    marks = [one for one in found if isinstance(one, dict)]
    return Page(
        path=path,
        blocks=tuple(one for one in found if isinstance(one, Block)),
        marks={key: value for one in marks for key, value in one.items()},
        stray=tuple(one for one in found if isinstance(one, str)),
    )


def sections(path: Path) -> dict[str, list[Block]]:
    """Read the blocks of a page by the heading that they stand under."""
    found: dict[str, list[Block]] = {}
    text = path.read_text(encoding="utf-8")
    for part in re.finditer(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE):
        found[part[1]] = [one for one in _scan(part[2], part.start(2), text) if isinstance(one, Block)]
    return found


def _scan(part: str, offset: int, page: str) -> Iterator[Block | dict[str, str] | str]:
    """Go through a part of a page: blocks, marks of the page, and marks that belong to nothing."""
    signs: list[re.Match[str]] = []
    changed: str | None = None  # the file of the last `diff`
    for found in _SIGNS.finditer(part):
        if signs and part[signs[-1].end() : found.start()].strip():
            yield from _stray(signs)
            signs = []
        if found["kind"] is None:
            marks = _marks(found)
            if marks and set(marks) <= _PAGE_MARKS:
                yield marks
            else:
                signs.append(found)
            continue
        block = _block(found, signs, offset, page)
        if block.kind == "diff":
            changed = block.file or changed
            block = Block(**{**vars(block), "file": changed})
        yield block
        signs = []
    yield from _stray(signs)


def _stray(signs: list[re.Match[str]]) -> Iterator[str]:
    yield from (sign[0].strip() for sign in signs if sign["word"])


def _marks(sign: re.Match[str]) -> dict[str, str]:
    if sign["word"] != "dbkit":
        return {}
    return dict(word.partition("=")[::2] for word in sign["said"].split())


def _block(found: re.Match[str], signs: list[re.Match[str]], offset: int, page: str) -> Block:
    indent, kind, text = len(found["indent"]), found["kind"], textwrap.dedent(found["text"])
    named = _NAMED.match(text) if kind in {"python", "toml", "yaml", "sql"} else None
    file = next((sign["file"] for sign in signs if sign["file"]), named[1] if named else None)
    return Block(
        kind=kind,
        text=text,
        file=file,
        at=offset + found.start("text"),
        indent=indent,
        line=page.count("\n", 0, offset + found.start()) + 1,
        not_run=next((sign["said"].strip() for sign in signs if sign["word"] == "not run"), None),
        marks={key: value for sign in signs for key, value in _marks(sign).items()},
    )


def rewrite(path: Path, printed: list[tuple[Block, str]]) -> None:
    """Put what was printed into a page."""
    text = path.read_text(encoding="utf-8")
    for block, said in sorted(printed, key=lambda one: -one[0].at):
        end = text.index("```", block.at)
        new = textwrap.indent(said.rstrip("\n") + "\n", " " * block.indent)
        text = text[: block.at] + new + " " * block.indent + text[end:]
    path.write_text(text, encoding="utf-8")
