"""How a new project says that it needs dbkit: from where this one was installed."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import pytest

from dbkit.scaffold import new_project
from dbkit.scaffold.new_project import requirement

COMMIT = "0c070f8a66900e8c0ce6786f0f39de7683fc239f"
FROM_INDEX = f"dbkit[tidb]>={version('dbkit').partition('+')[0]}"


@pytest.mark.parametrize(
    ("noted", "wanted"),
    [
        (None, FROM_INDEX),
        ({"url": "file:///home/me/dbkit", "dir_info": {"editable": True}}, FROM_INDEX),
        ({"url": "file:///home/me/dbkit-0.1.0-py3-none-any.whl", "archive_info": {}}, FROM_INDEX),
        ({"url": "file:///home/me/dbkit", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, FROM_INDEX),
        (
            {"url": "https://git.example.org/dbkit.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"dbkit[tidb] @ git+https://git.example.org/dbkit.git@{COMMIT}",
        ),
        (
            {
                "url": "https://git.example.org/tools.git",
                "subdirectory": "dbkit",
                "vcs_info": {"vcs": "git", "requested_revision": "v0.1.0", "commit_id": COMMIT},
            },
            f"dbkit[tidb] @ git+https://git.example.org/tools.git@{COMMIT}#subdirectory=dbkit",
        ),
        (
            {"url": "ssh://git@git.example.org/dbkit.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"dbkit[tidb] @ git+ssh://git@git.example.org/dbkit.git@{COMMIT}",
        ),
        (
            {"url": "https://me:word@git.example.org/dbkit.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"dbkit[tidb] @ git+https://git.example.org/dbkit.git@{COMMIT}",
        ),
        (
            {"url": "ssh://me:word@git.example.org/dbkit.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"dbkit[tidb] @ git+ssh://git.example.org/dbkit.git@{COMMIT}",
        ),
        (
            {"url": "https://${TOKEN}@files.example.org/dbkit-0.1.0.whl", "archive_info": {}},
            "dbkit[tidb] @ https://files.example.org/dbkit-0.1.0.whl",
        ),
        (
            {"url": "https://files.example.org/dbkit-0.1.0-py3-none-any.whl", "archive_info": {}},
            "dbkit[tidb] @ https://files.example.org/dbkit-0.1.0-py3-none-any.whl",
        ),
    ],
)
def test_it_comes_from_where_this_one_came_from_unless_that_is_a_place_of_this_machine(
    noted: dict[str, Any] | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return None if noted is None else json.dumps(noted)

    monkeypatch.setattr(new_project, "distribution", lambda name: {"dbkit": Installed()}[name])
    assert requirement("tidb") == wanted
