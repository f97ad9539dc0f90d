"""Histories of well-known applications, adopted as they are: dbkit makes of them what the stock tool makes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.adoption.cases import PATIENCE_S, Case, Done, Heads, Place
from tests.adoption.catalogue import Catalogue, differences
from tests.adoption.conftest import COMPARED

ENVS = ("dbkit", "own")


def answer(done: Done | subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Give what a command says of the one service."""
    assert done.stdout, done.stderr[-3000:]
    (service,) = json.loads(done.stdout)["services"]
    return service


def compared(found: Catalogue) -> str:
    return f"{found.tables} ({sum(map(len, found.rows.values()))})"


def assert_same(stock: Catalogue, ours: Catalogue) -> None:
    found = differences(stock, ours)
    assert not found, "\n".join(found)


def test_two_runs_at_once_make_the_database_that_the_stock_tool_makes(case: Case, record_property: Any) -> None:
    stock, heads = case.stocked()
    with case.place() as place:
        runs = [case.start(place, "migrate", "--format", "json") for _ in range(2)]
        ended = [run.communicate(timeout=PATIENCE_S) for run in runs]
        ours = place.catalogue()
        record_property(COMPARED, (case.application.name, case.backend, compared(ours)))
        assert [run.returncode for run in runs] == [0, 0], ended
        applied = [json.loads(told)["services"][0]["applied"] for told, _ in ended]
        assert [] in applied  # one did it all, and the other one found nothing to do
        assert_same(stock, ours)
        assert_read_and_checked(case, place, heads)


def assert_read_and_checked(case: Case, place: Place, heads: Heads) -> None:
    status = case.dbkit(place, "status", "--format", "json")
    assert (status.returncode, answer(status)["revision"], answer(status)["pending"]) == (0, heads.text, [])
    history = case.dbkit(place, "history", "--format", "json")
    assert (history.returncode, len(answer(history)["revisions"])) == (0, heads.revisions)
    check = case.dbkit(place, "check", "--format", "json")
    # its models may well differ from its revisions: that is its own business, and must be told
    assert check.returncode in (0, 4), check.stderr[-3000:]
    assert bool(answer(check)["differences"]) is (check.returncode == 4)


def test_its_own_env_file_makes_the_same_database_or_is_refused_in_plain_words(case: Case) -> None:
    if case.application.refused is not None:
        assert_refused(case, case.application.refused)
        return
    stock, _heads = case.stocked()
    with case.place("own") as place:
        done = case.dbkit(place, "migrate", "--format", "json")
        assert done.returncode == 0, done.stderr[-3000:]
        assert_same(stock, place.catalogue())


def assert_refused(case: Case, said: str) -> None:
    with case.place("own") as place:
        done = case.dbkit(place, "migrate", "--format", "json")
        assert done.returncode == 2
        assert said in done.stderr
        assert not place.has(case.application.version_table)


def test_a_database_that_the_stock_tool_left_half_way_goes_on_to_the_same_end(case: Case) -> None:
    stock, _heads = case.stocked()
    with case.place() as place:
        half = case.stock(place, target="half")
        assert half.returncode == 0, half.stderr[-3000:]
        at = place.revisions(case.application.version_table)
        before = answer(case.dbkit(place, "status", "--format", "json"))
        assert (before["revision"], bool(before["pending"])) == (", ".join(at), True)
        done = case.dbkit(place, "migrate", "--format", "json")
        assert done.returncode == 0, done.stderr[-3000:]
        assert_same(stock, place.catalogue())


@pytest.mark.parametrize("env", ENVS)
def test_a_history_that_the_stock_tool_cannot_finish_stops_at_the_same_revision(
    halting: Case, env: str, record_property: Any
) -> None:
    if env == "own" and halting.application.refused is not None:
        assert_refused(halting, halting.application.refused)
        return
    halt = halting.application.halts[halting.backend]
    table = halting.application.version_table
    with halting.place() as place:
        stock = halting.stock(place)
        assert stock.returncode != 0
        assert f"({halt.error}, " in stock.stderr
        left, at = place.catalogue(), place.revisions(table)
    with halting.place(env) as place:
        done = halting.dbkit(place, "migrate", "--format", "json")
        assert done.returncode == 1, done.stderr[-3000:]
        assert halt.revision in done.stderr
        assert halt.error in done.stderr
        assert place.revisions(table) == at
        ours = place.catalogue()
    record_property(
        COMPARED, (halting.application.name, halting.backend, f"stops at {halt.revision}, as the stock tool")
    )
    assert_same(left, ours)


def test_what_is_left_out_of_the_comparison_is_another_value_in_each_run_of_the_stock_tool(varying: Case) -> None:
    found = []
    for _ in range(2):
        with varying.place() as place:
            assert varying.stock(place).returncode == 0
            found.append({name: place.values(name) for name in varying.application.varying})
    first, second = found
    assert all(first[name] and not first[name] & second[name] for name in first)
