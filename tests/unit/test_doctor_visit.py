"""A visit of the doctor that hangs: what the visitor still finds and what is told of its hanging do not overwrite each other."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit.backends.observing import fine
from dbkit.checks.visit import Load, Visit
from dbkit.config import Settings
from dbkit.project import Project

EACH = 300


@pytest.fixture
def _restless() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
def test_findings_of_two_threads_are_all_kept(tmp_path: Path) -> None:
    project = Project(root=tmp_path, settings=Settings())
    for _ in range(5):
        visit = Visit(project=project, name="user", load=Load(processes=1, together=Counter()), deadline_s=1)
        threads = [
            threading.Thread(target=visit._see, args=([fine("server.version", "found")] * EACH,)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(visit.result().findings) == 2 * EACH + 1  # and that it did not end
