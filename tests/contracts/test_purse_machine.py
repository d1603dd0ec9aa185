"""Every purse does what a few sums on paper say, whatever is asked of it in whatever order."""

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from passerelle.adapters.store.purse import MemoryPurse
from passerelle.adapters.store.shared_purse import SharedPurse
from passerelle.adapters.store.shared_words import SharedWords
from passerelle.domain.budgets.limits import Amount, Budget
from passerelle.domain.budgets.reservations import Allowance, OverBudget, Purse, Reservation

START_MS = int(datetime(2026, 3, 27, 12, tzinfo=UTC).timestamp() * 1_000)
"""Two days before the clocks of Paris change, five before a month begins."""
ACCOUNTS = (
    Allowance("key", Budget(day_nano=100, time_zone="Asia/Tokyo", alert_at=(0.335, 0.8))),
    Allowance("team", Budget(month_tokens=300, downgrade_at=0.5, time_zone="Europe/Paris")),
    Allowance("usecase", Budget(day_requests=9, month_nano=500, alert_at=())),
    Allowance("user", Budget()),
)
DRAWN = (ACCOUNTS, ACCOUNTS[:2], ACCOUNTS[::2], ACCOUNTS[2:], ())
"""What requests draw on, as serving hands it in: one tuple for all requests alike."""
amounts = st.builds(Amount, st.integers(0, 60), st.integers(0, 90), st.integers(0, 2))
Line = tuple[str, str]
"""Of an account and a period, such as `2026-03` or `2026-03-27`."""
Sums = tuple[int, int, int]
Drawn = Sequence[Allowance]


class Paper:
    """The rules, written down as simply as can be."""

    def __init__(self) -> None:
        self.spent: defaultdict[Line, Sums] = defaultdict(lambda: (0, 0, 0))
        self.held: defaultdict[Line, Sums] = defaultdict(lambda: (0, 0, 0))

    def lines(self, allowance: Allowance, now_ms: int) -> list[tuple[Line, tuple[int | None, ...]]]:
        budget = allowance.budget
        day = str(datetime.fromtimestamp(now_ms / 1_000, ZoneInfo(budget.time_zone)).date())
        return [
            ((allowance.account, day), budget.day),
            ((allowance.account, day[:7]), budget.month),
        ]

    def allows(self, drawn: Drawn, amount: Amount, now_ms: int) -> bool:
        return all(
            limit is None or not more or spent + held + more <= limit
            for allowance in drawn
            for line, limits in self.lines(allowance, now_ms)
            for limit, spent, held, more in zip(
                limits, self.spent[line], self.held[line], amount, strict=True
            )
        )

    def presses(self, drawn: Drawn, now_ms: int) -> bool:
        return any(
            limit is not None and spent + held >= allowance.budget.downgrade_at * limit
            for allowance in drawn
            if allowance.budget.downgrade_at is not None
            for line, limits in self.lines(allowance, now_ms)
            for limit, spent, held in zip(limits, self.spent[line], self.held[line], strict=True)
        )

    def reached(self, drawn: Drawn, now_ms: int) -> set[tuple[Line, float]]:
        return {
            (line, share)
            for allowance in drawn
            for line, limits in self.lines(allowance, now_ms)
            for share in allowance.budget.alert_at
            for limit, spent in zip(limits, self.spent[line], strict=True)
            if limit and spent >= share * limit
        }

    def add(self, sums: defaultdict[Line, Sums], drawn: Drawn, amount: Amount, now_ms: int) -> None:
        for allowance in drawn:
            for line, _ in self.lines(allowance, now_ms):
                one, two, three = sums[line]
                sums[line] = (one + amount.nano, two + amount.tokens, three + amount.requests)


class Purses(RuleBasedStateMachine):
    """Several purses on the same accounts, as several workers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.purses = self.made()
        self.paper = Paper()
        self.now_ms = START_MS
        self.open: list[tuple[Purse, Reservation, Drawn, int]] = []

    def made(self) -> list[Purse]:
        return [MemoryPurse()]

    @rule(
        which=st.integers(0, 1),
        drawn=st.sampled_from(DRAWN),
        amount=amounts,
        anew=st.integers(0, 3),
    )
    def reserve(self, which: int, drawn: Drawn, amount: Amount, anew: int) -> None:
        purse = self.purses[which % len(self.purses)]
        given = drawn if anew else list(drawn)
        allowed = self.paper.allows(drawn, amount, self.now_ms)
        try:
            reserved = purse.reserve(given, amount, now_ms=self.now_ms)
        except OverBudget:
            assert not allowed
            return
        assert allowed
        assert reserved.downgrade == self.paper.presses(drawn, self.now_ms)
        self.paper.add(self.paper.held, drawn, amount, self.now_ms)
        self.open.append((purse, reserved, drawn, self.now_ms))

    @precondition(lambda self: self.open)
    @rule(place=st.integers(0, 99), actual=amounts, settles=st.booleans())
    def end(self, place: int, actual: Amount, *, settles: bool) -> None:
        purse, reserved, drawn, at_ms = self.open.pop(place % len(self.open))
        back = Amount(*(-each for each in reserved.amount))
        self.paper.add(self.paper.held, drawn, back, at_ms)
        if not settles:
            purse.void(reserved)
            return
        before = self.paper.reached(drawn, at_ms)
        told = purse.settle(reserved, actual)
        self.paper.add(self.paper.spent, drawn, actual, at_ms)
        new = self.paper.reached(drawn, at_ms) - before
        assert len(told) == len(new)
        assert {each.share for each in told} == {share for _, share in new}

    @rule(which=st.integers(0, 1), allowance=st.sampled_from(ACCOUNTS), spent=amounts)
    def load(self, which: int, allowance: Allowance, spent: Amount) -> None:
        self.purses[which % len(self.purses)].load(allowance, spent, at_ms=self.now_ms)
        self.paper.add(self.paper.spent, [allowance], spent, self.now_ms)

    @rule(hours=st.sampled_from((1, 5, 13, 24, 100, 800)))
    def wait(self, hours: int) -> None:
        self.now_ms += hours * 3_600_000

    @invariant()
    def all_say_what_the_paper_says(self) -> None:
        for allowance in ACCOUNTS:
            (day, day_limits), (month, month_limits) = self.paper.lines(allowance, self.now_ms)
            for purse in self.purses:
                found = purse.standing(allowance, now_ms=self.now_ms)
                if any(limit is not None for limit in day_limits):
                    assert found.day_spent == self.paper.spent[day]
                    assert found.day_held == self.paper.held[day]
                if any(limit is not None for limit in month_limits):
                    assert found.month_spent == self.paper.spent[month]
                    assert found.month_held == self.paper.held[month]


class SharedPurses(Purses):
    """Of two workers, in a table so small that slots are soon given away."""

    def made(self) -> list[Purse]:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "limits"
        SharedWords.create(path, workers=3, places=64, callers=4).close()
        self.words = [SharedWords(path, worker=number) for number in (1, 2)]
        return [SharedPurse(each) for each in self.words]

    @rule()
    def a_worker_that_held_nothing_dies(self) -> None:
        supervisor = self.purses[0]
        assert isinstance(supervisor, SharedPurse)
        supervisor.release(3)

    def teardown(self) -> None:
        for each in self.words:
            each.close()
        self.folder.cleanup()


@pytest.mark.parametrize("machine", [Purses, SharedPurses])
def test_purse_keeps_the_sums_that_stand_on_paper(machine: type[Purses]) -> None:
    kept = settings(max_examples=100, stateful_step_count=50, deadline=None)
    machine.TestCase.settings = kept
    test = machine.TestCase()
    test.runTest()
