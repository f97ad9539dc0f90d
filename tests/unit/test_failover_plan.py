"""When a server counts as gone and when as back, as a table of cases and as what holds for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.errors import UnreachableError
from dbkit.failover.plan import Attempt, Decision, Outcome, Step, Watching, decide, pause_s

ANSWERED, ABSENT, SILENT, REFUSED = Outcome.ANSWERED, Outcome.ABSENT, Outcome.SILENT, Outcome.REFUSED


def made(outcome: Outcome, began_s: float = 0.0, seconds: float = 0.001) -> Attempt:
    return Attempt(outcome=outcome, began_s=began_s, seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Case:
    attempts: tuple[Attempt, ...]
    elapsed_s: float
    step: Step
    after_s: float = 0.0
    mode: str = "dev"
    environment: str = "development"
    budget_s: float = 3.0
    roll: float = 0.0


GONE = (made(ABSENT), made(ABSENT, 0.06), made(ABSENT, 0.17))
HANGING = (made(SILENT, 0, 3.0), made(SILENT, 0.3, 2.7), made(SILENT, 0.8, 2.2))

CASES = {
    # the beginning
    "the first attempt begins at once": Case(attempts=(), elapsed_s=0.0, step=Step.ATTEMPT),
    "the first attempt begins at once, whatever the roll": Case(
        attempts=(), elapsed_s=0.0, step=Step.ATTEMPT, roll=0.99
    ),
    "the first attempt begins, however late it is": Case(attempts=(), elapsed_s=9.0, step=Step.ATTEMPT),
    "the first attempt begins where nothing falls back": Case(
        attempts=(), elapsed_s=0.0, step=Step.ATTEMPT, mode="off"
    ),
    # answered
    "one answer is enough": Case(attempts=(made(ANSWERED),), elapsed_s=0.01, step=Step.USE_PRIMARY),
    "an answer after two that found nobody": Case(
        attempts=(made(ABSENT), made(ABSENT, 0.06), made(ANSWERED, 0.2)), elapsed_s=0.21, step=Step.USE_PRIMARY
    ),
    "an answer to the first while the others are silent": Case(
        attempts=(made(ANSWERED, 0, 2.9), made(SILENT, 0.3, 2.6), made(SILENT, 0.8, 2.1)),
        elapsed_s=2.9,
        step=Step.USE_PRIMARY,
    ),
    "an answer on the stroke of the budget": Case(
        attempts=(made(ANSWERED, 0, 3.0), made(ABSENT, 0.3), made(ABSENT, 0.8)), elapsed_s=3.0, step=Step.USE_PRIMARY
    ),
    "an answer that is seen late": Case(attempts=(made(ANSWERED, 0, 2.5),), elapsed_s=7.0, step=Step.USE_PRIMARY),
    "an answer beside a refusal": Case(
        attempts=(made(REFUSED, 0, 1.0), made(ANSWERED, 0.5)), elapsed_s=1.0, step=Step.USE_PRIMARY
    ),
    "an answer in production": Case(
        attempts=(made(ANSWERED),), elapsed_s=0.01, step=Step.USE_PRIMARY, environment="production"
    ),
    # refused
    "a refusal is raised at once": Case(attempts=(made(REFUSED),), elapsed_s=0.01, step=Step.RAISE),
    "a refusal after absence": Case(attempts=(made(ABSENT), made(REFUSED, 0.06)), elapsed_s=0.07, step=Step.RAISE),
    "a refusal after two absences": Case(
        attempts=(made(ABSENT), made(ABSENT, 0.06), made(REFUSED, 0.2)), elapsed_s=0.21, step=Step.RAISE
    ),
    "a refusal while others are silent": Case(
        attempts=(made(SILENT, 0, 1.0), made(REFUSED, 0.3, 0.7)), elapsed_s=1.0, step=Step.RAISE
    ),
    "a refusal on the stroke of the budget": Case(
        attempts=(made(REFUSED, 0, 3.0), made(SILENT, 0.3, 2.7), made(SILENT, 0.8, 2.2)), elapsed_s=3.0, step=Step.RAISE
    ),
    # refused ports: pauses that grow
    "after the first absence a pause of 0.05 s": Case(
        attempts=GONE[:1], elapsed_s=0.001, step=Step.ATTEMPT, after_s=0.05
    ),
    "or, by the roll, of up to 0.1 s": Case(
        attempts=GONE[:1], elapsed_s=0.001, step=Step.ATTEMPT, after_s=0.1, roll=1.0
    ),
    "of which a part has gone by": Case(attempts=GONE[:1], elapsed_s=0.031, step=Step.ATTEMPT, after_s=0.02),
    "and then it begins": Case(attempts=GONE[:1], elapsed_s=0.06, step=Step.ATTEMPT),
    "after the second absence a pause of 0.1 s": Case(
        attempts=GONE[:2], elapsed_s=0.061, step=Step.ATTEMPT, after_s=0.1
    ),
    "or, by the roll, of up to 0.2 s": Case(
        attempts=GONE[:2], elapsed_s=0.061, step=Step.ATTEMPT, after_s=0.2, roll=1.0
    ),
    "three absences fall back at once": Case(attempts=GONE, elapsed_s=0.18, step=Step.FALL_BACK),
    "in a test's environment too": Case(attempts=GONE, elapsed_s=0.18, step=Step.FALL_BACK, environment="test"),
    "three absences never fall back where it is off": Case(attempts=GONE, elapsed_s=0.18, step=Step.RAISE, mode="off"),
    "nor in production": Case(attempts=GONE, elapsed_s=0.18, step=Step.RAISE, environment="production"),
    "a small budget shortens the pause": Case(
        attempts=GONE[:1], elapsed_s=0.001, step=Step.ATTEMPT, after_s=0.019, budget_s=0.12
    ),
    "and the second one": Case(attempts=GONE[:2], elapsed_s=0.061, step=Step.ATTEMPT, after_s=0.039, budget_s=0.12),
    "an attempt that took long to fail is followed at once": Case(
        attempts=(made(ABSENT, 0, 2.0),), elapsed_s=2.0, step=Step.ATTEMPT
    ),
    # silence: attempts overlap
    "a silent attempt is joined by a second after a twelfth of the budget": Case(
        attempts=(made(SILENT, 0, 0.1),), elapsed_s=0.1, step=Step.ATTEMPT, after_s=0.15
    ),
    "or, by the roll, after a sixth": Case(
        attempts=(made(SILENT, 0, 0.1),), elapsed_s=0.1, step=Step.ATTEMPT, after_s=0.4, roll=1.0
    ),
    "which begins while the first goes on": Case(attempts=(made(SILENT, 0, 0.25),), elapsed_s=0.25, step=Step.ATTEMPT),
    "the third comes a sixth later": Case(
        attempts=(made(SILENT, 0, 0.3), made(SILENT, 0.25, 0.05)), elapsed_s=0.3, step=Step.ATTEMPT, after_s=0.45
    ),
    "a second that is absent is followed soon, whatever the first does": Case(
        attempts=(made(SILENT, 0, 0.3), made(ABSENT, 0.25, 0.01)), elapsed_s=0.26, step=Step.ATTEMPT, after_s=0.1
    ),
    "three silent ones are waited for to the end": Case(
        attempts=(made(SILENT, 0, 1.0), made(SILENT, 0.3, 0.7), made(SILENT, 0.8, 0.2)),
        elapsed_s=1.0,
        step=Step.WAIT,
        after_s=2.0,
    ),
    "one silent among absent ones is waited for too": Case(
        attempts=(made(SILENT, 0, 0.5), made(ABSENT, 0.3), made(ABSENT, 0.4)),
        elapsed_s=0.5,
        step=Step.WAIT,
        after_s=2.5,
    ),
    "in production as well": Case(
        attempts=(made(SILENT, 0, 0.5), made(ABSENT, 0.3), made(ABSENT, 0.4)),
        elapsed_s=0.5,
        step=Step.WAIT,
        after_s=2.5,
        environment="production",
    ),
    "a moment before the end it is still waited": Case(
        attempts=HANGING, elapsed_s=2.999, step=Step.WAIT, after_s=0.001
    ),
    "at the end of the budget it falls back": Case(attempts=HANGING, elapsed_s=3.0, step=Step.FALL_BACK),
    "after the end too": Case(attempts=HANGING, elapsed_s=3.2, step=Step.FALL_BACK),
    "a budget that was used up by fewer attempts": Case(attempts=HANGING[:1], elapsed_s=3.0, step=Step.FALL_BACK),
    "silence does not fall back where it is off": Case(attempts=HANGING, elapsed_s=3.0, step=Step.RAISE, mode="off"),
    "nor does it in production": Case(attempts=HANGING, elapsed_s=3.0, step=Step.RAISE, environment="production"),
    "absent and silent together fall back at the end": Case(
        attempts=(made(ABSENT), made(SILENT, 0.1, 2.9), made(ABSENT, 0.5)), elapsed_s=3.0, step=Step.FALL_BACK
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_next_step(case: Case) -> None:
    found = decide(
        case.mode,  # type: ignore[arg-type]
        case.environment,
        attempts=case.attempts,
        elapsed_s=case.elapsed_s,
        budget_s=case.budget_s,
        roll=case.roll,
    )
    assert (found.step, found.after_s) == (case.step, pytest.approx(case.after_s))


def test_an_attempt_is_equal_by_what_it_says_and_not_by_its_error() -> None:
    error = UnreachableError("no")
    assert Attempt(outcome=ABSENT, seconds=0.1, said="no", error=error) == Attempt(
        outcome=ABSENT, seconds=0.1, said="no"
    )


ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        outcome=st.sampled_from(Outcome),
        began_s=st.floats(0, 10),
        seconds=st.floats(0, 10),
    ),
    max_size=3,
)
TIMES = st.floats(0, 20)
BUDGETS = st.floats(0.01, 60)
ROLLS = st.floats(0, 1, exclude_max=True)
MODES = st.sampled_from(["off", "dev"])
ENVIRONMENTS = st.sampled_from(["development", "test", "production"])


@given(mode=MODES, environment=ENVIRONMENTS, attempts=ATTEMPTS, elapsed_s=TIMES, budget_s=BUDGETS, roll=ROLLS)
def test_nothing_falls_back_that_must_not(
    mode: str, environment: str, attempts: list[Attempt], elapsed_s: float, budget_s: float, roll: float
) -> None:
    found = decide(
        mode,  # type: ignore[arg-type]
        environment,
        attempts=attempts,
        elapsed_s=elapsed_s,
        budget_s=budget_s,
        roll=roll,
    )
    outcomes = {attempt.outcome for attempt in attempts}
    somebody = outcomes & {ANSWERED, REFUSED}
    if somebody or mode == "off" or environment == "production" or not attempts:
        assert found.step is not Step.FALL_BACK
    if SILENT in outcomes and elapsed_s < budget_s:
        assert found.step is not Step.FALL_BACK
    if len(attempts) == 3:
        assert found.step is not Step.ATTEMPT
    if somebody:
        assert found.step is (Step.USE_PRIMARY if ANSWERED in somebody else Step.RAISE)
    assert 0 <= found.after_s <= max(0.0, budget_s - elapsed_s)


@dataclass
class Story:
    """What each of the attempts will come to, and when."""

    outcomes: list[Outcome]
    takes_s: list[float]
    elapsed_s: float = 0.0
    waited_s: float = 0.0
    steps: int = 0

    def seen(self, began: list[float]) -> list[Attempt]:
        found = []
        for start, outcome, takes_s in zip(began, self.outcomes, self.takes_s, strict=False):
            age_s = self.elapsed_s - start
            over = age_s >= takes_s and outcome is not SILENT
            found.append(made(outcome if over else SILENT, start, min(age_s, takes_s) if over else age_s))
        return found

    def pass_time(self, decision: Decision, began: list[float]) -> None:
        """Sleep as long as was said, or until an attempt ends."""
        ends = [start + takes_s for start, takes_s in zip(began, self.takes_s, strict=False)]
        wake_s = min([self.elapsed_s + decision.after_s, *(end for end in ends if end > self.elapsed_s)])
        self.waited_s += wake_s - self.elapsed_s
        self.elapsed_s = wake_s
        self.steps += 1


@given(
    outcomes=st.lists(st.sampled_from(Outcome), min_size=3, max_size=3),
    takes_s=st.lists(st.floats(0.001, 5), min_size=3, max_size=3),
    budget_s=st.floats(0.05, 10),
    rolls=st.lists(ROLLS, min_size=4, max_size=4),
)
def test_every_inquiry_ends_within_its_budget_after_at_most_three_attempts(
    outcomes: list[Outcome], takes_s: list[float], budget_s: float, rolls: list[float]
) -> None:
    story, began = Story(outcomes, takes_s), []
    while True:
        roll = rolls[len(began)]
        found = decide(
            "dev", "development", attempts=story.seen(began), elapsed_s=story.elapsed_s, budget_s=budget_s, roll=roll
        )
        if found.step in {Step.USE_PRIMARY, Step.FALL_BACK, Step.RAISE}:
            break
        if found.step is Step.ATTEMPT and found.after_s <= 0:
            began.append(story.elapsed_s)
        else:
            story.pass_time(found, began)
        assert story.steps < 20
    assert 1 <= len(began) <= 3
    assert story.waited_s <= budget_s + 1e-9
    attempts = story.seen(began)
    if found.step is Step.FALL_BACK:
        assert all(attempt.outcome in {ABSENT, SILENT} for attempt in attempts)
        assert len(began) == 3
    if set(outcomes) == {SILENT}:
        # the last one that begins still has half of the budget, so that a slow server is heard
        assert began[-1] <= budget_s / 2 + 1e-9
    if outcomes[0] is ANSWERED and takes_s[0] < budget_s and REFUSED not in outcomes:
        assert found.step is Step.USE_PRIMARY


@given(rolls=st.tuples(ROLLS, ROLLS))
def test_a_refused_port_is_decided_after_0_15_to_0_3_seconds(rolls: tuple[float, float]) -> None:
    attempts: list[Attempt] = [made(ABSENT, 0, 0)]
    elapsed_s = 0.0
    for roll in rolls:
        found = decide("dev", "development", attempts=attempts, elapsed_s=elapsed_s, budget_s=3.0, roll=roll)
        assert found.step is Step.ATTEMPT
        elapsed_s += found.after_s
        attempts.append(made(ABSENT, elapsed_s, 0))
    assert 0.15 <= round(elapsed_s, 9) <= 0.3
    assert decide("dev", "development", attempts=attempts, elapsed_s=elapsed_s, budget_s=3.0).step is Step.FALL_BACK


def seen(watching: Watching, *outcomes: Outcome) -> Watching:
    for outcome in outcomes:
        watching = watching.seen(outcome)
    return watching


BACK = {
    "three answers after the dwell": (5.0, (ANSWERED,) * 3, True),
    "three answers before the dwell": (4.99, (ANSWERED,) * 3, False),
    "two answers": (60.0, (ANSWERED,) * 2, False),
    "three answers with an absence between": (60.0, (ANSWERED, ANSWERED, ABSENT, ANSWERED), False),
    "three answers with a silence between": (60.0, (ANSWERED, ANSWERED, SILENT, ANSWERED), False),
    "three answers in the end": (60.0, (ABSENT, SILENT, ANSWERED, ANSWERED, ANSWERED), True),
    "refusals are answers: their error must be seen": (60.0, (REFUSED,) * 3, True),
    "refusals and answers": (60.0, (ANSWERED, REFUSED, ANSWERED), True),
    "an absence last": (60.0, (ANSWERED, ANSWERED, ANSWERED, ABSENT), False),
    "nothing": (600.0, (), False),
}


@pytest.mark.parametrize(("after_s", "outcomes", "back"), BACK.values(), ids=BACK.keys())
def test_going_back(after_s: float, outcomes: tuple[Outcome, ...], back: bool) -> None:
    assert seen(Watching().fallen(100.0), *outcomes).may_return(100.0 + after_s) is back


def test_who_has_not_fallen_does_not_go_back() -> None:
    assert not seen(Watching(), ANSWERED, ANSWERED, ANSWERED).may_return(1000.0)
    assert not Watching().fallen(0.0).returned(10.0).may_return(1000.0)


def test_each_fall_soon_after_going_back_doubles_the_dwell_up_to_300_seconds() -> None:
    now_s, dwells = 0.0, []
    watching = Watching()
    for _ in range(9):
        watching = watching.fallen(now_s)
        dwells.append(watching.dwell_s)
        assert not seen(watching, ANSWERED, ANSWERED, ANSWERED).may_return(now_s + watching.dwell_s - 0.01)
        now_s += watching.dwell_s
        watching = seen(watching, ANSWERED, ANSWERED, ANSWERED)
        assert watching.may_return(now_s)
        watching = watching.returned(now_s)
        now_s += 59.9
    assert dwells == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_fall_a_minute_after_going_back_begins_anew() -> None:
    flapping = Watching().fallen(0.0).returned(10.0).fallen(20.0)
    assert (flapping.dwell_s, flapping.returned(40.0).fallen(100.0).dwell_s) == (10.0, 5.0)


def test_what_was_seen_before_a_fall_does_not_count_after_it() -> None:
    watching = seen(Watching().fallen(0.0), ANSWERED, ANSWERED, ANSWERED).returned(5.0).fallen(6.0)
    assert (watching.good, watching.may_return(1000.0)) == (0, False)


@given(roll=ROLLS)
def test_the_primary_is_looked_for_about_each_second(roll: float) -> None:
    assert 0.75 <= pause_s(roll) <= 1.25
