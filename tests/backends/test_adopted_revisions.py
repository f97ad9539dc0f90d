"""New revisions of Alembic folders that were made for the stock tool: where they are written, and who has a say in them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import alembic
import pytest

from dbkit import migrations
from dbkit.errors import HistoryError
from tests.backends.test_adopted import INI, MODELS, old
from tests.backends.test_migrate import Site, site

__all__ = ["old", "site"]

MAKO = Path(alembic.__file__).parent / "templates/generic/script.py.mako"
FUNCTIONS = """
include_name = "old_models:include_name"
compare_type = "old_models:compare_type"
render_item = "old_models:render_item"
process_revision_directives = "old_models:directives"
render_as_batch = false
"""
ANSWERS = """

class Money(sa.TypeDecorator):
    impl = sa.Integer
    cache_ok = True


metadata.tables["a"].append_column(sa.Column("price", Money))
metadata.tables["notes"].append_column(sa.Column("kept_out", Money))
# what compare_type says is the same
metadata.tables["b"].c.n.type = sa.String(20)


def include_object(object, name, type_, reflected, compare_to):
    return name not in ("unwanted", "kept_out")


def include_name(name, type_, parent_names):
    return name != "c" or type_ != "table"


metadata.remove(metadata.tables["c"])


def compare_type(context, inspected, column, there, wanted):
    return False


def render_item(type_, item, context):
    if type_ == "type" and isinstance(item, Money):
        context.imports.add("import old_models")
        return "old_models.Money()"
    return False


def directives(context, revision, found):
    found[0].rev_id = "chosen_" + found[0].rev_id
"""
TWO = """

def two(context, revision, found):
    from pathlib import Path

    from alembic import context as module
    from alembic.operations import ops

    found[0].rev_id = "x"
    found[0].message = str(module.config.cmd_opts.autogenerate) + " " + found[0].message
    place = str(Path(found[0].version_path).with_name("two"))
    found.append(ops.MigrationScript("y", ops.UpgradeOps([]), ops.DowngradeOps([]), head="right@head", version_path=place, message="more"))
"""


def test_a_new_revision_goes_where_its_branch_is_and_by_the_inis_name(old: Site) -> None:
    shutil.copy(MAKO, old.home.root / "old/scripts")
    with pytest.raises(HistoryError, match="service 'user' has 2 branches: left, right") as caught:
        migrations.revision(old.project, "user", "more")
    assert caught.value.hint == "name the one that the revision is for: --head left@head"
    made = migrations.revision(old.project, "user", "more", head="right@head")
    year = datetime.now(UTC).year
    assert Path(made.file) == old.home.root / f"old/two/{year}-{made.revision}_more.py"
    assert "Revises: b2\n" in Path(made.file).read_text()
    with pytest.raises(HistoryError, match="revision 'b1' of service 'user' is no head"):
        migrations.revision(old.project, "user", "aside", head="b1")
    assert old.migrate("user")["user"].revision in {f"a2, {made.revision}", f"{made.revision}, a2"}


def test_a_new_revision_of_folders_below_is_beside_none_that_alembic_would_not_read(old: Site) -> None:
    root = old.home.root
    shutil.copy(MAKO, root / "old/scripts")
    (root / "alembic.ini").write_text(INI.strip() + "\nrecursive_version_locations = true\n")
    (root / "old/two/deep").mkdir()
    for file in (root / "old/two").glob("*.py"):
        file.rename(root / "old/two/deep" / file.name)
    made = migrations.revision(old.project, "user", "more", head="right@head")
    assert Path(made.file).parent == root / "old/two"
    assert made.revision in migrations.status(old.project, ["user"])["user"].pending


def test_functions_that_the_projects_file_names_make_a_new_revision(old: Site) -> None:
    root = old.home.root
    shutil.copy(MAKO, root / "old/scripts")
    file = root / "pyproject.toml"
    file.write_text(file.read_text() + FUNCTIONS)
    (root / "old_models.py").write_text(MODELS + ANSWERS)
    assert old.migrate("user").ok
    assert [one.detail for one in migrations.check(old.project, ["user"])["user"].differences] == [
        "add_column a.price: Money()"
    ]
    made = migrations.revision(old.project, "user", "more", autogenerate=True, head="left@head")
    text = Path(made.file).read_text()
    assert made.revision.startswith("chosen_")
    assert "import old_models" in text
    assert 'op.add_column("a", sa.Column("price", old_models.Money(), nullable=True))' in text.replace("'", '"')
    assert "batch_alter_table" not in text


@pytest.mark.parametrize("env", ["dbkit", "own"])
def test_an_empty_revision_is_for_the_projects_functions_too_where_the_ini_says_so(old: Site, env: str) -> None:
    root = old.home.root
    shutil.copy(MAKO, root / "old/scripts")
    (root / "alembic.ini").write_text(INI + "revision_environment = true\n")
    (root / "old_models.py").write_text(MODELS + TWO)
    file = root / "pyproject.toml"
    if env == "own":
        file.write_text(file.read_text().replace("migrations =", 'env = "own"\nmigrations ='))
        script = root / "old/scripts/env.py"
        text = script.read_text().replace("if ", "if not context.config and ", 1).replace('os.environ["OLD_URL"]', '""')
        script.write_text(
            text.replace("connection=connection,", "connection=connection, process_revision_directives=old_models.two,")
        )
    else:
        file.write_text(file.read_text() + 'process_revision_directives = "old_models:two"\n')
    migrations.create(old.project, ["user"])
    made = migrations.revision(old.project, "user", "more", head="left@head")
    assert [Path(one).parent.name for one in (made.file, *made.further)] == ["one", "two"]
    assert [Path(one).name.partition("_")[2] for one in (made.file, *made.further)] == ["false_more.py", "more.py"]
