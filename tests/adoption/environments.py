"""The environments of the applications: one of its own for each, made of exact pins, and dbkit in it as it stands in the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.installing import need, uv

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("DBKIT_TEST_ADOPTION_CACHE") or ROOT / ".adoption")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment that holds one application and dbkit."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin/python"

    @property
    def dbkit(self) -> Path:
        """Its command."""
        return self.folder / "bin/dbkit"

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return next((self.folder / "lib").glob("python*")) / "site-packages"


def need_environment(name: str) -> Environment:
    """Give the environment of a set of pins, made now where it is not there yet: once, whoever else asks for it."""
    pins = HERE / "pins" / f"{name}.txt"
    stamp = f"{sys.version_info[:2]}{ROOT}".encode()
    folder = CACHE / f"{name}-{hashlib.sha256(pins.read_bytes() + stamp).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _make(folder, pins)
            (folder / "ready").touch()
    return Environment(folder=folder)


def _make(folder: Path, pins: Path) -> None:
    need(uv("--quiet", "venv", "--clear", "--python", sys.executable, folder))
    # every package is pinned, so nothing is to be resolved; what no revision imports is left out of the pins
    install = ("--quiet", "pip", "install", "--no-deps", "--python", folder / "bin/python")
    need(uv(*install, "--requirement", pins))
    need(uv(*install, "--editable", ROOT))


def main() -> None:
    """Make all environments at once: on a new machine that is a matter of the network."""
    names = sorted(file.stem for file in (HERE / "pins").glob("*.txt"))
    with ThreadPoolExecutor() as threads:
        for made in threads.map(need_environment, names):
            print(made.folder)


if __name__ == "__main__":
    main()
