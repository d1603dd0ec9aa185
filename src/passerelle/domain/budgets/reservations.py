"""Amounts set aside before they are spent, so that a budget holds under any concurrency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from passerelle.core.values.errors import Refusal
from passerelle.domain.budgets.limits import Amount, Budget
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


class Reservation(NamedTuple):
    """An amount set aside: it ends by `settle` or `void`, once.

    It counts for the periods of its beginning, even when it is settled after midnight.
    """

    number: int
    amount: Amount
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
