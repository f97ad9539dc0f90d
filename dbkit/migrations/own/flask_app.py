"""The application that an env.py of Flask-Migrate asks for: there, the `flask` command has pushed it before."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

__all__ = ["pushed_application"]

ASKS = re.compile(r"^from flask import .*\bcurrent_app\b", re.MULTILINE)


@contextmanager
def pushed_application(env: Path) -> Iterator[None]:
    """Push the application that Flask finds, by FLASK_APP or as app.py or wsgi.py, where an env.py asks for the current one."""
    text = env.read_text(encoding="utf-8", errors="replace") if env.is_file() else ""
    if ASKS.search(text) is None:
        yield
        return
    found = import_module("flask.cli").ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()
    with found.app_context():
        yield
