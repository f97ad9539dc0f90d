"""Small projects that tests write into a folder: those of the library."""

from __future__ import annotations

from dbkit.testing.projects import REVISION, Home, block

__all__ = ["REVISION", "Home", "block"]
