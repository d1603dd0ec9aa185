"""The rules of a purse, on sums wherever they lie: six numbers in a row for each period.

They are written for the hot path: whole numbers, compared and added where they stand.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from passerelle.core.values.money import Money
from passerelle.domain.budgets.limits import Amount, Ceiling
from passerelle.domain.budgets.periods import Periods
from passerelle.domain.budgets.reservations import Alert, Allowance, OverBudget, Place

WIDTH: Final = 6
"""Spent nano-USD, tokens and requests, then held ones."""
UNLIMITED: Final = 2**62
"""No sum gets beyond."""
_KINDS: Final = ("money", "tokens", "requests")


class Numbers(Protocol):
    """Whole numbers by place: a list, or memory."""

    def __getitem__(self, at: int, /) -> int: ...

    def __setitem__(self, at: int, number: int, /) -> None: ...


class Row:
    """One limited period of one account, its limits as plain numbers, and its sums."""

    __slots__ = (
        "allowance",
        "at",
        "levels",
        "nano",
        "place",
        "quiet",
        "requests",
        "small",
        "sums",
        "tokens",
    )

    def __init__(self, allowance: Allowance, place: Place, sums: Numbers, at: int) -> None:
        budget = allowance.budget
        ceiling = budget.month if place.month else budget.day
        self.allowance = allowance
        self.place = place
        self.sums = sums
        self.at = at
        """Where the six numbers begin."""
        self.nano, self.tokens, self.requests = (
            UNLIMITED if limit is None else limit for limit in ceiling
        )
        self.small = _level(ceiling, budget.downgrade_at)
        """From here on the small model should serve."""
        self.levels = tuple((share, _level(ceiling, share)) for share in budget.alert_at)
        self.quiet = Amount()
        """Below these no alert is due; too low only costs a look at the levels."""


def places_of(allowance: Allowance, periods: Periods) -> tuple[Place, ...]:
    """The periods of an account that have a limit."""
    budget, account = allowance.budget, allowance.account
    day = Place(account, False, periods.day_start_ms, periods.day_end_ms)
    month = Place(account, True, periods.month_start_ms, periods.month_end_ms)
    return (
        *((day,) if budget.day.limits else ()),
        *((month,) if budget.month.limits else ()),
    )


def hold(rows: Sequence[Row], amount: Amount, now_ms: int) -> bool:
    """Sets an amount aside in all rows; should the small model serve?

    Raises `OverBudget`, and changes nothing, where a row has too little left.
    """
    nano, tokens, requests = amount
    small = False
    for row in rows:
        sums, at = row.sums, row.at
        had_nano = sums[at] + sums[at + 3]
        had_tokens = sums[at + 1] + sums[at + 4]
        had_requests = sums[at + 2] + sums[at + 5]
        if (
            (had_nano + nano > row.nano and nano)
            or (had_tokens + tokens > row.tokens and tokens)
            or (had_requests + requests > row.requests and requests)
        ):
            raise _over(row, Amount(had_nano, had_tokens, had_requests), amount, now_ms)
        level = row.small
        if had_nano >= level[0] or had_tokens >= level[1] or had_requests >= level[2]:
            small = True
    for row in rows:
        sums, at = row.sums, row.at
        sums[at + 3] += nano
        sums[at + 4] += tokens
        sums[at + 5] += requests
    return small


def give_back(rows: Sequence[Row], amount: Amount) -> None:
    """What was held is free again."""
    nano, tokens, requests = amount
    for row in rows:
        sums, at = row.sums, row.at
        sums[at + 3] -= nano
        sums[at + 4] -= tokens
        sums[at + 5] -= requests


def spend(rows: Sequence[Row], amount: Amount) -> tuple[Alert, ...]:
    """Books what was taken; returns the alerts that this sets off."""
    nano, tokens, requests = amount
    alerts: tuple[Alert, ...] = ()
    for row in rows:
        sums, at = row.sums, row.at
        spent_nano = sums[at] + nano
        spent_tokens = sums[at + 1] + tokens
        spent_requests = sums[at + 2] + requests
        quiet = row.quiet
        if spent_nano >= quiet[0] or spent_tokens >= quiet[1] or spent_requests >= quiet[2]:
            before = Amount(sums[at], sums[at + 1], sums[at + 2])
            # A provider may report what no sum can hold.
            spent_nano = min(spent_nano, UNLIMITED)
            spent_tokens = min(spent_tokens, UNLIMITED)
            spent_requests = min(spent_requests, UNLIMITED)
            alerts += _alerts(row, before, Amount(spent_nano, spent_tokens, spent_requests))
        sums[at] = spent_nano
        sums[at + 1] = spent_tokens
        sums[at + 2] = spent_requests
    return alerts


def _alerts(row: Row, before: Amount, after: Amount) -> tuple[Alert, ...]:
    """Shares that were not reached before and are now."""
    row.quiet = Amount(
        *(
            min((level[kind] for _, level in row.levels if level[kind] > had), default=UNLIMITED)
            for kind, had in enumerate(after)
        )
    )
    place, name = row.place, row.allowance.name
    return tuple(
        Alert(place.account, name, place.month, place.start_ms, share)
        for share, level in row.levels
        if _reached(level, after) and not _reached(level, before)
    )


def _reached(level: Amount, taken: Amount) -> bool:
    return any(had >= mark for mark, had in zip(level, taken, strict=True))


def _level(ceiling: Ceiling, share: float | None) -> Amount:
    """The least of each that reaches a share of the limit."""
    exact = Decimal(repr(share or 0.0))
    return Amount(
        *(math.ceil(exact * limit) if exact and limit else UNLIMITED for limit in ceiling)
    )


def _over(row: Row, had: Amount, amount: Amount, now_ms: int) -> OverBudget:
    budget, place = row.allowance.budget, row.place
    limits = (row.nano, row.tokens, row.requests)
    kind, limit, taken, more = next(
        each for each in zip(_KINDS, limits, had, amount, strict=True) if _passes(*each[1:])
    )
    told = [
        str(Money(each)) if kind == "money" else f"{each:,}"
        for each in (limit, max(0, limit - taken), more)
    ]
    zone = ZoneInfo(budget.time_zone)
    anew = datetime.fromtimestamp(place.end_ms / 1_000, UTC).astimezone(zone)
    return OverBudget(
        f"Limit of {kind} for {row.allowance.name} in this {'month' if place.month else 'day'}: "
        f"{told[0]}; left: {told[1]}; this request may take up to {told[2]}. "
        f"It begins anew at {anew.isoformat(timespec='minutes')}.",
        retry_after_seconds=(place.end_ms - now_ms) / 1_000,
    )


def _passes(limit: int, taken: int, more: int) -> bool:
    return bool(more) and taken + more > limit
