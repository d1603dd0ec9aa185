"""How much may be spent, and how often may be asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import available_timezones

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.money import NANO
from passerelle.core.values.sections import Section


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one account; None is no limit, 0 is nothing at all."""

    day_nano: int | None = None
    """Nano-USD in a calendar day of the time zone."""
    month_nano: int | None = None
    """Nano-USD in a calendar month of the time zone."""
    requests_per_minute: int | None = None
    """For each API key."""
    time_zone: str = "UTC"
    """IANA name; says when a day and a month begin."""


def parse_budget(table: Mapping[str, JsonValue]) -> tuple[Budget | None, tuple[Fault, ...]]:
    """Reads `[budget]`: per_day_usd, per_month_usd, requests_per_minute, time_zone."""
    section = Section(table, "budget")
    day_nano = _nano(section, "per_day_usd")
    month_nano = _nano(section, "per_month_usd")
    per_minute = (
        section.integer("requests_per_minute", minimum=1)
        if "requests_per_minute" in section
        else None
    )
    time_zone = section.text("time_zone", "UTC")
    if time_zone and time_zone not in available_timezones():
        section.fault("time_zone", f'"{time_zone}" is no IANA time zone, such as "Europe/Paris"')
    faults = section.done()
    budget = Budget(day_nano, month_nano, per_minute, time_zone)
    return (None, faults) if faults else (budget, ())


def _nano(section: Section, key: str) -> int | None:
    if key not in section:
        return None
    amount = Decimal(repr(section.number(key, minimum=0))) * NANO
    if not amount.is_finite():
        return 0
    if amount != amount.to_integral_value():
        section.fault(key, "has more than nine decimals, finer than a nano-dollar")
    return int(amount)
