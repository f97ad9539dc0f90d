"""Runs commands and Python as processes of their own, in environments that hold none of the caller's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def run(*command: str, environ: dict[str, str] | None = None, folder: Path = ROOT) -> str:
    """Run a command to its end, in silence unless it fails, and give what it wrote."""
    done = subprocess.run(command, cwd=folder, env=clean(environ or {}), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def clean(environ: dict[str, str]) -> dict[str, str]:
    """Make an environment of what the process needs and what is given, without the caller's own settings."""
    kept = {
        name: value for name, value in os.environ.items() if "DATABASE_" not in name and not name.startswith("DBKIT_")
    }
    return kept | environ
