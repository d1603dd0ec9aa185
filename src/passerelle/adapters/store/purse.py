"""Accounts in the memory of one process."""

import itertools
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from passerelle.domain.budgets.limits import Amount
from passerelle.domain.budgets.periods import Periods, periods_at
from passerelle.domain.budgets.reservations import (
    Alert,
    Allowance,
    Place,
    Reservation,
    Standing,
)
from passerelle.domain.budgets.sums import WIDTH, Row, give_back, hold, places_of, spend

_REMEMBERED = 20_000
_SWEEP_ABOVE = 20_000
RowT = TypeVar("RowT", bound=Row)


class Calendar:
    """Periods by time zone: nearly every request falls in the same day as the one before it."""

    def __init__(self) -> None:
        self._known: dict[str, Periods] = {}

    def at(self, now_ms: int, time_zone: str) -> Periods:
        known = self._known.get(time_zone)
        if known is None or not known.day_start_ms <= now_ms < known.day_end_ms:
            known = self._known[time_zone] = periods_at(now_ms, time_zone)
        return known


class _Known(NamedTuple, Generic[RowT]):
    allowances: Sequence[Allowance]
    start_ms: int
    end_ms: int
    rows: tuple[RowT, ...]


class Rows(Generic[RowT]):
    """The rows that requests draw on: found once a day for those who hand in the same tuple."""

    def __init__(self, find: Callable[[Allowance, Place, int], RowT]) -> None:
        """`find` also gets the time."""
        self._find = find
        self._calendar = Calendar()
        self._known: dict[int, _Known[RowT]] = {}

    def of(self, allowances: Sequence[Allowance], now_ms: int) -> tuple[RowT, ...]:
        known = self._known.get(id(allowances))
        if (
            known is not None
            and known.allowances is allowances
            and known.start_ms <= now_ms < known.end_ms
        ):
            return known.rows
        periods = [self.periods(each, now_ms) for each in allowances]
        rows = tuple(
            self._find(allowance, place, now_ms)
            for allowance, at in zip(allowances, periods, strict=True)
            for place in places_of(allowance, at)
        )
        if rows and type(allowances) is tuple:  # what can change is not recognised
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            start_ms = max(each.day_start_ms for each in periods)
            end_ms = min(each.day_end_ms for each in periods)
            self._known[id(allowances)] = _Known(allowances, start_ms, end_ms, rows)
        return rows

    def periods(self, allowance: Allowance, now_ms: int) -> Periods:
        return self._calendar.at(now_ms, allowance.budget.time_zone)


class MemoryPurse:
    """Implements `Purse`; safe to use from several threads."""

    def __init__(self) -> None:
        self._sums: dict[Place, list[int]] = {}
        self._rows = Rows(self._row)
        self._open: dict[int, tuple[Row, ...]] = {}
        self._numbers = itertools.count(1)
        self._sweep_at = _SWEEP_ABOVE
        self._lock = Lock()

    def reserve(
        self, allowances: Sequence[Allowance], amount: Amount, *, now_ms: int
    ) -> Reservation:
        if min(amount) < 0:
            raise ValueError("a reservation cannot be negative")
        with self._lock:
            rows = self._rows.of(allowances, now_ms)
            small = hold(rows, amount, now_ms)
            number = next(self._numbers)
            self._open[number] = rows
            if len(self._sums) > self._sweep_at:
                self._forget_old(now_ms)
            return Reservation(number, amount, small)

    def settle(self, reservation: Reservation, actual: Amount) -> tuple[Alert, ...]:
        with self._lock:
            rows = self._open.pop(reservation.number, None)
            if rows is None:
                raise ValueError("the reservation has already ended")
            give_back(rows, reservation.amount)
            return spend(rows, actual)

    def void(self, reservation: Reservation) -> None:
        with self._lock:
            give_back(self._open.pop(reservation.number, ()), reservation.amount)

    def load(self, allowance: Allowance, spent: Amount, *, at_ms: int) -> None:
        with self._lock:
            spend(self._rows.of([allowance], at_ms), spent)

    def standing(self, allowance: Allowance, *, now_ms: int) -> Standing:
        with self._lock:
            periods = self._rows.periods(allowance, now_ms)
            return standing_of(allowance, periods, self._sums.get)

    def _row(self, allowance: Allowance, place: Place, _now_ms: int) -> Row:
        sums = self._sums.get(place)
        if sums is None:
            sums = self._sums[place] = [0] * WIDTH
        return Row(allowance, place, sums, 0)

    def _forget_old(self, now_ms: int) -> None:
        """Periods that have ended and hold nothing."""
        self._sums = {
            place: sums
            for place, sums in self._sums.items()
            if place.end_ms > now_ms or any(sums[3:])
        }
        self._sweep_at = max(_SWEEP_ABOVE, 2 * len(self._sums))


def standing_of(
    allowance: Allowance, periods: Periods, sums_of: Callable[[Place], Sequence[int] | None]
) -> Standing:
    """`sums_of` gives the six numbers of a period; None where nothing was ever taken."""
    account = allowance.account
    day = Place(account, False, periods.day_start_ms, periods.day_end_ms)
    month = Place(account, True, periods.month_start_ms, periods.month_end_ms)
    days, months = (sums_of(place) or [0] * WIDTH for place in (day, month))
    return Standing(
        Amount(*days[:3]), Amount(*months[:3]), Amount(*days[3:]), Amount(*months[3:]), periods
    )
