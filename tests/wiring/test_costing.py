"""Which exchanges a span of days takes in."""

from datetime import UTC, date, datetime

import pytest

from passerelle.core.values.errors import InvalidRequest
from passerelle.wiring.costing import Span


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def test_span_takes_in_its_first_and_its_last_day_whole() -> None:
    window = Span("handbook", date(2026, 11, 1), date(2026, 11, 2)).window
    assert window.usecase == "handbook"
    assert window.since_ms == at_ms("2026-11-01T00:00")
    assert window.until_ms == at_ms("2026-11-03T00:00")


def test_span_begins_when_the_day_begins_in_its_time_zone() -> None:
    window = Span("", date(2026, 7, 1), None, "Europe/Paris").window
    assert (window.since_ms, window.until_ms) == (at_ms("2026-06-30T22:00"), None)


def test_day_on_which_clocks_change_has_its_own_length() -> None:
    window = Span("", date(2026, 10, 25), date(2026, 10, 25), "Europe/Paris").window
    assert window.since_ms is not None
    assert window.until_ms is not None
    assert window.until_ms - window.since_ms == 25 * 3_600_000


def test_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="Mars/Olympus"):
        _ = Span("", date(2026, 1, 1), None, "Mars/Olympus").window
