"""One file of numbers that the workers of a gateway map into their memory.

    header        magic, numbers of places, callers and workers, salt
    places        64 bytes each: hash, end in ms, spent and held (nano-USD, tokens, requests)
    callers       16 bytes each: hash, due time in monotonic nanoseconds
    for each worker, 24 bytes for each place: what it holds itself

Everything is a signed 64-bit integer. A table is open-addressed with linear probing; a
slot whose time is over may be taken for another key and is never emptied, so that the
slots behind it stay reachable. Two keys are one where 64 bits of a keyed hash are equal.
"""

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import compress
from pathlib import Path
from types import TracebackType
from typing import Final

from passerelle.core.values.errors import Unavailable

PLACES: Final = 2**17
"""Periods of accounts that can be under way at once; the file is sparse."""
CALLERS: Final = 2**17
MOST_PROBES: Final = 1_024
"""A key that finds no slot within so many has found the table full."""
PLACE_WORDS: Final = 8
CALLER_WORDS: Final = 2
HELD_WORDS: Final = 3
_HEADER: Final = struct.Struct("<8s3q8s")
_HEADER_WORDS: Final = 8
_MAGIC: Final = b"limits1\n"
_WORD: Final = 8
_OWNER_ONLY: Final = 0o600


class LimitsFull(Unavailable):
    """Too many budgets and limits are in use at once."""

    code = "limits_full"


class SharedWords:
    """The mapped file and its lock: `with words:` shuts out every thread and every process.

    The system frees the lock of a process that has died.
    """

    def __init__(self, path: Path, *, worker: int = 0) -> None:
        """`worker` is from 1 on; 0 is whoever looks after them, and holds nothing itself."""
        self._threads = threading.Lock()
        self._file = os.open(path, os.O_RDWR)
        self._map = mmap.mmap(self._file, 0)
        magic, places, callers, self.workers, self._salt = _HEADER.unpack_from(self._map)
        if magic != _MAGIC or not 0 <= worker <= self.workers:
            raise Unavailable(f"{path} is not of this gateway.")
        self.places: int = places
        self.callers: int = callers
        self.worker = worker
        self.words = memoryview(self._map).cast("q")

    @staticmethod
    def create(
        path: Path, *, workers: int, places: int = PLACES, callers: int = CALLERS
    ) -> "SharedWords":
        """A new file under that name, all zero; who has mapped an older one keeps that."""
        path.unlink(missing_ok=True)
        words = _HEADER_WORDS + places * PLACE_WORDS + callers * CALLER_WORDS
        words += workers * places * HELD_WORDS
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        try:
            os.truncate(file, words * _WORD)
            os.pwrite(file, _HEADER.pack(_MAGIC, places, callers, workers, os.urandom(8)), 0)
        finally:
            os.close(file)
        return SharedWords(path)

    def __enter__(self) -> None:
        self._threads.acquire()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        self.words.release()
        self._map.close()
        os.close(self._file)

    def hash(self, key: str) -> int:
        """Never 0, which marks an empty slot."""
        digest = blake2b(key.encode(), digest_size=_WORD, key=self._salt).digest()
        return int.from_bytes(digest, "little", signed=True) or 1

    def place(self, slot: int) -> int:
        """Index of the first word."""
        return _HEADER_WORDS + slot % self.places * PLACE_WORDS

    def caller(self, slot: int) -> int:
        return _HEADER_WORDS + self.places * PLACE_WORDS + slot % self.callers * CALLER_WORDS

    def holding(self, place: int, worker: int) -> int:
        """Index of the first word of what a worker holds of the place at that index."""
        slot = (place - _HEADER_WORDS) // PLACE_WORDS
        return self._holdings(worker) + slot * HELD_WORDS

    def held_by(self, worker: int) -> Iterable[tuple[int, int]]:
        """Indices of (place, holding) where the worker holds something."""
        first = self._holdings(worker)
        for slot in self._filled(first, self.places, HELD_WORDS, range(HELD_WORDS)):
            yield self.place(slot), first + slot * HELD_WORDS

    def places_with(self, columns: range) -> Iterable[int]:
        """Indices of the places where one of these words is not 0."""
        return map(self.place, self._filled(_HEADER_WORDS, self.places, PLACE_WORDS, columns))

    def find(self, index: Callable[[int], int], hashed: int) -> int | None:
        """Index of the key's slot."""
        for probe in range(MOST_PROBES):
            at = index(hashed + probe)
            if self.words[at] == hashed:
                return at
            if not self.words[at]:
                break
        return None

    def find_or_take(
        self, index: Callable[[int], int], hashed: int, is_over: Callable[[int], bool]
    ) -> int:
        """Index of the key's slot, or of a new one. Raises `LimitsFull`."""
        words, free = self.words, None
        for probe in range(MOST_PROBES):
            at = index(hashed + probe)
            if words[at] == hashed:
                return at
            if free is None and (not words[at] or is_over(at)):
                free = at
            if not words[at]:
                break
        if free is None:
            raise LimitsFull
        words[free] = hashed
        return free

    def _filled(self, first: int, rows: int, width: int, columns: range) -> set[int]:
        """Rows of a table that are not 0 in all of these columns."""
        end = first + rows * width
        return {
            row
            for column in columns
            for row in compress(range(rows), self.words[first + column : end : width])
        }

    def _holdings(self, worker: int) -> int:
        tables = self.places * PLACE_WORDS + self.callers * CALLER_WORDS
        return _HEADER_WORDS + tables + (worker - 1) * self.places * HELD_WORDS
