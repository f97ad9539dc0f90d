"""Builds the wheel and the source archive once, and clean environments to install the wheel into; all with uv, which needs seconds."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.installing import TIMEOUT_S, need, uv

ROOT = Path(__file__).parent.parent.parent


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder once for all workers of a run: the first makes it, the others wait for it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@dataclass(frozen=True, kw_only=True)
class Built:
    """What would be published."""

    folder: Path

    @property
    def wheel(self) -> Path:
        (found,) = self.folder.glob("*.whl")
        return found

    @property
    def archive(self) -> Path:
        (found,) = self.folder.glob("*.tar.gz")
        return found


def build(folder: Path) -> None:
    """Build both of this checkout, each for itself; where DBKIT_TEST_DIST names a folder, they are there already."""
    if given := os.environ.get("DBKIT_TEST_DIST"):
        shutil.copytree(ROOT / given, folder, dirs_exist_ok=True)
        return
    need(uv("build", "--wheel", "--sdist", "--out-dir", folder, ROOT))


def declared() -> dict[str, Any]:
    """Read what pyproject.toml says of the project."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def requirements() -> list[Requirement]:
    """List what dbkit and its extras need, except itself."""
    project = declared()
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    found = [Requirement(text) for texts in lists for text in texts]
    return [each for each in found if each.name != project["name"]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An environment to try the wheel in."""

    python: str
    oldest: frozenset[str] = frozenset()
    """What is to have the oldest version allowed, of everything else the newest."""
    extras: bool = True
    """Whether to install every extra, or none."""

    def __str__(self) -> str:
        """Name it as in a test's id."""
        every = {each.name for each in requirements()}
        ages = "oldest" if self.oldest == every else "-".join(["newest", *(f"oldest-{name}" for name in self.oldest)])
        return f"{self.python}-{ages}{'' if self.extras else '-bare'}"


EVERYTHING = frozenset(each.name for each in requirements())
OLDEST = Wanted(python="3.11", oldest=EVERYTHING)
NEWEST = Wanted(python="3.13")
BARE = Wanted(python="3.11", extras=False)
# every pair of Python or not, SQLAlchemy old or new, Alembic old or new
ENVIRONMENTS = (
    OLDEST,
    Wanted(python="3.12", oldest=frozenset({"sqlalchemy"})),
    Wanted(python="3.12", oldest=frozenset({"alembic"})),
    NEWEST,
)


@cache
def find_python(version: str) -> str | None:
    """Find a Python of this version: on the path, or among pyenv's where its shim on the path leads nowhere."""
    name = f"python{version}"
    candidates = [shutil.which(name, path=folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True))
    return next((each for each in candidates if each and _works(each, version)), None)


def _works(python: str, version: str) -> bool:
    code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    return done.stdout.strip() == version


def need_python(version: str) -> str:
    """Give a Python, or skip and say why; where DBKIT_TEST_PYTHONS requires it, its absence fails."""
    found = find_python(version)
    if found is None:
        missing = f"there is no python{version} that runs"
        if version in os.environ.get("DBKIT_TEST_PYTHONS", "").replace(",", " ").split():
            pytest.fail(f"{missing}, and DBKIT_TEST_PYTHONS requires it")
        pytest.skip(missing)
    return found


@dataclass(frozen=True, kw_only=True)
class Place:
    """An environment with the wheel in it."""

    folder: Path
    wanted: Wanted

    @property
    def python(self) -> str:
        return str(self.folder / "bin/python")

    def run(self, *command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment, in which every warning is an error and of whose surroundings nothing is known."""
        program, *arguments = command
        kept = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "HOME": str(cwd), "PYTHONWARNINGS": "error"}
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=cwd,
            env=kept | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )

    def versions(self) -> dict[str, str]:
        """List what is installed."""
        code = (
            "from importlib.metadata import distributions as d; import json; "
            "print(json.dumps({each.name.lower(): each.version for each in d()}))"
        )
        done = self.run("python", "-c", code, cwd=self.folder)
        need(done)
        return dict(json.loads(done.stdout))


def furnish(folder: Path, wanted: Wanted, wheel: Path) -> None:
    """Make an environment and install the wheel, by uv's own choice of the oldest or newest."""
    need(uv("venv", "--quiet", "--python", need_python(wanted.python), folder))
    # what is named directly is taken at its oldest; what dbkit alone needs is not
    direct = [str(each) for each in requirements() if each.name in wanted.oldest]
    age = "lowest-direct" if direct else "highest"
    extras = f"[{','.join(declared()['optional-dependencies'])}]" if wanted.extras else ""
    chosen = f"dbkit{extras} @ {wheel.as_uri()}"
    need(uv("pip", "install", "--quiet", "--resolution", age, "--python", folder / "bin/python", chosen, *direct))


def refused(python: str, *wanted: str) -> str:
    """Ask for an installation without doing it; gives why it cannot be, or nothing."""
    done = uv("pip", "install", "--dry-run", "--python", python, *wanted)
    return done.stderr if done.returncode else ""
