"""Accounts in the memory of one process."""

import itertools
from collections.abc import Sequence
from threading import Lock

from passerelle.domain.budgets.limits import Amount
from passerelle.domain.budgets.periods import Periods, periods_at
from passerelle.domain.budgets.reservations import (
    Alert,
    Allowance,
    Place,
    Reservation,
    Standing,
    alerts_between,
    places_of,
    presses,
    refuse_if_over,
)

_NOTHING = Amount()
_SWEEP_ABOVE = 20_000


class Calendar:
    """Periods by time zone: nearly every request falls in the same day as the one before it."""

    def __init__(self) -> None:
        self._known: dict[str, Periods] = {}

    def at(self, now_ms: int, time_zone: str) -> Periods:
        known = self._known.get(time_zone)
        if known is None or not known.day_start_ms <= now_ms < known.day_end_ms:
            known = self._known[time_zone] = periods_at(now_ms, time_zone)
        return known


class _Sums:
    __slots__ = ("held", "spent")

    def __init__(self) -> None:
        self.spent = _NOTHING
        self.held = _NOTHING


class MemoryPurse:
    """Implements `Purse`; safe to use from several threads."""

    def __init__(self) -> None:
        self._sums: dict[Place, _Sums] = {}
        self._open: set[int] = set()
        self._numbers = itertools.count(1)
        self._calendar = Calendar()
        self._sweep_at = _SWEEP_ABOVE
        self._lock = Lock()

    def reserve(
        self, allowances: Sequence[Allowance], amount: Amount, *, now_ms: int
    ) -> Reservation:
        if min(amount) < 0:
            raise ValueError("a reservation cannot be negative")
        with self._lock:
            draws = self._draws(allowances, now_ms)
            downgrade = False
            for allowance, place in draws:
                sums = self._at(place)
                taken = plus(sums.spent, sums.held)
                refuse_if_over(allowance, place, taken, amount, now_ms=now_ms)
                downgrade = downgrade or presses(allowance, place, taken)
            for _, place in draws:
                sums = self._sums[place]
                sums.held = plus(sums.held, amount)
            reservation = Reservation(next(self._numbers), amount, draws, downgrade)
            self._open.add(reservation.number)
            if len(self._sums) > self._sweep_at:
                self._forget_old(now_ms)
            return reservation

    def settle(self, reservation: Reservation, actual: Amount) -> tuple[Alert, ...]:
        with self._lock:
            if reservation.number not in self._open:
                raise ValueError("the reservation has already ended")
            self._end(reservation)
            alerts: tuple[Alert, ...] = ()
            for allowance, place in reservation.draws:
                sums = self._at(place)
                before, sums.spent = sums.spent, plus(sums.spent, actual)
                alerts += alerts_between(allowance, place, before, sums.spent)
            return alerts

    def void(self, reservation: Reservation) -> None:
        with self._lock:
            if reservation.number in self._open:
                self._end(reservation)

    def load(self, allowance: Allowance, spent: Amount, *, at_ms: int) -> None:
        with self._lock:
            for _, place in self._draws((allowance,), at_ms):
                sums = self._at(place)
                sums.spent = plus(sums.spent, spent)

    def standing(self, allowance: Allowance, *, now_ms: int) -> Standing:
        with self._lock:
            periods = self._calendar.at(now_ms, allowance.budget.time_zone)
            account = allowance.account
            day = Place(account, False, periods.day_start_ms, periods.day_end_ms)
            month = Place(account, True, periods.month_start_ms, periods.month_end_ms)
            days, months = (self._sums.get(place, _Sums()) for place in (day, month))
            return Standing(days.spent, months.spent, days.held, months.held, periods)

    def _draws(
        self, allowances: Sequence[Allowance], now_ms: int
    ) -> tuple[tuple[Allowance, Place], ...]:
        return tuple(
            (allowance, place)
            for allowance in allowances
            for place in places_of(allowance, self._calendar.at(now_ms, allowance.budget.time_zone))
        )

    def _at(self, place: Place) -> _Sums:
        sums = self._sums.get(place)
        if sums is None:
            sums = self._sums[place] = _Sums()
        return sums

    def _end(self, reservation: Reservation) -> None:
        self._open.remove(reservation.number)
        for _, place in reservation.draws:
            sums = self._at(place)
            sums.held = less(sums.held, reservation.amount)

    def _forget_old(self, now_ms: int) -> None:
        """Periods that have ended and hold nothing."""
        self._sums = {
            place: sums
            for place, sums in self._sums.items()
            if place.end_ms > now_ms or sums.held != _NOTHING
        }
        self._sweep_at = max(_SWEEP_ABOVE, 2 * len(self._sums))


def plus(one: Amount, other: Amount) -> Amount:
    return Amount(one.nano + other.nano, one.tokens + other.tokens, one.requests + other.requests)


def less(one: Amount, other: Amount) -> Amount:
    return Amount(one.nano - other.nano, one.tokens - other.tokens, one.requests - other.requests)
