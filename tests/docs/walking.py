"""Somebody who does what a page says: writes its files, makes its changes, runs its commands and its Python, and compares what is printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

from tests.docs import schemas
from tests.docs.blocks import ROOT, Block, rewrite, sections

__all__ = ["ROOT", "Block", "Walk", "comparable", "matches", "rewrite", "sections"]

# What a block has exported, and where it has gone, counts for those behind it.
_SHELL = 'trap \'env -0 >"$DBKIT_TEST_STATE"; pwd >>"$DBKIT_TEST_STATE"\' EXIT\n'
_SECONDS = re.compile(r"\b\d+\.\d\d( s\b|(?=  ))")


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


@dataclass(kw_only=True)
class Walk:
    """Somebody who does what a page says, in a folder."""

    folder: Path
    home: str
    """How the page names the folder."""
    environ: Mapping[str, str] = field(default_factory=dict)
    swaps: Mapping[str, str] = field(default_factory=dict)
    """What a page says, with what it is here, where it is printed too."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What a page says, with what it is here: hosts, accounts, files. It is not looked for in what is printed."""
    silent: bool = True
    """Whether a command that says something on stderr is a mistake."""
    printed: list[tuple[Block, str]] = field(default_factory=list)
    """Each block of what is to be printed, with what was."""
    _said: str = ""
    _cwd: Path | None = None
    _python: subprocess.Popen[str] | None = None

    def take(self, blocks: list[Block] | tuple[Block, ...]) -> None:
        """Do what blocks say, one after the other."""
        for block in blocks:
            if block.not_run is not None:
                continue
            if "excerpt" in block.marks:
                assert_excerpt(block)
            elif block.kind == "text" and self._said:
                self.printed.append((block, self._said))
                self._said = ""
            elif block.kind == "diff":
                self._change(block)
            elif block.file is not None:
                self._write(block)
            else:
                self._run(block)

    def _run(self, block: Block) -> None:
        if block.kind == "bash":
            self._said = self.run(block.text, exits=int(block.marks.get("exit", 0)))
        elif block.kind == "console":
            self.printed.append((block, "".join(self._converse(block))))
        elif block.kind == "python":
            self._said = self.think(block.text, f"line {block.line}")

    def run(self, commands: str, *, exits: int = 0) -> str:
        """Run commands as a shell does, and give what they print."""
        said = self.shell(commands)
        assert said.code == exits, f"{commands}\nexit code {said.code}\n{said.stdout}{said.stderr}"
        assert not said.stderr or not self.silent, f"{commands}\n{said.stdout}{said.stderr}"
        assert "Traceback" not in said.stderr
        return said.stdout

    def shell(self, commands: str, *, together: bool = False) -> Said:
        """Run commands as a shell does, in the folder and with the variables that those before have left."""
        state = self.folder.with_name(f"{self.folder.name}.state")
        done = subprocess.run(
            ["bash", "-euc", _SHELL + self.here(commands)],
            cwd=self._cwd or self.folder,
            env={**self.surroundings(), "DBKIT_TEST_STATE": str(state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        *variables, where = state.read_text().split("\0")
        self.environ = dict(one.partition("=")[::2] for one in variables)
        self._cwd = Path(where.strip())
        return Said(code=done.returncode, stdout=self.there(done.stdout), stderr=self.there(done.stderr or ""))

    def surroundings(self) -> dict[str, str]:
        """Give the variables of whatever is run."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"checkout": str(ROOT), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_INDEX": "1"}
        return {**os.environ, **own, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **self.environ}

    def here(self, text: str) -> str:
        """Say with the names of this machine what a page says with its own."""
        words = {**self.told, **self.swaps}
        return self._swapped(text, {**words, self.home: str(self.folder)} if self.home else words)

    def there(self, text: str) -> str:
        """Say with the names of the page what was said on this machine."""
        real = {value: key for key, value in self.swaps.items()}
        if self.home:
            real |= {str(self.folder): self.home, quote_plus(str(self.folder)): quote_plus(self.home)}
        return self._swapped(text, real)

    @staticmethod
    def _swapped(text: str, words: Mapping[str, str]) -> str:
        if not words:
            return text
        pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        return re.sub(pattern, lambda found: words[found[0]], text)

    def think(self, code: str, where: str) -> str:
        """Run Python with what the page's Python before it has defined, and give what it prints."""
        if self._python is None:
            command = [sys.executable, str(Path(__file__).with_name("thinking.py"))]
            pipe = subprocess.PIPE
            self._python = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=self.folder)
        asked = {"code": self.here(code), "where": where, "environ": self.surroundings()}
        asked["cwd"] = str(self._cwd or self.folder)
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        print(json.dumps(asked), file=self._python.stdin, flush=True)
        answer = json.loads(self._python.stdout.readline() or '{"error": "the interpreter has ended", "said": ""}')
        assert answer["error"] is None, f"{code}\n{answer['said']}{answer['error']}"
        return self.there(answer["said"])

    def _converse(self, block: Block) -> Iterator[str]:
        """Run what stands behind each `$`, and give the whole as it looks on a terminal; only the last may fail, as it is marked."""
        commands = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
        for number, command in enumerate(commands, 1):
            said = self.shell(command, together=True)
            expected = int(block.marks.get("exit", 0)) if number == len(commands) else 0
            assert said.code == expected, f"{command}\nexit code {said.code}\n{said.stdout}"
            yield f"$ {command}\n{said.stdout}"

    def _write(self, block: Block) -> None:
        schemas.check(block)
        file = (self._cwd or self.folder) / str(block.file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.here(block.text), encoding="utf-8")

    def _change(self, block: Block) -> None:
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if not line.startswith("+"))
        new = "".join(line[1:] for line in lines if not line.startswith("-"))
        file = (self._cwd or self.folder) / str(block.file)
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file}: {old!r} stands {text.count(old)} times in it"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def end(self) -> None:
        """End the interpreter, and see that nothing is left to fail behind the last block."""
        if self._python is not None:
            self._python.communicate(timeout=60)
            assert self._python.returncode == 0


def assert_excerpt(block: Block) -> None:
    """See that each piece of a block stands so in the file that it is from."""
    whole = (ROOT / block.marks["excerpt"]).read_text(encoding="utf-8")
    for piece in re.split(r"^ *(?:\.\.\.|# …)\n", block.text, flags=re.MULTILINE):
        assert piece.strip("\n") in whole, f"{block.marks['excerpt']} has not:\n{piece}"


def comparable(text: str) -> list[list[str]]:
    """Split what was printed into words, without what differs from run to run: how long things took."""
    return [_SECONDS.sub("0.00", line).split() for line in text.strip().splitlines()]


def matches(said: str, shown: str, *, lines: bool = True) -> bool:
    """Tell whether what was printed is what a page shows; without `lines` it may be wrapped elsewhere, as paths are longer here."""
    between = "\n" if lines else " "
    text, wanted = (f"\n{between.join(' '.join(words) for words in comparable(one))}\n" for one in (said, shown))
    pattern = re.escape(wanted).replace(re.escape("\n…\n"), "\n(?:.*\n)*?").replace("…", ".*?")
    return re.fullmatch(pattern, text) is not None
