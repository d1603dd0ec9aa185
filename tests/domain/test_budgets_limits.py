from datetime import UTC, datetime

import pytest

from passerelle.domain.budgets.limits import Budget, parse_budget
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
