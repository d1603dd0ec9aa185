"""Accounts in the memory of one process."""

import itertools
from collections import defaultdict
from threading import Lock

from passerelle.core.values.money import Money
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.periods import Periods, periods_at
from passerelle.domain.budgets.reservations import OverBudget, Reservation, Standing

_KEPT_PERIODS = 3


class _Account:
    """Sums by the start of their period: a late settlement counts where it was reserved."""

    def __init__(self) -> None:
        self.spent: dict[str, dict[int, int]] = {"day": defaultdict(int), "month": defaultdict(int)}
        self.held: dict[str, dict[int, int]] = {"day": defaultdict(int), "month": defaultdict(int)}
        self.open: set[int] = set()

    def spend(self, periods: Periods, nano: int) -> None:
        self.spent["day"][periods.day_start_ms] += nano
        self.spent["month"][periods.month_start_ms] += nano

    def hold(self, periods: Periods, nano: int) -> None:
        self.held["day"][periods.day_start_ms] += nano
        self.held["month"][periods.month_start_ms] += nano

    def forget_old(self) -> None:
        for sums in self.spent.values():
            for start in sorted(sums)[:-_KEPT_PERIODS]:
                del sums[start]
        for sums in self.held.values():
            for start in [start for start, nano in sums.items() if not nano]:
                del sums[start]

    def standing(self, periods: Periods) -> Standing:
        day, month = periods.day_start_ms, periods.month_start_ms
        return Standing(
            day_spent_nano=self.spent["day"].get(day, 0),
            month_spent_nano=self.spent["month"].get(month, 0),
            day_held_nano=self.held["day"].get(day, 0),
            month_held_nano=self.held["month"].get(month, 0),
            periods=periods,
        )


class MemoryPurse:
    """Implements `Purse`; safe to use from several threads."""

    def __init__(self) -> None:
        self._accounts: defaultdict[str, _Account] = defaultdict(_Account)
        self._numbers = itertools.count(1)
        self._periods: dict[str, Periods] = {}
        self._lock = Lock()

    def reserve(
        self, account: str, budget: Budget, *, amount_nano: int, now_ms: int
    ) -> Reservation:
        if amount_nano < 0:
            raise ValueError("a reservation cannot be negative")
        with self._lock:
            periods = self._periods_at(now_ms, budget.time_zone)
            books = self._accounts[account]
            _refuse_if_over(books.standing(periods), budget, amount_nano, now_ms)
            reservation = Reservation(next(self._numbers), account, amount_nano, periods)
            books.open.add(reservation.number)
            books.hold(periods, amount_nano)
            return reservation

    def settle(self, reservation: Reservation, *, actual_nano: int) -> None:
        with self._lock:
            books = self._accounts[reservation.account]
            if reservation.number not in books.open:
                raise ValueError("the reservation has already ended")
            self._end(books, reservation)
            books.spend(reservation.periods, actual_nano)
            books.forget_old()

    def void(self, reservation: Reservation) -> None:
        with self._lock:
            books = self._accounts[reservation.account]
            if reservation.number in books.open:
                self._end(books, reservation)

    def load(self, account: str, *, spent_nano: int, at_ms: int, time_zone: str = "UTC") -> None:
        with self._lock:
            self._accounts[account].spend(self._periods_at(at_ms, time_zone), spent_nano)

    def standing(self, account: str, budget: Budget, *, now_ms: int) -> Standing:
        with self._lock:
            return self._accounts[account].standing(self._periods_at(now_ms, budget.time_zone))

    def _end(self, books: _Account, reservation: Reservation) -> None:
        books.open.remove(reservation.number)
        books.hold(reservation.periods, -reservation.amount_nano)

    def _periods_at(self, now_ms: int, time_zone: str) -> Periods:
        # Nearly every request falls in the same day as the one before it.
        known = self._periods.get(time_zone)
        if known is None or not known.day_start_ms <= now_ms < known.day_end_ms:
            known = self._periods[time_zone] = periods_at(now_ms, time_zone)
        return known


def _refuse_if_over(standing: Standing, budget: Budget, amount_nano: int, now_ms: int) -> None:
    periods = standing.periods
    limits = (
        ("month", budget.month_nano, standing.month_spent_nano + standing.month_held_nano),
        ("day", budget.day_nano, standing.day_spent_nano + standing.day_held_nano),
    )
    ends_ms = {"month": periods.month_end_ms, "day": periods.day_end_ms}
    for kind, limit, taken in limits:
        if limit is not None and amount_nano and taken + amount_nano > limit:
            raise OverBudget(
                f"Limit of this {kind}: {Money(limit)}; spent or reserved: {Money(taken)}; "
                f"this request may cost up to {Money(amount_nano)}.",
                retry_after_seconds=(ends_ms[kind] - now_ms) / 1_000,
            )
