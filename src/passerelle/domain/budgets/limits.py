"""How much may be spent, and how often may be asked."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import available_timezones

import msgspec

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.money import NANO
from passerelle.core.values.sections import Section


class Amount(NamedTuple):
    """What a request takes of a budget."""

    nano: int = 0
    """Nano-USD."""
    tokens: int = 0
    """Input and output together."""
    requests: int = 0


class Ceiling(NamedTuple):
    """The most of each; None is no limit, 0 is nothing at all."""

    nano: int | None
    tokens: int | None
    requests: int | None

    @property
    def limits(self) -> bool:
        return self != (None, None, None)


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
    day_tokens: int | None = None
    month_tokens: int | None = None
    day_requests: int | None = None
    month_requests: int | None = None
    tokens_per_minute: int | None = None
    alert_at: tuple[float, ...] = (0.8,)
    """Shares of a limit (above 0, at most 1) that are told once in each period when reached."""
    downgrade_at: float | None = None
    """Share of a limit from which on the route's small model serves."""
    unknown_price: Literal["refuse", "pass"] = "refuse"
    """To a model whose price nobody knows, where money is limited."""

    @property
    def day(self) -> Ceiling:
        return Ceiling(self.day_nano, self.day_tokens, self.day_requests)

    @property
    def month(self) -> Ceiling:
        return Ceiling(self.month_nano, self.month_tokens, self.month_requests)

    @property
    def limits_money(self) -> bool:
        return self.day_nano is not None or self.month_nano is not None

    @property
    def limits(self) -> bool:
        """Does it limit a day or a month?"""
        return self.day.limits or self.month.limits

    @property
    def limits_anything(self) -> bool:
        """A day, a month or a minute?"""
        return self.limits or (self.requests_per_minute, self.tokens_per_minute) != (None, None)

    @property
    def told(self) -> Mapping[str, JsonValue]:
        """What it says beside the defaults: the same for equal budgets of every version."""
        defaults = {each.name: each.default for each in fields(self)}
        always = ("day_nano", "month_nano", "requests_per_minute", "time_zone")
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if name in always or value != defaults[name]
        }


NO_BUDGET = Budget()
_WORDS = {
    "day_nano": "per_day_usd",
    "month_nano": "per_month_usd",
    "day_tokens": "per_day_tokens",
    "month_tokens": "per_month_tokens",
    "day_requests": "per_day_requests",
    "month_requests": "per_month_requests",
    "requests_per_minute": "requests_per_minute",
    "tokens_per_minute": "tokens_per_minute",
}
"""Limits, as `[budget]` calls them."""
_ALERTS = (0.8,)


def beyond(asked: Budget, own: Budget) -> tuple[str, ...]:
    """Words of `[budget]` in which a budget allows more than another one does."""
    limits = [
        word for name, word in _WORDS.items() if _more(getattr(asked, name), getattr(own, name))
    ]
    if own.limits and asked.time_zone != own.time_zone:
        limits.append("time_zone")  # another day begins while the own one is used up
    if own.limits_money and asked.unknown_price == "pass" != own.unknown_price:
        limits.append("unknown_price")
    return tuple(limits)


def _more(asked: int | None, own: int | None) -> bool:
    return own is not None and (asked is None or asked > own)


def parse_budget(table: Mapping[str, JsonValue]) -> tuple[Budget | None, tuple[Fault, ...]]:
    """Reads `[budget]`: per_day_usd, per_month_usd, requests_per_minute, time_zone …

    … and per_day_tokens, per_month_tokens, per_day_requests, per_month_requests,
    tokens_per_minute, alert_at, downgrade_at, unknown_price.
    """
    section = Section(_shares_as_texts(table), "budget")
    time_zone = section.text("time_zone", "UTC")
    if time_zone and time_zone not in available_timezones():
        section.fault("time_zone", f'"{time_zone}" is no IANA time zone, such as "Europe/Paris"')
    unknown: tuple[Literal["refuse", "pass"], ...] = ("refuse", "pass")
    budget = Budget(
        day_nano=_nano(section, "per_day_usd"),
        month_nano=_nano(section, "per_month_usd"),
        requests_per_minute=_count(section, "requests_per_minute", minimum=1),
        time_zone=time_zone,
        day_tokens=_count(section, "per_day_tokens"),
        month_tokens=_count(section, "per_month_tokens"),
        day_requests=_count(section, "per_day_requests"),
        month_requests=_count(section, "per_month_requests"),
        tokens_per_minute=_count(section, "tokens_per_minute", minimum=1),
        alert_at=_shares(section, "alert_at"),
        downgrade_at=(
            section.number("downgrade_at", above=0, maximum=1)
            if "downgrade_at" in section
            else None
        ),
        unknown_price=section.choice("unknown_price", unknown, "refuse"),
    )
    faults = section.done()
    return (None, faults) if faults else (budget, ())


@lru_cache(maxsize=20_000)
def written_budget(written: str) -> Budget | None:
    """What a key's record says, in JSON; None for an empty text.

    An unreadable budget lets nothing through: it was checked when the key was made.
    """
    if not written:
        return None
    budget, _ = parse_budget(msgspec.json.decode(written))
    return budget or Budget(day_nano=0, day_requests=0)


def _count(section: Section, key: str, *, minimum: int = 0) -> int | None:
    return section.integer(key, minimum=minimum) if key in section else None


def _shares_as_texts(table: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """A share may be written as a number too: 0.8 is "80%"."""
    shares = table.get("alert_at")
    if not isinstance(shares, list):
        return table
    texts = [str(each) if type(each) in (int, float) else each for each in shares]
    return {**table, "alert_at": texts}


def _shares(section: Section, key: str) -> tuple[float, ...]:
    if key not in section:
        return _ALERTS
    shares = []
    for text in section.strings(key, ()):
        try:
            share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            section.fault(key, f'"{text}" is no share such as "80%"')
        shares.append(share)
    return tuple(sorted(shares))


def _nano(section: Section, key: str) -> int | None:
    if key not in section:
        return None
    amount = Decimal(repr(section.number(key, minimum=0))) * NANO
    if not amount.is_finite():
        return 0
    if amount != amount.to_integral_value():
        section.fault(key, "has more than nine decimals, finer than a nano-dollar")
    return int(amount)
