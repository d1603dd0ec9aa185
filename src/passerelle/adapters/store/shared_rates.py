"""Limits by the minute for the workers of one gateway, in memory that they share."""

from collections.abc import Sequence
from functools import lru_cache

from passerelle.adapters.store.shared_words import SharedWords
from passerelle.domain.budgets.rates import RateLimit, RateStanding, correct, take

_DUE = 1
"""Word of a caller."""
_REMEMBERED = 20_000


class SharedRates:
    """Implements `Rates` and `Slots`; the monotonic clock of a machine is the same for all."""

    def __init__(self, words: SharedWords) -> None:
        self._words = words
        self._now_ns = 0
        self._hash = lru_cache(_REMEMBERED)(words.hash)

    def take(self, limits: Sequence[RateLimit], *, tokens: int, now_ns: int) -> RateStanding:
        with self._words:
            self._now_ns = now_ns
            return take(self, limits, tokens=tokens, now_ns=now_ns)

    def correct(
        self, limits: Sequence[RateLimit], *, estimated: int, actual: int, now_ns: int
    ) -> None:
        with self._words:
            self._now_ns = now_ns
            correct(self, limits, estimated=estimated, actual=actual, now_ns=now_ns)

    def read(self, key: str) -> int:
        words = self._words
        at = words.find(words.caller, self._hash(key))
        return 0 if at is None else words.words[at + _DUE]

    def write(self, key: str, due_ns: int) -> None:
        words = self._words
        at = words.find_or_take(words.caller, self._hash(key), self._is_over)
        words.words[at + _DUE] = due_ns

    def _is_over(self, slot: int) -> bool:
        """Who is not ahead of time is the same as one never seen."""
        return self._words.words[slot + _DUE] <= self._now_ns
