"""Tables are added to a TOML file, and every other byte of it stays."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.errors import UsageError
from dbkit.scaffold.render import registration, toml_text
from dbkit.scaffold.tables import added

USER = '[tool.dbkit.services.user]\nservice = "services.user:service"\n'


def test_a_table_is_added_at_the_end_behind_a_blank_line() -> None:
    text = "# ours\n[project]\nname = 'x'   # so"
    assert added(text, USER, file="pyproject.toml") == f"{text}\n\n{USER}"


def test_an_empty_file_holds_the_table_alone() -> None:
    assert added("", USER, file="pyproject.toml") == USER


def test_a_table_stands_behind_its_likes_and_before_the_comment_of_the_next() -> None:
    head = '[tool.dbkit]\ndatabase = "x"  # [tool.dbkit.services.none]\n'
    tail = "# pytest's\n[tool.pytest.ini_options]\nmarkers = [\n  '[x]',\n]\n"
    assert added(f"{head}\n{tail}", USER, file="pyproject.toml", behind="tool.dbkit") == f"{head}\n{USER}\n{tail}"


def test_lines_end_as_the_files_do() -> None:
    text = "[tool.dbkit]\r\n\r\n[project]\r\nname = 'x'\r\n"
    found = added(text, USER, file="pyproject.toml", behind="tool.dbkit")
    assert found == text.replace("[project]", USER.replace("\n", "\r\n") + "\r\n[project]")


def test_what_looks_like_a_header_in_a_text_misleads_nobody() -> None:
    text = '[tool.dbkit]\ndatabase = """\n[tool.dbkit.x]\n[project]\n"""\nmigrations = "m"\n[b]\n'
    found = added(text, USER, file="pyproject.toml", behind="tool.dbkit")
    assert tomllib.loads(found)["tool"]["dbkit"]["services"] == {"user": {"service": "services.user:service"}}
    assert found.replace(USER, "").replace("\n\n", "\n") == text


@pytest.mark.parametrize(
    "text",
    [
        "tool = {}\n",
        "[tool]\ndbkit = {database = 'x'}\n",
        "[tool.dbkit]\nservices = {project = {service = 'p:p'}}\n",
        "[tool.dbkit]\nservices.user.service = 'x:y'\n",
    ],
)
def test_a_form_that_cannot_be_added_to_is_refused_with_the_lines_to_write(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        added(text, USER, file="pyproject.toml", behind="tool.dbkit")
    assert 'service = "services.user:service"' in str(caught.value.hint)


def test_a_file_with_a_number_that_equals_nothing_is_added_to() -> None:
    assert added("x = nan\n", USER, file="pyproject.toml").startswith("x = nan\n")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads_back_as_it_was(text: str) -> None:
    assert tomllib.loads(f"x = {toml_text(text)}") == {"x": text}


LINES = st.lists(
    st.sampled_from(
        [
            *("", "# a comment", "x = 1", 'y = "[tool.dbkit]"', "[tool.dbkit]", "[tool.dbkit.services.project]"),
            *("  [ tool . other ]", "[[list]]", 'z = """', '"""', "w = [", "]", "'[x]',", 'service = "a:b"'),
        ]
    ),
    max_size=12,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_the_file_it_holds_what_it_held_and_the_table(lines: list[str], newline: str, ended: bool) -> None:
    text = newline.join(lines) + (newline if ended else "")
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    try:
        found = added(text, USER, file="pyproject.toml", behind="tool.dbkit")
    except UsageError:
        return
    assert tomllib.loads(found)["tool"]["dbkit"]["services"]["user"] == {"service": "services.user:service"}
    # one piece was put in, and nothing taken out
    more = len(found) - len(text)
    assert any(found == text[:at] + found[at : at + more] + text[at:] for at in range(len(text) + 1))


def test_a_services_table_is_written_for_either_file() -> None:
    assert registration("user", {"service": "a:b"}) == '[tool.dbkit.services.user]\nservice = "a:b"\n'
    assert registration("my.user", {"service": "a:b"}, prefix="") == '[services."my.user"]\nservice = "a:b"\n'
