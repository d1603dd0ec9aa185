"""Several processes draw on the same budgets and rates."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.store.shared_purse import SharedPurse
from passerelle.adapters.store.shared_rates import SharedRates
from passerelle.adapters.store.shared_words import LimitsFull, SharedWords
from passerelle.core.values.errors import Unavailable
from passerelle.domain.budgets.limits import Amount, Budget
from passerelle.domain.budgets.rates import MINUTE_NS, RateLimit, TooManyRequests
from passerelle.domain.budgets.reservations import Allowance, OverBudget

NOON = int(datetime(2026, 5, 10, 12, tzinfo=UTC).timestamp() * 1_000)
DAY_MS = 86_400_000
ONE = Amount(nano=7, tokens=3, requests=1)
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
LIMITED = Allowance("org/team", Budget(day_requests=500, alert_at=SHARES))
WORKERS = 3
_spawn = multiprocessing.get_context("spawn")


def account(name: str, **limits: int) -> Allowance:
    return Allowance(name, Budget(**limits))  # type: ignore[arg-type]


def spend(path: Path, worker: int, told: "Queue[tuple[int, list[float]]]") -> None:
    words = SharedWords(path, worker=worker)
    purse, count, alerts = SharedPurse(words), 0, list[float]()
    for _ in range(300):
        try:
            reserved = purse.reserve([LIMITED], ONE, now_ms=NOON)
        except OverBudget:
            continue
        alerts += [alert.share for alert in purse.settle(reserved, ONE)]
        count += 1
    words.close()
    told.put((count, alerts))


def ask(path: Path, worker: int, told: "Queue[int]") -> None:
    words = SharedWords(path, worker=worker)
    rates, count = SharedRates(words), 0
    for _ in range(300):
        try:
            rates.take([RateLimit("key", 500)], tokens=0, now_ns=5 * MINUTE_NS)
        except TooManyRequests:
            continue
        count += 1
    words.close()
    told.put(count)


def hold_for_ever(path: Path, worker: int, told: "Queue[int]") -> None:
    purse = SharedPurse(SharedWords(path, worker=worker))
    purse.reserve([account("a", day_nano=100)], Amount(60, 0, 1), now_ms=NOON)
    told.put(os.getpid())
    time.sleep(60)


def hold_the_lock(path: Path, worker: int, told: "Queue[int]") -> None:
    with SharedWords(path, worker=worker):
        told.put(os.getpid())
        time.sleep(60)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SharedWords.create(tmp_path / "limits", workers=WORKERS).close()
    return tmp_path / "limits"


def purse_of(path: Path, worker: int) -> SharedPurse:
    return SharedPurse(SharedWords(path, worker=worker))


def all_of(path: Path, work: Callable[..., None]) -> list[Any]:
    told: Queue[Any] = _spawn.Queue()
    processes = [_spawn.Process(target=work, args=(path, 1 + n, told)) for n in range(WORKERS)]
    for process in processes:
        process.start()
    answers = [told.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    told.close()
    return answers


def killed(path: Path, work: Callable[..., None]) -> None:
    told: Queue[int] = _spawn.Queue()
    process = _spawn.Process(target=work, args=(path, 1, told))
    process.start()
    os.kill(told.get(timeout=60), signal.SIGKILL)
    process.join(60)
    told.close()


@pytest.mark.slow
def test_processes_spend_exactly_what_there_is_and_each_alert_is_told_once(path: Path) -> None:
    answers = all_of(path, spend)
    assert sum(count for count, _ in answers) == 500
    assert sorted(share for _, alerts in answers for share in alerts) == list(SHARES)
    standing = purse_of(path, 1).standing(LIMITED, now_ms=NOON)
    assert (standing.day_spent, standing.day_held) == (Amount(3_500, 1_500, 500), Amount())


@pytest.mark.slow
def test_processes_ask_exactly_as_often_as_they_may(path: Path) -> None:
    assert sum(all_of(path, ask)) == 500


@pytest.mark.slow
def test_what_a_killed_process_held_is_given_back(path: Path) -> None:
    limited, mine = account("a", day_nano=100), purse_of(path, 2)
    kept = mine.reserve([limited], Amount(10, 0, 1), now_ms=NOON)
    killed(path, hold_for_ever)
    assert mine.standing(limited, now_ms=NOON).day_held == Amount(70, 0, 2)
    purse_of(path, 0).release(1)
    assert mine.standing(limited, now_ms=NOON).day_held == Amount(10, 0, 1)
    mine.settle(kept, Amount(10, 0, 1))
    assert mine.standing(limited, now_ms=NOON).day_held == Amount()


@pytest.mark.slow
def test_process_killed_under_the_lock_stops_nobody(path: Path) -> None:
    killed(path, hold_the_lock)
    purse_of(path, 2).reserve([account("a", day_nano=100)], Amount(60, 0, 1), now_ms=NOON)


def test_workers_see_what_the_others_spend_and_hold(path: Path) -> None:
    one, other = purse_of(path, 1), purse_of(path, 2)
    limited = account("a", day_nano=100)
    one.settle(one.reserve([limited], Amount(40, 0, 1), now_ms=NOON), Amount(30, 0, 1))
    one.reserve([limited], Amount(50, 0, 1), now_ms=NOON)
    with pytest.raises(OverBudget):
        other.reserve([limited], Amount(21, 0, 1), now_ms=NOON)
    other.reserve([limited], Amount(20, 0, 1), now_ms=NOON)


def small(tmp_path: Path) -> SharedPurse:
    SharedWords.create(tmp_path / "small", workers=1, places=4, callers=4).close()
    return purse_of(tmp_path / "small", 1)


def test_full_table_is_refused_and_its_budgets_still_hold(tmp_path: Path) -> None:
    purse = small(tmp_path)
    for number in range(4):
        purse.reserve([account(f"a{number}", day_nano=10)], Amount(10, 0, 1), now_ms=NOON)
    with pytest.raises(LimitsFull):
        purse.reserve([account("one too many", day_nano=10)], Amount(1, 0, 1), now_ms=NOON)
    with pytest.raises(OverBudget):
        purse.reserve([account("a0", day_nano=10)], Amount(1, 0, 1), now_ms=NOON)


def test_day_that_is_over_makes_room_once_nobody_holds_anything_of_it(tmp_path: Path) -> None:
    purse = small(tmp_path)
    held = [
        purse.reserve([account(f"a{number}", day_nano=10)], Amount(9, 0, 1), now_ms=NOON)
        for number in range(4)
    ]
    tomorrow = [account("b", day_nano=10)]
    with pytest.raises(LimitsFull):
        purse.reserve(tomorrow, Amount(1, 0, 1), now_ms=NOON + DAY_MS)
    purse.settle(held[2], Amount(9, 0, 1))
    purse.reserve(tomorrow, Amount(10, 0, 1), now_ms=NOON + DAY_MS)
    for each in (held[0], held[1], held[3]):
        assert purse.settle(each, Amount(9, 0, 1))


def test_what_ends_late_is_not_booked_on_the_account_that_has_its_slot_now(
    tmp_path: Path,
) -> None:
    purse = small(tmp_path)
    nothing = [
        purse.reserve((account(f"a{number}", day_nano=10),), Amount(), now_ms=NOON)
        for number in range(4)
    ]
    tomorrow = [account(f"b{number}", day_nano=10) for number in range(3)]
    for each in tomorrow:
        purse.reserve([each], Amount(5, 0, 1), now_ms=NOON + DAY_MS)
    for late in nothing:
        purse.settle(late, Amount(9, 0, 1))
    for each in tomorrow:
        standing = purse.standing(each, now_ms=NOON + DAY_MS)
        assert (standing.day_spent, standing.day_held) == (Amount(), Amount(5, 0, 1))


def test_days_of_the_past_take_no_room(tmp_path: Path) -> None:
    purse, limited = small(tmp_path), account("a", day_nano=10_000, month_nano=10_000)
    for days in range(9):
        purse.load(limited, Amount(100, 0, 1), at_ms=NOON - days * DAY_MS)
    assert purse.standing(limited, now_ms=NOON).month_spent == Amount(900, 0, 9)


def test_rates_refuse_when_too_many_callers_are_ahead_of_time(tmp_path: Path) -> None:
    SharedWords.create(tmp_path / "small", workers=1, places=4, callers=4).close()
    rates = SharedRates(SharedWords(tmp_path / "small", worker=1))
    for number in range(4):
        rates.take([RateLimit(f"k{number}", 1)], tokens=0, now_ns=MINUTE_NS)
    with pytest.raises(LimitsFull):
        rates.take([RateLimit("k4", 1)], tokens=0, now_ns=MINUTE_NS)
    rates.take([RateLimit("k4", 1)], tokens=0, now_ns=3 * MINUTE_NS)


def test_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "limits").write_bytes(bytes(4_096))
    with pytest.raises(Unavailable, match="not of this gateway"):
        SharedWords(tmp_path / "limits", worker=1)
