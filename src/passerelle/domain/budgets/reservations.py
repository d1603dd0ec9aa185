"""Amounts set aside before they are spent, so that a budget holds under any concurrency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from passerelle.core.values.errors import Refusal
from passerelle.core.values.money import Money
from passerelle.domain.budgets.limits import Amount, Budget, Ceiling
from passerelle.domain.budgets.periods import Periods


class OverBudget(Refusal):
    """The budget is used up."""

    status = 429
    code = "insufficient_quota"
    kind = "insufficient_quota"


@dataclass(frozen=True, slots=True)
class Allowance:
    """One account that a request draws on, with its limits."""

    account: str
    """Unique in the installation; names organisation and what it belongs to."""
    budget: Budget
    name: str = "this account"
    """For messages, such as `use case fees`."""


class Place(NamedTuple):
    """One period of one account."""

    account: str
    month: bool
    """Else a day."""
    start_ms: int
    end_ms: int
    """First millisecond of the next period."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """An amount set aside: it ends by `settle` or `void`, once."""

    number: int
    amount: Amount
    draws: tuple[tuple[Allowance, Place], ...]
    """The periods it counts for, even when it is settled after midnight."""
    downgrade: bool = False
    """A budget says that the small model should serve."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A share of a limit was reached; told once in each period."""

    account: str
    name: str
    month: bool
    start_ms: int
    share: float
    """Of `alert_at`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands in its current day and month."""

    day_spent: Amount
    month_spent: Amount
    day_held: Amount
    """Reserved and not yet settled; not part of what is spent."""
    month_held: Amount
    periods: Periods


class Purse(Protocol):
    """Keeps accounts exactly: spent + held never exceeds a limit at the time of reserving.

    Accounts without a limit for a day or a month are not kept.
    """

    def reserve(
        self, allowances: Sequence[Allowance], amount: Amount, *, now_ms: int
    ) -> Reservation:
        """Sets an amount aside in all accounts, or raises `OverBudget` and changes none.

        A budget of money that is exactly used up still admits amounts of 0, such as
        calls of models of our own.
        """
        ...

    def settle(self, reservation: Reservation, actual: Amount) -> tuple[Alert, ...]:
        """Books what it did take, more or less than was reserved; ValueError when it has ended.

        Returns the alerts that this has set off.
        """
        ...

    def void(self, reservation: Reservation) -> None:
        """Gives the amount back; nothing happens when the reservation has ended."""
        ...

    def load(self, allowance: Allowance, spent: Amount, *, at_ms: int) -> None:
        """Books what was spent before the process started."""
        ...

    def standing(self, allowance: Allowance, *, now_ms: int) -> Standing:
        """What is spent and held now."""
        ...


def places_of(allowance: Allowance, periods: Periods) -> tuple[Place, ...]:
    """The periods of an account that have a limit."""
    budget, account = allowance.budget, allowance.account
    day = Place(account, False, periods.day_start_ms, periods.day_end_ms)
    month = Place(account, True, periods.month_start_ms, periods.month_end_ms)
    return (
        *((day,) if budget.day.limits else ()),
        *((month,) if budget.month.limits else ()),
    )


def ceiling_of(allowance: Allowance, place: Place) -> Ceiling:
    return allowance.budget.month if place.month else allowance.budget.day


def refuse_if_over(
    allowance: Allowance, place: Place, taken: Amount, amount: Amount, *, now_ms: int
) -> None:
    """Raises `OverBudget` where `taken` (spent and held) leaves too little for the amount."""
    ceiling = ceiling_of(allowance, place)
    for kind, limit, had, more in zip(
        ("money", "tokens", "requests"), ceiling, taken, amount, strict=True
    ):
        if limit is not None and more and had + more > limit:
            shown = [
                str(Money(each)) if kind == "money" else f"{each:,}" for each in (limit, had, more)
            ]
            raise OverBudget(
                f"Limit of {kind} for {allowance.name} in this "
                f"{'month' if place.month else 'day'}: {shown[0]}; spent or reserved: {shown[1]}; "
                f"this request may take up to {shown[2]}.",
                retry_after_seconds=(place.end_ms - now_ms) / 1_000,
            )


def presses(allowance: Allowance, place: Place, taken: Amount) -> bool:
    """Has the share been reached from which on the small model serves?"""
    share = allowance.budget.downgrade_at
    return share is not None and _reached(ceiling_of(allowance, place), taken, share)


def alerts_between(
    allowance: Allowance, place: Place, before: Amount, after: Amount
) -> tuple[Alert, ...]:
    """Shares that were not reached before and are now."""
    ceiling = ceiling_of(allowance, place)
    return tuple(
        Alert(place.account, allowance.name, place.month, place.start_ms, share)
        for share in allowance.budget.alert_at
        if _reached(ceiling, after, share) and not _reached(ceiling, before, share)
    )


def _reached(ceiling: Ceiling, taken: Amount, share: float) -> bool:
    return any(
        limit is not None and limit > 0 and had >= share * limit
        for limit, had in zip(ceiling, taken, strict=True)
    )
