"""Run where the wheel is installed: lists the modules that there are when pytest has loaded its plugins, as JSON on stderr."""

from __future__ import annotations

import json
import sys

import pytest


class Look:
    """Looks before any test begins."""

    def pytest_collection_finish(self) -> None:
        json.dump(sorted(sys.modules), sys.stderr)


sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Look()]))
