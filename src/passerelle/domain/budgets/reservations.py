"""Money set aside before it is spent, so that a budget holds under any concurrency."""

from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.errors import Refusal
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.periods import Periods


class OverBudget(Refusal):
    """The budget is used up."""

    status = 429
    code = "insufficient_quota"
    kind = "insufficient_quota"


@dataclass(frozen=True, slots=True)
class Reservation:
    """An amount set aside: it ends by `settle` or `void`, once."""

    number: int
    account: str
    amount_nano: int
    periods: Periods
    """The day and month it counts for, even when it is settled after midnight."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands in its current day and month, in nano-USD."""

    day_spent_nano: int
    month_spent_nano: int
    day_held_nano: int
    """Reserved and not yet settled; not part of what is spent."""
    month_held_nano: int
    periods: Periods


class Purse(Protocol):
    """Keeps accounts exactly: spent + held never exceeds a limit at the time of reserving."""

    def reserve(
        self, account: str, budget: Budget, *, amount_nano: int, now_ms: int
    ) -> Reservation:
        """Sets an amount aside, or raises `OverBudget` and changes nothing.

        A budget that is exactly used up still admits amounts of 0, such as calls
        of models of our own.
        """
        ...

    def settle(self, reservation: Reservation, *, actual_nano: int) -> None:
        """Books what it did cost, more or less than was reserved; ValueError when it has ended."""
        ...

    def void(self, reservation: Reservation) -> None:
        """Gives the amount back; nothing happens when the reservation has ended."""
        ...

    def load(self, account: str, *, spent_nano: int, at_ms: int, time_zone: str = "UTC") -> None:
        """Books what was spent before the process started; the time zone is the budget's."""
        ...

    def standing(self, account: str, budget: Budget, *, now_ms: int) -> Standing:
        """What is spent and held now."""
        ...
