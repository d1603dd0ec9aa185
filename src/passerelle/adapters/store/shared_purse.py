"""Accounts for the workers of one gateway, in memory that they share."""

import itertools
from collections.abc import Sequence

from passerelle.adapters.store.purse import Calendar, less, plus
from passerelle.adapters.store.shared_words import HELD_WORDS, PLACE_WORDS, SharedWords
from passerelle.domain.budgets.limits import Amount
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

_END, _SPENT, _HELD = 1, 2, 5
"""Words of a place."""
_REMEMBERED = 20_000
_NOTHING = Amount()
_ZEROS = memoryview(bytes(8 * 2 * HELD_WORDS)).cast("q")


class SharedPurse:
    """Implements `Purse`; safe to use from several threads and processes.

    A process that dies between two words leaves what it holds itself too low or the
    sum too high, never the other way: `release` sets the sums right.
    """

    def __init__(self, words: SharedWords) -> None:
        self._words = words
        self._open: set[int] = set()
        self._numbers = itertools.count(1)
        self._calendar = Calendar()
        self._known: dict[Place, tuple[int, int]] = {}
        self._latest_ms = 0

    def reserve(
        self, allowances: Sequence[Allowance], amount: Amount, *, now_ms: int
    ) -> Reservation:
        if min(amount) < 0:
            raise ValueError("a reservation cannot be negative")
        with self._words:
            draws = self._draws(allowances, now_ms)
            downgrade = False
            slots = []
            for allowance, place in draws:
                slot = self._slot(place, now_ms)
                taken = plus(self._read(slot + _SPENT), self._read(slot + _HELD))
                refuse_if_over(allowance, place, taken, amount, now_ms=now_ms)
                downgrade = downgrade or presses(allowance, place, taken)
                slots.append(slot)
            for slot in slots:
                self._hold(slot, amount)
            reservation = Reservation(next(self._numbers), amount, draws, downgrade)
            self._open.add(reservation.number)
            return reservation

    def settle(self, reservation: Reservation, actual: Amount) -> tuple[Alert, ...]:
        with self._words:
            if reservation.number not in self._open:
                raise ValueError("the reservation has already ended")
            self._open.remove(reservation.number)
            alerts: tuple[Alert, ...] = ()
            for allowance, place in reservation.draws:
                slot = self._slot(place, place.start_ms)
                before = self._read(slot + _SPENT)
                after = plus(before, actual)
                self._write(slot + _SPENT, after)
                self._give_back(slot, reservation.amount)
                alerts += alerts_between(allowance, place, before, after)
            return alerts

    def void(self, reservation: Reservation) -> None:
        with self._words:
            if reservation.number in self._open:
                self._open.remove(reservation.number)
                for _, place in reservation.draws:
                    self._give_back(self._slot(place, place.start_ms), reservation.amount)

    def load(self, allowance: Allowance, spent: Amount, *, at_ms: int) -> None:
        with self._words:
            self._latest_ms = max(self._latest_ms, at_ms)
            for _, place in self._draws((allowance,), at_ms):
                # What is over will not be asked for: days of the past would fill the table.
                if place.end_ms > self._latest_ms:
                    slot = self._slot(place, at_ms)
                    self._write(slot + _SPENT, plus(self._read(slot + _SPENT), spent))

    def standing(self, allowance: Allowance, *, now_ms: int) -> Standing:
        with self._words:
            periods = self._calendar.at(now_ms, allowance.budget.time_zone)
            account = allowance.account
            day = Place(account, False, periods.day_start_ms, periods.day_end_ms)
            month = Place(account, True, periods.month_start_ms, periods.month_end_ms)
            (day_spent, day_held), (month_spent, month_held) = map(self._sums, (day, month))
            return Standing(day_spent, month_spent, day_held, month_held, periods)

    def release(self, worker: int) -> None:
        """Gives back what a worker that has died held."""
        words = self._words
        with words:
            for _, holding in words.held_by(worker):
                self._write(holding, _NOTHING)
            held: dict[int, Amount] = {}
            for living in range(1, words.workers + 1):
                for place, holding in words.held_by(living):
                    held[place] = plus(held.get(place, _NOTHING), self._read(holding))
            for place in words.places_with(range(_HELD, PLACE_WORDS)):
                self._write(place + _HELD, held.get(place, _NOTHING))

    def _draws(
        self, allowances: Sequence[Allowance], now_ms: int
    ) -> tuple[tuple[Allowance, Place], ...]:
        return tuple(
            (allowance, place)
            for allowance in allowances
            for place in places_of(allowance, self._calendar.at(now_ms, allowance.budget.time_zone))
        )

    def _slot(self, place: Place, now_ms: int) -> int:
        """Index of the place's first word; a new slot where it has none."""
        words = self._words.words
        known = self._known.get(place)
        if known is not None and words[known[0]] == known[1]:
            return known[0]
        hashed = self._hash(place)
        slot = self._words.find_or_take(
            self._words.place, hashed, lambda at: self._is_over(at, now_ms)
        )
        if words[slot + _END] != place.end_ms:
            words[slot + _SPENT : slot + PLACE_WORDS] = _ZEROS
            words[slot + _END] = place.end_ms
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[place] = slot, hashed
        return slot

    def _sums(self, place: Place) -> tuple[Amount, Amount]:
        slot = self._words.find(self._words.place, self._hash(place))
        if slot is None:
            return _NOTHING, _NOTHING
        return self._read(slot + _SPENT), self._read(slot + _HELD)

    def _hash(self, place: Place) -> int:
        period = f"{place.month:d} {place.start_ms} {place.end_ms}"
        return self._words.hash(f"{period} {place.account}")

    def _is_over(self, slot: int, now_ms: int) -> bool:
        """Its period has ended, and nobody holds anything of it."""
        return self._words.words[slot + _END] <= now_ms and self._read(slot + _HELD) == _NOTHING

    def _hold(self, slot: int, amount: Amount) -> None:
        self._write(slot + _HELD, plus(self._read(slot + _HELD), amount))
        own = self._words.holding(slot, self._words.worker)
        self._write(own, plus(self._read(own), amount))

    def _give_back(self, slot: int, amount: Amount) -> None:
        own = self._words.holding(slot, self._words.worker)
        self._write(own, less(self._read(own), amount))
        self._write(slot + _HELD, less(self._read(slot + _HELD), amount))

    def _read(self, at: int) -> Amount:
        words = self._words.words
        return Amount(words[at], words[at + 1], words[at + 2])

    def _write(self, at: int, amount: Amount) -> None:
        words = self._words.words
        words[at], words[at + 1], words[at + 2] = amount
