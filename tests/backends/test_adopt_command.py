"""What `dbkit service add NAME --adopt PATH` writes is migrated on every backend, as the stock tool had begun it."""

from __future__ import annotations

import tomllib

from dbkit import migrations
from dbkit.scaffold import Choice, adopt_service, examine
from tests.backends.test_adopted import contents, old, stock
from tests.backends.test_migrate import Site, site

__all__ = ["old", "site"]


def test_a_folder_that_the_stock_tool_has_begun_is_adopted_and_goes_on(old: Site) -> None:
    migrations.create(old.project, ["user"])
    stock(old, "upgrade", "left@head")
    file = old.home.root / "pyproject.toml"
    settings = '[tool.dbkit]\ndatabase = "{service}"\n'
    file.write_text(settings)
    choice = Choice(metadata="old_models:metadata")
    written = adopt_service(examine("user", "alembic.ini", choice, start=old.home.root), choice)
    table = {"migrations": "alembic.ini", "metadata": "old_models:metadata"}
    assert tomllib.loads(file.read_text())["tool"]["dbkit"]["services"] == {"user": table}
    found = written.adopted
    assert found is not None
    assert (found.version_table, found.version_source) == ("old_version", "env.py:12")
    assert (found.heads, found.labels) == (("a2", "b2"), {"a2": ("left",), "b2": ("right",)})
    assert (found.standing.error, found.standing.revision, found.standing.pending) == (None, "a2", ("b1", "b2"))
    result = old.migrate("user")["user"]
    assert (result.error, result.revision) == (None, "a2, b2")
    assert contents(old)["old_version"] == [("a2",), ("b2",)]
