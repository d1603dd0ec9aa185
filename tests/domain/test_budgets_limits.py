from datetime import UTC, datetime

import pytest

from passerelle.core.values.chat import JsonValue
from passerelle.domain.budgets.limits import Budget, beyond, parse_budget, written_budget
from passerelle.domain.budgets.periods import periods_at

HOUR_MS = 3_600_000


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000)  # type: ignore[misc,arg-type]


def test_amounts_in_dollars_become_exact_nano_dollars() -> None:
    budget, faults = parse_budget(
        {"per_day_usd": 0.1, "per_month_usd": 3, "time_zone": "Asia/Tokyo"}
    )
    assert faults == ()
    assert budget == Budget(100_000_000, 3_000_000_000, None, "Asia/Tokyo")


def test_an_empty_section_sets_no_limit() -> None:
    assert parse_budget({}) == (Budget(), ())


def test_all_faults_of_a_budget_are_found_at_once() -> None:
    budget, faults = parse_budget(
        {
            "per_day_usd": -1,
            "per_month_usd": float("nan"),
            "requests_per_minute": 0,
            "time_zone": "Mars/Base",
            "per_year_usd": 1,
        }
    )
    assert budget is None
    assert {fault.where[-1] for fault in faults} == {
        "per_day_usd",
        "per_month_usd",
        "requests_per_minute",
        "time_zone",
        "per_year_usd",
    }


def test_less_than_a_nano_dollar_is_refused() -> None:
    _, faults = parse_budget({"per_day_usd": 1e-10})
    assert "nano-dollar" in faults[0].message


def test_a_day_begins_at_midnight_of_its_time_zone() -> None:
    periods = periods_at(at(2026, 5, 10, 23, 30), "Europe/Paris")
    assert periods.day_start_ms == at(2026, 5, 10, 22)
    assert periods.day_end_ms == at(2026, 5, 11, 22)


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (6, 1, 24)])
def test_days_of_a_clock_change_are_shorter_or_longer(month: int, day: int, hours: int) -> None:
    periods = periods_at(at(2026, month, day, 12), "Europe/Paris")
    assert periods.day_end_ms - periods.day_start_ms == hours * HOUR_MS


@pytest.mark.parametrize(("month", "following"), [(1, (2026, 2)), (2, (2026, 3)), (12, (2027, 1))])
def test_a_month_ends_where_the_next_begins(month: int, following: tuple[int, int]) -> None:
    periods = periods_at(at(2026, month, 28, 12), "UTC")
    assert periods.month_start_ms == at(2026, month, 1)
    assert periods.month_end_ms == at(*following, 1)


EVERYTHING = {
    "per_day_usd": 1.5,
    "per_month_usd": 30,
    "per_day_tokens": 1_000,
    "per_month_tokens": 0,
    "per_day_requests": 10,
    "per_month_requests": 100,
    "requests_per_minute": 6,
    "tokens_per_minute": 600,
    "time_zone": "Europe/Paris",
    "alert_at": ["90%", 0.5],
    "downgrade_at": 0.7,
    "unknown_price": "pass",
}


def test_every_limit_can_be_written() -> None:
    budget, faults = parse_budget(EVERYTHING)  # type: ignore[arg-type]
    assert faults == ()
    assert budget is not None
    assert budget.day == (1_500_000_000, 1_000, 10)
    assert budget.month == (30_000_000_000, 0, 100)
    assert (budget.requests_per_minute, budget.tokens_per_minute) == (6, 600)
    assert budget.alert_at == (0.5, 0.9)
    assert (budget.downgrade_at, budget.unknown_price) == (0.7, "pass")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("per_day_tokens", -1),
        ("per_month_requests", 1.5),
        ("tokens_per_minute", 0),
        ("alert_at", ["0%"]),
        ("alert_at", ["120%"]),
        ("alert_at", ["half"]),
        ("alert_at", [80]),
        ("alert_at", [True]),
        ("alert_at", 0.8),
        ("downgrade_at", 0),
        ("downgrade_at", 1.1),
        ("unknown_price", "guess"),
    ],
)
def test_limit_that_makes_no_sense_is_named(key: str, value: JsonValue) -> None:
    budget, faults = parse_budget({key: value})
    assert budget is None
    assert {fault.where for fault in faults} == {("budget", key)}


def test_budgets_that_say_the_same_are_told_the_same_whatever_fields_come_later() -> None:
    assert Budget(day_nano=5).told == {
        "day_nano": 5,
        "month_nano": None,
        "requests_per_minute": None,
        "time_zone": "UTC",
    }
    told = Budget(day_tokens=7, alert_at=(0.5,), unknown_price="pass").told
    assert (told["day_tokens"], told["alert_at"], told["unknown_price"]) == (7, [0.5], "pass")
    assert "tokens_per_minute" not in told


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Budget(day_nano=100, day_tokens=10), ()),
        (Budget(day_nano=99, day_tokens=1, requests_per_minute=1), ()),
        (Budget(day_nano=101, day_tokens=10), ("per_day_usd",)),
        (Budget(), ("per_day_usd", "per_day_tokens")),
        (Budget(day_nano=1, day_tokens=1, time_zone="Asia/Tokyo"), ("time_zone",)),
        (Budget(day_nano=1, day_tokens=1, unknown_price="pass"), ("unknown_price",)),
    ],
)
def test_budget_goes_beyond_another_where_it_allows_more(
    asked: Budget, words: tuple[str, ...]
) -> None:
    assert beyond(asked, Budget(day_nano=100, day_tokens=10)) == words


def test_every_limit_counts_when_two_budgets_are_compared() -> None:
    own, _ = parse_budget({key: 1 for key in EVERYTHING if "per_" in key})
    assert own is not None
    assert beyond(Budget(), own) == tuple(key for key in EVERYTHING if "per_" in key)


def test_written_budget_that_cannot_be_read_lets_nothing_through() -> None:
    assert written_budget("") is None
    assert written_budget('{"per_day_tokens": 5}') == Budget(day_tokens=5)
    unreadable = written_budget('{"per_fortnight_usd": 5}')
    assert unreadable is not None
    assert (unreadable.day_nano, unreadable.day_requests) == (0, 0)
