"""Every purse keeps accounts exactly."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.store.purse import MemoryPurse
from passerelle.adapters.store.shared_purse import SharedPurse
from passerelle.adapters.store.shared_words import SharedWords
from passerelle.domain.budgets.limits import Amount, Budget
from passerelle.domain.budgets.reservations import Allowance, OverBudget, Purse, Reservation

NOON = int(datetime(2026, 5, 10, 12, tzinfo=UTC).timestamp() * 1_000)
DAY_MS = 86_400_000


@pytest.fixture(params=["memory", "shared"])
def purse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Purse]:
    if request.param == "memory":
        yield MemoryPurse()
        return
    SharedWords.create(tmp_path / "limits", workers=2).close()
    words = SharedWords(tmp_path / "limits", worker=1)
    yield SharedPurse(words)
    words.close()


def account(name: str = "a", **limits: object) -> Allowance:
    return Allowance(name, Budget(**limits))  # type: ignore[arg-type]


def nano(amount: int) -> Amount:
    return Amount(nano=amount, tokens=0, requests=1)


def test_what_is_reserved_counts_against_the_limit(purse: Purse) -> None:
    limited = account(day_nano=100)
    purse.reserve([limited], nano(60), now_ms=NOON)
    with pytest.raises(OverBudget) as refused:
        purse.reserve([limited], nano(41), now_ms=NOON)
    assert refused.value.code == "insufficient_quota"
    assert refused.value.retry_after_seconds == 12 * 3_600
    purse.reserve([limited], nano(40), now_ms=NOON)


def test_refused_reservation_changes_no_account(purse: Purse) -> None:
    wide, narrow = account("wide", day_nano=1_000), account("narrow", day_nano=10)
    with pytest.raises(OverBudget, match="this account"):
        purse.reserve([wide, narrow], nano(11), now_ms=NOON)
    for each in (wide, narrow):
        assert purse.standing(each, now_ms=NOON).day_held == Amount()


def test_request_draws_on_all_of_its_accounts(purse: Purse) -> None:
    both = [account("key", day_nano=100), account("team", month_tokens=500)]
    purse.settle(purse.reserve(both, Amount(50, 200, 1), now_ms=NOON), Amount(40, 150, 1))
    assert purse.standing(both[0], now_ms=NOON).day_spent == Amount(40, 150, 1)
    assert purse.standing(both[1], now_ms=NOON).month_spent == Amount(40, 150, 1)
    with pytest.raises(OverBudget, match="tokens"):
        purse.reserve(both, Amount(0, 351, 1), now_ms=NOON)


@pytest.mark.parametrize(
    ("budget", "amount"),
    [
        (Budget(day_nano=5), Amount(6, 0, 1)),
        (Budget(month_nano=5), Amount(6, 0, 1)),
        (Budget(day_tokens=5), Amount(0, 6, 1)),
        (Budget(month_tokens=5), Amount(0, 6, 1)),
        (Budget(day_requests=0), Amount(0, 0, 1)),
        (Budget(month_requests=0), Amount(0, 0, 1)),
    ],
)
def test_each_kind_of_limit_holds(purse: Purse, budget: Budget, amount: Amount) -> None:
    with pytest.raises(OverBudget):
        purse.reserve([Allowance("a", budget)], amount, now_ms=NOON)


def test_settling_books_the_true_amount_and_frees_the_rest(purse: Purse) -> None:
    limited = account(day_nano=100)
    purse.settle(purse.reserve([limited], nano(90), now_ms=NOON), nano(10))
    standing = purse.standing(limited, now_ms=NOON)
    assert (standing.day_spent.nano, standing.day_held.nano) == (10, 0)
    purse.reserve([limited], nano(90), now_ms=NOON)


def test_voided_reservation_costs_nothing_however_often_it_is_voided(purse: Purse) -> None:
    limited = account(day_nano=100)
    reservation = purse.reserve([limited], nano(100), now_ms=NOON)
    purse.void(reservation)
    purse.void(reservation)
    standing = purse.standing(limited, now_ms=NOON)
    assert (standing.day_spent, standing.day_held) == (Amount(), Amount())


def test_reservation_is_settled_once(purse: Purse) -> None:
    reservation = purse.reserve([account(day_nano=9)], nano(1), now_ms=NOON)
    purse.settle(reservation, nano(1))
    purse.void(reservation)
    with pytest.raises(ValueError, match="already ended"):
        purse.settle(reservation, nano(1))


def test_nothing_negative_can_be_reserved(purse: Purse) -> None:
    with pytest.raises(ValueError, match="negative"):
        purse.reserve([account(day_nano=9)], nano(-1), now_ms=NOON)


def test_spent_budget_still_admits_what_costs_nothing(purse: Purse) -> None:
    spent = account(day_nano=0)
    purse.reserve([spent], nano(0), now_ms=NOON)
    with pytest.raises(OverBudget):
        purse.reserve([spent], nano(1), now_ms=NOON)


def test_day_begins_anew_at_midnight_of_the_time_zone_and_the_month_does_not(purse: Purse) -> None:
    limited = account(day_nano=100, month_nano=150, time_zone="Asia/Tokyo")
    purse.settle(purse.reserve([limited], nano(100), now_ms=NOON), nano(100))
    midnight_in_tokyo = NOON + 3 * 3_600_000
    with pytest.raises(OverBudget, match="day"):
        purse.reserve([limited], nano(1), now_ms=midnight_in_tokyo - 1)
    purse.reserve([limited], nano(50), now_ms=midnight_in_tokyo)
    with pytest.raises(OverBudget, match="month"):
        purse.reserve([limited], nano(1), now_ms=midnight_in_tokyo)


def test_late_settlement_counts_on_the_day_of_its_reservation(purse: Purse) -> None:
    limited = account(day_nano=100)
    reservation = purse.reserve([limited], nano(80), now_ms=NOON)
    purse.reserve([limited], nano(100), now_ms=NOON + DAY_MS)
    purse.settle(reservation, nano(80))
    assert purse.standing(limited, now_ms=NOON).day_spent.nano == 80
    assert purse.standing(limited, now_ms=NOON + DAY_MS).day_spent.nano == 0


def test_what_was_spent_before_the_start_counts(purse: Purse) -> None:
    limited = account(day_nano=100, month_nano=1_000)
    purse.load(limited, nano(90), at_ms=NOON)
    purse.load(limited, nano(500), at_ms=NOON - DAY_MS)
    with pytest.raises(OverBudget):
        purse.reserve([limited], nano(11), now_ms=NOON)
    assert purse.standing(limited, now_ms=NOON).month_spent.nano == 590


def test_alert_is_told_once_when_its_share_is_reached(purse: Purse) -> None:
    limited = Allowance("a", Budget(day_nano=100, alert_at=(0.5, 0.8)), "team blue")
    told = []
    for amount in (40, 20, 10, 25):
        alerts = purse.settle(purse.reserve([limited], nano(amount), now_ms=NOON), nano(amount))
        told.append([(alert.name, alert.share) for alert in alerts])
    assert told == [[], [("team blue", 0.5)], [], [("team blue", 0.8)]]


def test_amounts_that_nothing_can_hold_use_up_what_there_is(purse: Purse) -> None:
    limited = account(month_nano=10**18, day_tokens=10**6)
    for _ in range(3):
        held = purse.reserve([limited], Amount(), now_ms=NOON)
        purse.settle(held, Amount(2**80, 2**63 - 1, 1))
    with pytest.raises(OverBudget):
        purse.reserve([limited], nano(1), now_ms=NOON)
    assert purse.standing(limited, now_ms=NOON).month_spent.nano >= 10**18


def test_refusal_says_which_limit_what_is_left_and_when_it_begins_anew(purse: Purse) -> None:
    limited = Allowance("a", Budget(day_nano=100, time_zone="Europe/Paris"), "team blue")
    purse.settle(purse.reserve([limited], nano(60), now_ms=NOON), nano(60))
    with pytest.raises(OverBudget) as refused:
        purse.reserve([limited], nano(41), now_ms=NOON)
    assert refused.value.detail == (
        "Limit of money for team blue in this day: 0.000000100 USD; left: 0.000000040 USD; "
        "this request may take up to 0.000000041 USD. "
        "It begins anew at 2026-05-11T00:00+02:00."
    )


def test_small_model_is_asked_for_from_its_share_on(purse: Purse) -> None:
    limited = account(day_nano=100, downgrade_at=0.5)
    assert not purse.reserve([limited], nano(50), now_ms=NOON).downgrade
    assert purse.reserve([limited], nano(10), now_ms=NOON).downgrade


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(("reserve", "settle", "void")), st.integers(0, 60)), max_size=60
    )
)
def test_spent_and_held_never_pass_the_limit_at_reserving(steps: list[tuple[str, int]]) -> None:
    keeper, limited = MemoryPurse(), account(day_nano=100, day_requests=20)
    open_ones: list[Reservation] = []
    spent = held = requests = 0
    for step, amount in steps:
        if step == "reserve":
            fits = (not amount or spent + held + amount <= 100) and requests < 20
            try:
                open_ones.append(keeper.reserve([limited], nano(amount), now_ms=NOON))
            except OverBudget:
                assert not fits
            else:
                assert fits
                held, requests = held + amount, requests + 1
        elif open_ones:
            reservation = open_ones.pop(amount % len(open_ones))
            held -= reservation.amount.nano
            if step == "settle":
                keeper.settle(reservation, nano(amount))
                spent += amount
            else:
                keeper.void(reservation)
                requests -= 1
    standing = keeper.standing(limited, now_ms=NOON)
    assert (standing.day_spent.nano, standing.day_held.nano) == (spent, held)


def test_many_threads_never_get_more_than_there_is(purse: Purse) -> None:
    limited = account(day_nano=1_000)

    def grab(_: int) -> int:
        try:
            purse.settle(purse.reserve([limited], nano(7), now_ms=NOON), nano(7))
        except OverBudget:
            return 0
        return 7

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(grab, range(400)))
    assert taken == 994
