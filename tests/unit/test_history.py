"""The revision files of a service as one history."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from dbkit.errors import HistoryError, IrreversibleError, RevisionFileError
from dbkit.revisions.history import History
from dbkit.revisions.reading import read_history
from tests.projects import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give a project of one service without revisions."""
    return Home(tmp_path).write("user")


def history(home: Home) -> History:
    """Read the service's history."""
    return read_history(home.project().layout("user"))


def test_revisions_are_listed_oldest_first(home: Home) -> None:
    for number in ("0001", "0002", "0003"):
        home.table("user", number, f"t{number}")
    assert history(home).in_order() == ["0001", "0002", "0003"]
    assert history(home).head() == "0003"


def test_what_is_pending_depends_on_what_is_applied_and_on_the_target(home: Home) -> None:
    for number in ("0001", "0002", "0003"):
        home.table("user", number, f"t{number}")
    found = history(home)
    assert found.pending([]) == ("0001", "0002", "0003")
    assert found.pending(["0001"]) == ("0002", "0003")
    assert found.pending(["0003"]) == ()
    assert found.pending([], "0002") == ("0001", "0002")
    assert found.pending(["0001"], "+1") == ("0002",)
    assert found.pending(["0002"], "0001") == ()


def test_the_beginning_of_an_id_is_enough_where_it_is_unique(home: Home) -> None:
    home.table("user", "0001", "a")
    home.revision("user", "1975ea", "", down="0001")
    assert history(home).find("19") == "1975ea"
    with pytest.raises(HistoryError, match="'77' of service 'user' does not exist"):
        history(home).find("77")


def test_nothing_is_the_beginning_of_no_revision(home: Home) -> None:
    home.table("user", "0001", "a")
    with pytest.raises(HistoryError, match="revision '' of service 'user' does not exist"):
        history(home).find("")


def test_a_revision_that_says_nothing_of_itself_goes_by_the_name_of_its_file(home: Home) -> None:
    file = home.table("user", "0001", "a")
    file.write_text(file.read_text()[file.read_text().index("import") :])
    file.rename(file.with_name("0001_the_first.py"))
    assert history(home).scripts["0001"].description == "0001_the_first"


def test_two_heads_are_refused_where_one_is_needed(home: Home) -> None:
    home.table("user", "0001", "a")
    home.table("user", "0002", "b")
    home.revision("user", "0003", "", down="0001")
    found = history(home)
    assert found.heads == ("0002", "0003")
    with pytest.raises(HistoryError, match="2 heads: 0002, 0003"):
        found.pending([])
    assert found.pending([], "heads") == ("0001", "0002", "0003")


def test_a_missing_revision_is_named_with_the_one_that_needs_it(home: Home) -> None:
    home.revision("user", "0003", "", down="0002")
    with pytest.raises(HistoryError, match="'0003' of service 'user' is built on '0002', which is missing"):
        history(home)


def test_a_cycle_is_named(home: Home) -> None:
    home.revision("user", "0001", "", down="0002")
    home.revision("user", "0002", "", down="0001")
    with pytest.raises(HistoryError, match="go in a circle: 0001, 0002"):
        history(home)


def test_one_id_in_two_files_is_refused(home: Home) -> None:
    file = home.table("user", "0001", "a")
    file.with_name("0001_again.py").write_text(file.read_text())
    with pytest.raises(HistoryError, match="'0001' of service 'user' is in two files"):
        history(home)


def test_a_file_that_does_not_parse_is_named_with_its_line(home: Home) -> None:
    file = home.table("user", "0001", "a")
    file.write_text(file.read_text() + "\n\ndef broken(:\n")
    line = len(file.read_text().splitlines())
    with pytest.raises(RevisionFileError, match=rf"{file.name}:{line} does not parse"):
        history(home)


def test_the_tables_that_a_history_makes_are_known(home: Home) -> None:
    home.table("user", "0001", "a")
    home.revision("user", "0002", 'op.rename_table("a", "b")')
    assert history(home).created_tables == {"a", "b"}


def test_reading_the_files_agrees_with_alembic(home: Home) -> None:
    home.table("user", "0001", "a")
    home.table("user", "0002", "b")
    home.revision("user", "0003", "", down="0001")
    home.revision("user", "0004", "", down=("0002", "0003"))  # type: ignore[arg-type] # a merge
    found = history(home)
    scripts = ScriptDirectory(str(home.root / "envs" / "user"))
    theirs = {script.revision: script for script in scripts.walk_revisions()}
    assert set(found.scripts) == set(theirs)
    assert list(found.heads) == scripts.get_heads()
    for revision, script in found.scripts.items():
        down = theirs[revision].down_revision
        assert script.down == ((down,) if isinstance(down, str) else tuple(down or ()))
        assert script.description == (theirs[revision].doc or "").rstrip(".") + "."


def test_an_id_that_is_computed_is_read_by_running_the_file(home: Home) -> None:
    file = home.table("user", "0001", "a")
    file.write_text(file.read_text().replace("revision = '0001'", "revision = '00' + '01'"))
    assert history(home).in_order() == ["0001"]
    assert history(home).created_tables == {"a"}


def test_a_long_history_is_put_in_order_without_recursion(home: Home) -> None:
    numbers = [f"{number:04}" for number in range(1, sys.getrecursionlimit() + 100)]
    for number in numbers:
        home.revision("user", number, "")
    assert history(home).in_order() == numbers


