"""When does a budget begin anew?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Periods:
    """The calendar day and month around a moment, as milliseconds since 1970 (UTC)."""

    day_start_ms: int
    day_end_ms: int
    """First millisecond of the next day; a day of a clock change has 23 or 25 hours."""
    month_start_ms: int
    month_end_ms: int


def periods_at(now_ms: int, time_zone: str) -> Periods:
    """Day and month of the moment in the IANA time zone."""
    zone = ZoneInfo(time_zone)
    today = datetime.fromtimestamp(now_ms / 1_000, zone).date()
    month = today.replace(day=1)
    next_month = (month + timedelta(days=31)).replace(day=1)
    starts = (today, today + timedelta(days=1), month, next_month)
    return Periods(*(_midnight_ms(datetime(d.year, d.month, d.day, tzinfo=zone)) for d in starts))


def _midnight_ms(midnight: datetime) -> int:
    return int(midnight.astimezone(UTC).timestamp()) * 1_000
