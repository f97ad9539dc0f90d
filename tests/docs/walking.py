"""Pages that are walked through: their files are written, their changes made, their commands run, and what is printed is compared.

How a page says it: a file's name in backticks and a colon stand alone in a paragraph before its block; `In` before the name, and the block is a
`diff`, where it is changed; a block `text` behind a block `bash` is what that prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_BLOCK = re.compile(
    r"(?:^(?:In )?`(?P<file>[\w./]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands between two fences."""

    kind: str
    text: str
    file: str | None
    """The file that is written or changed by it."""
    at: int
    """Where its text begins in the page."""


def sections(page: Path) -> dict[str, list[Block]]:
    """Read the blocks of a page by the heading that they stand under."""
    found: dict[str, list[Block]] = {}
    text = page.read_text(encoding="utf-8")
    for part in re.finditer(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE):
        found[part[1]] = list(_blocks(part[2], part.start(2)))
    return found


def _blocks(text: str, offset: int) -> list[Block]:
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        kind, file = match["kind"], match["file"]
        if kind == "diff" and file is None:  # one more change of the same file
            file = found[-1].file
        found.append(Block(kind=kind, text=match["text"], file=file, at=offset + match.start("text")))
    return found


@dataclass(kw_only=True)
class Walk:
    """Somebody who does what a page says, in a folder."""

    folder: Path
    home: str
    """How the page names the folder."""
    environ: Mapping[str, str] = field(default_factory=dict)
    printed: list[tuple[Block, str]] = field(default_factory=list)
    """Each block of what is to be printed, with what was."""
    _said: str = ""

    def take(self, blocks: list[Block]) -> None:
        """Do what blocks say, one after the other."""
        for block in blocks:
            if block.kind == "bash":
                self._said = self.run(block.text)
            elif block.kind == "text":
                self.printed.append((block, self._said))
            elif block.kind == "diff":
                self._change(block)
            elif block.file is not None:
                file = self.folder / block.file
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")

    def run(self, commands: str) -> str:
        """Run commands as a shell does, and give what they print."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"checkout": str(ROOT), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=self.folder,
            env={**os.environ, **own, **self.environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout.replace(str(self.folder), self.home)

    def _change(self, block: Block) -> None:
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if not line.startswith("+"))
        new = "".join(line[1:] for line in lines if not line.startswith("-"))
        file = self.folder / str(block.file)
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file}: {old!r} stands {text.count(old)} times in it"
        file.write_text(text.replace(old, new), encoding="utf-8")


def comparable(text: str) -> list[list[str]]:
    """Split what was printed into words, without what differs from run to run: how long things took."""
    return [re.sub(r"\b\d+\.\d\d( s\b|(?=  ))", "0.00", line).split() for line in text.strip().splitlines()]


def rewrite(page: Path, printed: list[tuple[Block, str]]) -> None:
    """Put what was printed into a page."""
    text = page.read_text(encoding="utf-8")
    for block, said in sorted(printed, key=lambda one: -one[0].at):
        text = text[: block.at] + said.rstrip("\n") + "\n" + text[block.at + len(block.text) :]
    page.write_text(text, encoding="utf-8")