def test_histories_are_read_in_many_threads_at_once(home: Home) -> None:
    for number in range(1, 41):
        home.table("user", f"{number:04}", f"t{number}")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: history(home).head(), range(40)))
    assert found == ["0040"] * 40


@pytest.mark.parametrize(
    ("downgrade", "why"),
    [
        ('raise IrreversibleError("the addresses are gone")', "the addresses are gone"),
        (
            '"""Refuse."""\nraise dbkit.errors.IrreversibleError("the addresses are gone", hint="ask")',
            "the addresses are gone",
        ),
        ("raise IrreversibleError(WHY)", "WHY"),
        ('op.drop_table("a")\nraise IrreversibleError("too late")', None),
        ('raise ValueError("no")', None),
        ("pass", None),
    ],
    ids=["bare", "behind a docstring", "computed", "after a statement", "another error", "nothing"],
)
def test_a_file_that_cannot_be_undone_says_why(home: Home, downgrade: str, why: str | None) -> None:
    home.revision("user", "0001", "pass", downgrade)

    assert history(home).scripts["0001"].irreversible == why


def test_what_cannot_be_undone_is_refused_wherever_it_stands(home: Home) -> None:
    home.table("user", "0001", "a")
    home.revision("user", "0002", "pass", 'raise IrreversibleError("it is gone")', down="0001")
    home.revision("user", "0003", "pass", "pass", down="0002")
    found = history(home)

    found.refuse_irreversible(found.undone(["0003"], "-1"))
    with pytest.raises(IrreversibleError, match=r"^revision '0002' cannot be undone: it is gone; nothing was undone$"):
        found.refuse_irreversible(found.undone(["0003"], "base"))


def branches(home: Home, *labels: str) -> History:
    """Write a branch for each label, the empty one for none, each of two revisions."""
    for number, label in enumerate(labels, 1):
        first = home.revision("user", f"{number}a", "", down=None)
        first.write_text(first.read_text() + (f"\nbranch_labels = ({label!r},)\n" if label else ""))
        home.revision("user", f"{number}b", "", down=f"{number}a")
    return history(home)


def test_branches_that_all_have_labels_are_meant_to_be_several(home: Home) -> None:
    found = branches(home, "left", "right")
    assert found.goals("head") == ("1b", "2b")
    assert found.pending([], "head") == ("1a", "1b", "2a", "2b")
    assert found.goals("left@head") == ("1b",)
    assert found.pending(["1a"], "right@head") == ("2a", "2b")


def test_a_branch_is_not_of_those_that_another_branch_merely_needs(home: Home) -> None:
    file = branches(home, "left", "right").scripts["2a"].file
    file.write_text(file.read_text() + "\ndepends_on = '1b'\n")
    found = history(home)
    assert found.goals("left@head") == ("1b",)
    assert found.pending([], "right@head") == ("1a", "1b", "2a", "2b")


def test_branches_are_told_apart_by_labels_that_not_all_of_them_have(home: Home) -> None:
    scripts = branches(home, "left", "right").scripts
    root = home.revision("user", "0000", "", down=None)
    root.write_text(root.read_text() + "\nbranch_labels = ('all',)\n")
    for file in (scripts["1a"].file, scripts["2a"].file):
        file.write_text(file.read_text().replace("down_revision = None", "down_revision = '0000'"))
    found = history(home)
    assert found.labels_of("1b") == {"all", "left"}
    with pytest.raises(HistoryError, match="has 2 branches: left, right"):
        found.built_on_by_next("head")


def test_a_new_revision_of_several_branches_is_built_on_the_one_that_is_named(home: Home) -> None:
    found = branches(home, "left", "right")
    with pytest.raises(HistoryError, match="has 2 branches: left, right") as caught:
        found.built_on_by_next("head")
    assert caught.value.hint == "name the one that the revision is for: --head left@head"
    assert found.built_on_by_next("right@head") == ("2b",)
    assert found.built_on_by_next("heads") == ("1b", "2b")
    with pytest.raises(HistoryError, match="revision '1a' of service 'user' is no head") as caught:
        found.built_on_by_next("1a")
    assert caught.value.hint == 'to begin a branch there: dbkit alembic user -- revision --splice --head 1a -m "…"'


@pytest.mark.parametrize("labels", [("left", ""), ("", "")])
def test_a_branch_without_a_label_is_a_mistake(home: Home, labels: tuple[str, ...]) -> None:
    found = branches(home, *labels)
    with pytest.raises(HistoryError, match="2 heads: 1b, 2b"):
        found.goals("head")
    assert found.goals("heads") == ("1b", "2b")


def test_a_label_before_the_fork_makes_no_branches(home: Home) -> None:
    first = home.revision("user", "0001", "", down=None)
    first.write_text(first.read_text() + "\nbranch_labels = ('all',)\n")
    for name in ("000a", "000b"):
        home.revision("user", name, "", down="0001")
    with pytest.raises(HistoryError, match="2 heads: 000a, 000b"):
        history(home).goals("head")


def test_ids_that_are_set_together_are_read_too(home: Home) -> None:
    home.table("user", "0001", "a")
    together = home.table("user", "0002", "b")
    text = together.read_text().replace(
        "revision = '0002'\ndown_revision = '0001'", 'revision, down_revision = "0002", "0001"'
    )
    assert "revision, down_revision" in text
    together.write_text(text)
    assert history(home).in_order() == ["0001", "0002"]
