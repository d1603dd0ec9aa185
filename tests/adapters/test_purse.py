from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.store.purse import MemoryPurse
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.reservations import OverBudget, Reservation

NOON = int(datetime(2026, 5, 10, 12, tzinfo=UTC).timestamp() * 1_000)
DAY_MS = 86_400_000


def spent(purse: MemoryPurse, budget: Budget, now_ms: int = NOON) -> int:
    return purse.standing("a", budget, now_ms=now_ms).day_spent_nano


def test_what_is_reserved_counts_against_the_limit() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100)
    purse.reserve("a", budget, amount_nano=60, now_ms=NOON)
    with pytest.raises(OverBudget) as refused:
        purse.reserve("a", budget, amount_nano=41, now_ms=NOON)
    assert refused.value.code == "insufficient_quota"
    assert refused.value.retry_after_seconds == 12 * 3_600
    purse.reserve("a", budget, amount_nano=40, now_ms=NOON)


def test_a_refused_reservation_changes_nothing() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100)
    with pytest.raises(OverBudget):
        purse.reserve("a", budget, amount_nano=101, now_ms=NOON)
    assert purse.standing("a", budget, now_ms=NOON).day_held_nano == 0


def test_settling_books_the_true_cost_and_frees_the_rest() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100)
    purse.settle(purse.reserve("a", budget, amount_nano=90, now_ms=NOON), actual_nano=10)
    standing = purse.standing("a", budget, now_ms=NOON)
    assert (standing.day_spent_nano, standing.day_held_nano) == (10, 0)
    purse.reserve("a", budget, amount_nano=90, now_ms=NOON)


def test_a_voided_reservation_costs_nothing_however_often_it_is_voided() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100)
    reservation = purse.reserve("a", budget, amount_nano=100, now_ms=NOON)
    purse.void(reservation)
    purse.void(reservation)
    standing = purse.standing("a", budget, now_ms=NOON)
    assert (standing.day_spent_nano, standing.day_held_nano) == (0, 0)


def test_a_reservation_is_settled_once() -> None:
    purse = MemoryPurse()
    reservation = purse.reserve("a", Budget(), amount_nano=1, now_ms=NOON)
    purse.settle(reservation, actual_nano=1)
    purse.void(reservation)
    with pytest.raises(ValueError, match="already ended"):
        purse.settle(reservation, actual_nano=1)
    assert spent(purse, Budget()) == 1


def test_a_used_up_budget_still_admits_what_is_free() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=0)
    purse.settle(purse.reserve("a", budget, amount_nano=0, now_ms=NOON), actual_nano=0)
    with pytest.raises(OverBudget):
        purse.reserve("a", budget, amount_nano=1, now_ms=NOON)


def test_a_new_day_begins_with_a_whole_budget_but_the_month_goes_on() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100, month_nano=150)
    purse.settle(purse.reserve("a", budget, amount_nano=100, now_ms=NOON), actual_nano=100)
    with pytest.raises(OverBudget, match="of this month"):
        purse.reserve("a", budget, amount_nano=51, now_ms=NOON + DAY_MS)
    purse.reserve("a", budget, amount_nano=50, now_ms=NOON + DAY_MS)


def test_an_answer_that_ends_after_midnight_counts_for_the_day_it_began() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100)
    evening = purse.reserve("a", budget, amount_nano=100, now_ms=NOON)
    morning = purse.reserve("a", budget, amount_nano=100, now_ms=NOON + DAY_MS)
    purse.settle(evening, actual_nano=70)
    assert spent(purse, budget) == 70
    assert spent(purse, budget, NOON + DAY_MS) == 0
    purse.void(morning)


def test_accounts_do_not_share_money() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100)
    purse.reserve("a", budget, amount_nano=100, now_ms=NOON)
    purse.reserve("b", budget, amount_nano=100, now_ms=NOON)


def test_what_was_spent_before_the_start_counts() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100, month_nano=300, time_zone="Europe/Paris")
    purse.load("a", spent_nano=90, at_ms=NOON, time_zone="Europe/Paris")
    purse.load("a", spent_nano=200, at_ms=NOON - DAY_MS, time_zone="Europe/Paris")
    with pytest.raises(OverBudget):
        purse.reserve("a", budget, amount_nano=11, now_ms=NOON)
    purse.reserve("a", budget, amount_nano=10, now_ms=NOON)


def test_memory_does_not_grow_with_days() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=10)
    for day in range(200):
        now_ms = NOON + day * DAY_MS
        purse.settle(purse.reserve("a", budget, amount_nano=1, now_ms=now_ms), actual_nano=1)
    books = purse._accounts["a"]
    assert sum(len(sums) for sums in (*books.spent.values(), *books.held.values())) < 10


@given(
    st.lists(
        st.tuples(st.sampled_from(["reserve", "settle", "void"]), st.integers(0, 50)), max_size=200
    )
)
def test_spent_and_held_never_exceed_the_limit_when_costs_stay_within_what_was_reserved(
    steps: list[tuple[str, int]],
) -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=100, month_nano=120)
    waiting: list[Reservation] = []
    total = 0
    for kind, number in steps:
        if kind == "reserve":
            try:
                waiting.append(purse.reserve("a", budget, amount_nano=number, now_ms=NOON))
            except OverBudget:
                standing = purse.standing("a", budget, now_ms=NOON)
                assert standing.day_spent_nano + standing.day_held_nano + number > 100
        elif waiting and kind == "settle":
            reservation = waiting.pop(number % len(waiting))
            cost = min(number, reservation.amount_nano)
            purse.settle(reservation, actual_nano=cost)
            total += cost
        elif waiting:
            purse.void(waiting.pop(number % len(waiting)))
        standing = purse.standing("a", budget, now_ms=NOON)
        assert standing.day_spent_nano == total
        assert standing.day_held_nano == sum(each.amount_nano for each in waiting)
        assert total + standing.day_held_nano <= 100


def test_many_threads_never_overspend() -> None:
    purse, budget = MemoryPurse(), Budget(day_nano=10_000)

    def work(number: int) -> int:
        cost = 0
        for step in range(200):
            try:
                reservation = purse.reserve("a", budget, amount_nano=50, now_ms=NOON)
            except OverBudget:
                continue
            standing = purse.standing("a", budget, now_ms=NOON)
            assert standing.day_spent_nano + standing.day_held_nano <= 10_000
            if (number + step) % 3:
                purse.settle(reservation, actual_nano=37)
                cost += 37
            else:
                purse.void(reservation)
        return cost

    with ThreadPoolExecutor(8) as pool:
        costs = list(pool.map(work, range(8)))
    assert spent(purse, budget) == sum(costs) <= 10_000
    assert sum(costs) > 9_900
