"""When services are looked at again, when that is told, and what ends the wait: with a clock that is told the time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dbkit import migrations
from dbkit.backends.polling import Poll
from dbkit.errors import DbkitError, DifferentError, ExitCode, UnreachableError, UsageError
from dbkit.migrations import Result, ServiceResult, Waiting
from dbkit.migrations.probes.glance import Sight, Standing
from dbkit.migrations.probes.waiting import Vigil, pause_s
from tests.projects import Home

FAILURES: dict[Standing, DbkitError] = {
    Standing.PENDING: DifferentError("one is to be applied"),
    Standing.REFUSED: UsageError("it is nonsense"),
}
CODES = {Standing.READY: ExitCode.OK, Standing.AHEAD: ExitCode.AHEAD}


def seen(service: str, standing: Standing, *, cut: bool = False) -> Sight:
    result = ServiceResult(service=service, exit_code=CODES.get(standing, ExitCode.OK))
    if standing not in CODES:
        result = result.failed(FAILURES.get(standing, UnreachableError(f"it is {standing}")))
    return Sight(standing=standing, result=result, cut=cut)


@dataclass(kw_only=True)
class Story:
    """What is seen of services at each look, the last of it for ever; and what came of waiting."""

    plot: dict[str, Sequence[Standing | Sight]]
    took_s: float = 0.0
    """How long each look takes."""
    roll: float = 0.0
    now: float = 1000.0
    looks: list[tuple[float, list[str]]] = field(default_factory=list)
    times_seen: Counter[str] = field(default_factory=Counter)
    told: list[Waiting] = field(default_factory=list)

    def wait(self, timeout_s: float = 60.0) -> Result:
        poll = Poll(clock=lambda: self.now, sleep=self._sleep, dice=lambda: self.roll)
        vigil = Vigil(look=self._look, goal="head", timeout_s=timeout_s, tell=self.told.append, poll=poll)
        return vigil.keep(list(self.plot))

    @property
    def times(self) -> list[float]:
        """When there was a look, in seconds from the beginning."""
        return [round(when - 1000.0, 3) for when, _ in self.looks]

    def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def _look(self, services: list[str], left_s: float) -> list[Sight]:
        self.looks.append((self.now, services))
        self.times_seen.update(services)
        self.now += min(self.took_s, left_s)
        return [self._seen(service) for service in services]

    def _seen(self, service: str) -> Sight:
        number = self.times_seen[service]
        steps = self.plot[service]
        step = steps[min(number, len(steps)) - 1]
        return step if isinstance(step, Sight) else seen(service, step)


UNREACHABLE, READY, PENDING = Standing.UNREACHABLE, Standing.READY, Standing.PENDING


def test_pauses_grow_to_a_limit_and_are_less_by_chance() -> None:
    assert [pause_s(looks, 0) for looks in range(1, 9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0]
    assert [pause_s(looks, 1) for looks in (1, 6, 5000)] == [0.05, 1.6, 2.0]


def test_a_refused_log_in_is_tried_again_slowly_from_the_start() -> None:
    assert (pause_s(1, 0, refused=True), pause_s(9, 1, refused=True)) == (8.0, 4.0)
    story = Story(plot={"user": [Standing.LOGIN_REFUSED]})
    assert story.wait().exit_code == 3
    assert story.times == [0, 8, 16, 24, 32, 40, 48, 56, 59]


def test_what_is_there_is_looked_at_once_and_nothing_is_told() -> None:
    story = Story(plot={"user": [READY]})
    result = story.wait()
    assert (result.exit_code, result.command, story.times, story.told) == (0, "wait", [0], [])


def test_waiting_ends_when_it_is_there() -> None:
    story = Story(plot={"user": [UNREACHABLE, UNREACHABLE, PENDING, READY]})
    result = story.wait()
    assert (result.exit_code, story.times) == (0, [0, 0.1, 0.3, 0.7])
    assert result["user"].seconds == pytest.approx(0.7)


@pytest.mark.parametrize(("standing", "code"), [(UNREACHABLE, 3), (Standing.LOGIN_REFUSED, 3), (PENDING, 4)])
def test_the_time_out_ends_it_with_the_code_of_what_was_seen_last(standing: Standing, code: int) -> None:
    result = Story(plot={"user": [standing]}).wait(20)
    assert result.exit_code == code
    assert (result["user"].error or "").startswith("given up after 19 s: ")


def test_the_last_look_comes_just_before_the_end() -> None:
    story = Story(plot={"user": [UNREACHABLE]})
    story.wait(10)
    assert story.times == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 9]
    short = Story(plot={"user": [UNREACHABLE]})
    short.wait(0.4)
    assert short.times == [0, 0.1, 0.3]


def test_a_look_that_takes_all_the_time_is_the_only_one() -> None:
    story = Story(plot={"user": [UNREACHABLE]}, took_s=30)
    assert story.wait(5).exit_code == 3
    assert (story.times, story.now) == ([0], 1005.0)


def test_a_look_that_was_cut_short_does_not_hide_what_was_seen_before() -> None:
    story = Story(plot={"user": [PENDING, seen("user", UNREACHABLE, cut=True)]})
    assert story.wait(1).exit_code == 4
    assert Story(plot={"user": [seen("user", UNREACHABLE, cut=True)]}).wait(1).exit_code == 3


def test_each_change_is_told_and_else_a_reminder_every_ten_seconds() -> None:
    story = Story(plot={"user": [UNREACHABLE] * 7 + [PENDING]})
    story.wait(40)
    told = [(round(one.waited_s, 1), [sight.standing for sight in one.changed]) for one in story.told]
    assert told == [(0, [UNREACHABLE]), (10.3, [PENDING]), (22.3, []), (34.3, [])]
    assert [sight.service for sight in story.told[-1].left] == ["user"]


def test_waiting_without_end_goes_on() -> None:
    story = Story(plot={"user": [UNREACHABLE] * 5000 + [READY]})
    assert story.wait(math.inf).exit_code == 0
    assert story.times[-1] > 15_000


def test_services_that_are_there_are_not_looked_at_again() -> None:
    story = Story(plot={"project": [READY], "user": [PENDING, PENDING, READY]})
    result = story.wait()
    assert [names for _, names in story.looks] == [["project", "user"], ["user"], ["user"]]
    assert (result.exit_code, result["project"].seconds) == (0, 0.0)


def test_a_database_that_is_ahead_is_not_waited_for_and_the_others_are() -> None:
    story = Story(plot={"project": [Standing.AHEAD], "user": [UNREACHABLE, READY]})
    result = story.wait()
    assert (result.exit_code, result["user"].exit_code, story.times) == (7, 0, [0, 0.1])


def test_what_does_not_heal_ends_the_wait_for_all() -> None:
    story = Story(plot={"project": [UNREACHABLE], "user": [Standing.REFUSED]})
    result = story.wait()
    assert (result.exit_code, story.times) == (2, [0])
    assert [entry.exit_code for entry in result.services] == [3, 2]
    assert result["user"].error == "it is nonsense"


def test_tls_that_is_refused_twice_in_a_row_ends_the_wait() -> None:
    story = Story(plot={"user": [UNREACHABLE, Standing.TLS_REFUSED]})
    result = story.wait()
    assert (result.exit_code, story.times) == (3, [0, 0.1, 0.3])


def test_tls_that_is_refused_once_may_have_been_a_cut_connection() -> None:
    story = Story(plot={"user": [Standing.TLS_REFUSED, UNREACHABLE, Standing.TLS_REFUSED, READY]})
    assert story.wait().exit_code == 0


def test_a_project_without_services_is_there() -> None:
    assert Story(plot={}).wait().exit_code == 0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path).write("user")
    made.table("user", "0001", "people")
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(tmp_path / "user.db"))
    return made


def never(_seconds: float) -> None:
    raise AssertionError("it must not wait")


AT_ONCE = Poll(sleep=never)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _home, env: env.setenv("DATABASE_TYPE", "oracel"), "'oracel'"),
        (lambda home, _env: home.table("user", "0003", "pets"), "'0002', which is missing"),
        (lambda _home, env: env.setenv("DATABASE_SQLITE_PATH", ":memory:"), "memory"),
    ],
    ids=["configuration", "revisions", "memory"],
)
def test_what_is_wrong_on_this_side_is_refused_at_once(
    home: Home, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Home, pytest.MonkeyPatch], object], said: str
) -> None:
    spoil(home, monkeypatch)
    result = migrations.wait(home.project(), poll=AT_ONCE)
    assert result.exit_code == 2
    assert said in (result["user"].error or "")


def test_a_database_in_memory_answers(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SQLITE_PATH", ":memory:")
    assert migrations.wait(home.project(), goal="server", poll=AT_ONCE).exit_code == 0


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_no_time_is_refused(home: Home, seconds: float) -> None:
    with pytest.raises(UsageError, match="above 0"):
        migrations.wait(home.project(), timeout_s=seconds)


def test_an_unknown_goal_is_refused(home: Home) -> None:
    with pytest.raises(UsageError, match="goal takes server or head, not 'tail'"):
        migrations.wait(home.project(), goal="tail")  # type: ignore[arg-type]


def test_a_bug_in_a_look_is_raised_and_not_waited_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    (home.root / "user.db").touch()
    monkeypatch.setattr("dbkit.migrations.probes.probe.Probe.read", broken)
    with pytest.raises(ZeroDivisionError):
        migrations.wait(home.project(), poll=AT_ONCE)
