"""Installs packages into environments of their own, by uv: a hundred times in a run of the tests, pip would take minutes for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}") or "uv"
TIMEOUT_S = 300
# uv reads no variable of pip's, by which a machine may name its own index
_OF_PIP = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_FIND_LINKS": "UV_FIND_LINKS"}


def uv(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run uv. It takes part of what pip is told by variables, and trusts whom the system trusts, as pip does."""
    told = {ours: os.environ[theirs] for theirs, ours in _OF_PIP.items() if theirs in os.environ}
    return subprocess.run(
        [UV, *map(str, arguments)],
        env={"UV_SYSTEM_CERTS": "true", **told, **os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def need(done: subprocess.CompletedProcess[str]) -> None:
    """Fail with the process's own words where it failed."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
