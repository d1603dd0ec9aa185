"""Accounts for the workers of one gateway, in memory that they share."""

import itertools
from collections.abc import Sequence
from operator import add

from passerelle.adapters.store.purse import Rows, standing_of
from passerelle.adapters.store.shared_words import HELD_WORDS, PLACE_WORDS, SharedWords
from passerelle.domain.budgets.limits import Amount
from passerelle.domain.budgets.reservations import (
    Alert,
    Allowance,
    Place,
    Reservation,
    Standing,
)
from passerelle.domain.budgets.sums import Row, give_back, hold, places_of, spend

_END, _SPENT, _HELD = 1, 2, 5
"""Words of a place."""
_NOTHING = (0, 0, 0)
_ZEROS = memoryview(bytes(8 * 2 * HELD_WORDS)).cast("q")


class _SharedRow(Row):
    __slots__ = ("hashed", "own")

    hashed: int
    """Of its place; another one there says that the slot was given to somebody else."""
    own: int
    """Index of what this worker holds."""


class SharedPurse:
    """Implements `Purse`; safe to use from several threads and processes.

    A process that dies between two words leaves what it holds itself too low or the
    sum too high, never the other way: `release` sets the sums right.
    """

    def __init__(self, words: SharedWords) -> None:
        self._words = words
        self._rows = Rows(self._row)
        self._open: dict[int, tuple[_SharedRow, ...]] = {}
        self._numbers = itertools.count(1)
        self._latest_ms = 0

    def reserve(
        self, allowances: Sequence[Allowance], amount: Amount, *, now_ms: int
    ) -> Reservation:
        if min(amount) < 0:
            raise ValueError("a reservation cannot be negative")
        with self._words:
            rows = self._rows.of(allowances, now_ms)
            for row in self._astray(rows):
                self._locate(row, now_ms)
            small = hold(rows, amount, now_ms)
            self._note(rows, amount, 1)
            number = next(self._numbers)
            self._open[number] = rows
            return Reservation(number, amount, small)

    def settle(self, reservation: Reservation, actual: Amount) -> tuple[Alert, ...]:
        with self._words:
            if reservation.number not in self._open:
                raise ValueError("the reservation has already ended")
            rows = self._end(reservation)
            alerts = spend(rows, actual)
            self._note(rows, reservation.amount, -1)
            give_back(rows, reservation.amount)
            return alerts

    def void(self, reservation: Reservation) -> None:
        with self._words:
            rows = self._end(reservation)
            self._note(rows, reservation.amount, -1)
            give_back(rows, reservation.amount)

    def load(self, allowance: Allowance, spent: Amount, *, at_ms: int) -> None:
        with self._words:
            self._latest_ms = max(self._latest_ms, at_ms)
            for place in places_of(allowance, self._rows.periods(allowance, at_ms)):
                # What is over will not be asked for: days of the past would fill the table.
                if place.end_ms > self._latest_ms:
                    spend([self._row(allowance, place, at_ms)], spent)

    def standing(self, allowance: Allowance, *, now_ms: int) -> Standing:
        with self._words:
            return standing_of(allowance, self._rows.periods(allowance, now_ms), self._sums)

    def release(self, worker: int) -> None:
        """Gives back what a worker that has died held."""
        table, words = self._words, self._words.words
        with table:
            for _, own in table.held_by(worker):
                words[own : own + HELD_WORDS] = _ZEROS[:HELD_WORDS]
            held: dict[int, list[int]] = {}
            for living in range(1, table.workers + 1):
                for place, own in table.held_by(living):
                    sums = held.setdefault(place, [0] * HELD_WORDS)
                    held[place] = list(map(add, sums, words[own : own + HELD_WORDS]))
            for place in table.places_with(range(_HELD, PLACE_WORDS)):
                for kind, amount in enumerate(held.get(place, _NOTHING)):
                    words[place + _HELD + kind] = amount

    def _row(self, allowance: Allowance, place: Place, now_ms: int) -> _SharedRow:
        row = _SharedRow(allowance, place, self._words.words, 0)
        row.hashed = self._hash(place)
        self._locate(row, now_ms)
        return row

    def _end(self, reservation: Reservation) -> Sequence[_SharedRow]:
        """Without periods that are over and whose slots were given away: nobody asks for them."""
        rows = self._open.pop(reservation.number, ())
        astray = self._astray(rows)
        return [row for row in rows if row not in astray] if astray else rows

    def _astray(self, rows: Sequence[_SharedRow]) -> list[_SharedRow]:
        """Those in whose slot somebody else is."""
        words = self._words.words
        return [row for row in rows if words[row.at - _SPENT] != row.hashed]

    def _locate(self, row: _SharedRow, now_ms: int) -> None:
        """Finds the slot of the row's place, or takes one for it."""
        words, end_ms = self._words.words, row.place.end_ms
        slot = self._words.find_or_take(
            self._words.place, row.hashed, lambda at: self._is_over(at, now_ms)
        )
        if words[slot + _END] != end_ms:
            words[slot + _SPENT : slot + PLACE_WORDS] = _ZEROS
            words[slot + _END] = end_ms
        row.at = slot + _SPENT
        row.own = self._words.holding(slot, self._words.worker)

    def _sums(self, place: Place) -> Sequence[int] | None:
        slot = self._words.find(self._words.place, self._hash(place))
        return None if slot is None else self._words.words[slot + _SPENT : slot + PLACE_WORDS]

    def _hash(self, place: Place) -> int:
        period = f"{place.month:d} {place.start_ms} {place.end_ms}"
        return self._words.hash(f"{period} {place.account}")

    def _is_over(self, slot: int, now_ms: int) -> bool:
        """Its period has ended, and nobody holds anything of it."""
        words = self._words.words
        return words[slot + _END] <= now_ms and not any(words[slot + _HELD : slot + PLACE_WORDS])

    def _note(self, rows: Sequence[_SharedRow], amount: Amount, sign: int) -> None:
        """What this worker holds itself."""
        words = self._words.words
        nano, tokens, requests = amount
        for row in rows:
            own = row.own
            words[own] += sign * nano
            words[own + 1] += sign * tokens
            words[own + 2] += sign * requests
