"""The one thread that writes the ledger: what queued during the last flush is the next batch.

A commit costs far more than a record, so records of an event loop are handed over
together: as long as each turn of the loop brings more of them, and no longer.
An idle loop hands over at once; no clock is involved.
"""

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from passerelle.adapters.store.connection import BUSY_SECONDS, open_writer, transaction
from passerelle.adapters.store.ledger_rows import (
    INSERT_CHECKPOINTS,
    INSERT_CONTENTS,
    INSERT_ENTRIES,
    MOVE_HEAD,
    Value,
    row_of,
)
from passerelle.adapters.store.ledger_tail import (
    Tail,
    follow,
    found_ledger,
    newest_note,
    read_tail,
)
from passerelle.adapters.store.ledger_turns import turn
from passerelle.core.values.errors import NotFound, Refusal
from passerelle.domain.ledger.chain import Extension, Sealed, extend
from passerelle.domain.ledger.checkpoints import Checkpoint, Signer, signed_note
from passerelle.domain.ledger.entries import Entry, LedgerDamaged, LedgerUnavailable

MOST_WAITING = 10_000
"""Records that may wait for the disk."""
MOST_WAITING_BYTES = 128 * 2**20
LARGEST_BATCH = 512
LARGEST_BATCH_BYTES = 16 * 2**20
MOST_TURNS = 8
"""Turns of an event loop over which its records are gathered, while each brings more."""
_CLOSED = "It is closed."

Outcome: TypeAlias = Entry | Refusal


class Request(NamedTuple):
    """A record that waits to be written, and who waits for it."""

    sealed: Sealed
    size: int
    """Bytes, roughly."""
    loop: asyncio.AbstractEventLoop
    waiter: asyncio.Future[Entry]


class LedgerWriter:
    """Takes records from any event loop; each waiter hears of it once the batch is on the disk."""

    def __init__(self, path: Path, signer: Signer) -> None:
        self._path = path
        self._signer = signer
        self._queue: queue.SimpleQueue[list[Request]] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._gathered: dict[asyncio.AbstractEventLoop, list[Request]] = {}
        self._waiting = 0
        self._waiting_bytes = 0
        self._closed = False
        self._current: list[Request] = []
        self._taken: deque[Request] = deque()
        self._drained = False
        self._connection: sqlite3.Connection | None = None
        self._tail: Tail | None = None
        self._connected()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, sealed: Sealed) -> asyncio.Future[Entry]:
        """Queues a record. Raises `LedgerUnavailable` at once when it cannot be taken."""
        loop = asyncio.get_running_loop()
        size = len(sealed.fields) + (len(sealed.content.body) if sealed.content else 0)
        request = Request(sealed, size, loop, loop.create_future())
        with self._gate:
            if self._closed:
                raise LedgerUnavailable(_CLOSED)
            if self._waiting >= MOST_WAITING or self._waiting_bytes >= MOST_WAITING_BYTES:
                raise LedgerUnavailable("Too many records wait for the disk.")
            self._waiting += 1
            self._waiting_bytes += size
            gathered = self._gathered.setdefault(loop, [])
            gathered.append(request)
        if len(gathered) == 1:
            loop.call_soon(self._gather, loop, 0, MOST_TURNS)
        return request.waiter

    def _gather(self, loop: asyncio.AbstractEventLoop, before: int, turns: int) -> None:
        """Hands over what a loop has gathered, unless this turn brought more of it."""
        count = len(self._gathered.get(loop, ()))
        if before < count < LARGEST_BATCH and turns:
            loop.call_soon(self._gather, loop, count, turns - 1)
        else:
            with self._gate:
                self._hand_over(loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if requests := self._gathered.pop(loop, None):
            self._queue.put(requests)

    def close(self) -> None:
        """Writes what is queued, folds the write-ahead log into the file, ends the thread."""
        with self._gate:
            if not self._closed:
                self._closed = True
                for loop in tuple(self._gathered):
                    self._hand_over(loop)
                self._queue.put([])
        self._thread.join()

    def _run(self) -> None:
        try:
            for batch in self._batches():
                self._current = batch
                self._flush(batch)
                self._current = []
        finally:
            self._end()

    def _batches(self) -> Iterator[list[Request]]:
        """Ends once the writer is closed, which an empty list says, and all is written."""
        taken = self._taken
        while taken or not self._drained:
            if not taken:
                self._take(self._queue.get())
            if taken:
                batch: list[Request] = []
                self._fill_up(batch)
                yield batch

    def _fill_up(self, batch: list[Request]) -> None:
        """With what has queued. An erasure is its own batch."""
        with suppress(queue.Empty):
            while len(batch) + len(self._taken) < LARGEST_BATCH:
                self._take(self._queue.get_nowait())
        size = sum(request.size for request in batch)
        while self._taken and len(batch) < LARGEST_BATCH and size < LARGEST_BATCH_BYTES:
            if batch and (_erases(batch[0]) or _erases(self._taken[0])):
                return
            batch.append(self._taken.popleft())
            size += batch[-1].size

    def _take(self, requests: list[Request]) -> None:
        self._taken += requests
        self._drained = self._drained or not requests

    def _flush(self, batch: list[Request]) -> None:
        outcomes: Sequence[Outcome]
        try:
            with turn(self._path.parent, seconds=BUSY_SECONDS):
                self._fill_up(batch)  # with what came while others wrote
                outcomes = self._commit([request.sealed for request in batch])
        except NotFound as refusal:
            outcomes = [refusal]
        except LedgerDamaged as refusal:
            self._disconnect()
            outcomes = [LedgerUnavailable(refusal.message) for _ in batch]
        except sqlite3.Error as error:
            self._disconnect()
            outcomes = [LedgerUnavailable(f"The disk says: {error}.") for _ in batch]
        with self._gate:
            self._waiting -= len(batch)
            self._waiting_bytes -= sum(request.size for request in batch)
        _tell(batch, outcomes)

    def _commit(self, batch: list[Sealed]) -> list[Entry]:
        connection = self._connected()
        with transaction(connection):
            tail = self._followed(connection)
            if batch[0].erases is not None:
                _remove(connection, batch[0].erases)
            added = extend(tail.tip, batch)
            checkpoint = Checkpoint(added.tip.size, added.tip.tree.root())
            note = signed_note(checkpoint, self._signer)
            _insert(connection, batch, added, self._signer)
            connection.execute(MOVE_HEAD, [note])
        self._tail = Tail(added.tip, note)
        if batch[0].erases is not None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return added.entries

    def _followed(self, connection: sqlite3.Connection) -> Tail:
        """The tail as it is now: another process may have added to it."""
        if self._tail is None:
            return read_tail(connection, self._signer)
        if newest_note(connection) == self._tail.note:
            return self._tail
        return follow(connection, self._tail.tip, self._signer)

    def _connected(self) -> sqlite3.Connection:
        """Opens the file when there is no connection, and refuses a tail that was tampered with."""
        if self._connection is None:
            connection = open_writer(self._path)
            try:
                with transaction(connection):
                    found_ledger(connection, self._signer)
                    self._tail = read_tail(connection, self._signer)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        """After a failure nothing in memory is believed: the next batch reads the file again."""
        self._tail = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self) -> None:
        with self._gate:
            self._closed = True
        left = [*self._current, *self._taken]
        with suppress(queue.Empty):
            while True:
                left += self._queue.get_nowait()
        _tell(left, [LedgerUnavailable(_CLOSED) for _ in left])
        if self._connection is not None:
            with closing(self._connection), suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _erases(request: Request) -> bool:
    return request.sealed.erases is not None


def _insert(
    connection: sqlite3.Connection, batch: list[Sealed], added: Extension, signer: Signer
) -> None:
    entries: list[Value] = []
    contents: list[Value] = []
    for entry, sealed in zip(added.entries, batch, strict=True):
        entries += row_of(entry)
        if sealed.content:
            contents += (entry.sequence, sealed.content.salt, sealed.content.body)
    INSERT_ENTRIES.run(connection, entries)
    INSERT_CONTENTS.run(connection, contents)
    for milestone in added.milestones:
        note = signed_note(milestone.checkpoint, signer)
        INSERT_CHECKPOINTS.run(connection, [milestone.number, note, milestone.block])


def _remove(connection: sqlite3.Connection, commitment: str) -> None:
    removed = connection.execute(
        "DELETE FROM ledger_contents WHERE sequence = "
        "(SELECT sequence FROM ledger_entries WHERE commitment = ? AND commitment <> '')",
        [commitment],
    )
    if removed.rowcount == 0:
        raise NotFound("This content was erased before, or never kept.")


def _tell(batch: Sequence[Request], outcomes: Sequence[Outcome]) -> None:
    """One wake-up for each event loop, however many wait on it."""
    told: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Entry], Outcome]]]
    told = defaultdict(list)
    for request, outcome in zip(batch, outcomes, strict=True):
        told[request.loop].append((request.waiter, outcome))
    for loop, waiters in told.items():
        with suppress(RuntimeError):  # the loop was closed while its record was on the way
            loop.call_soon_threadsafe(_settle, waiters)


def _settle(waiters: Sequence[tuple[asyncio.Future[Entry], Outcome]]) -> None:
    for waiter, outcome in waiters:
        if waiter.done():
            continue
        if isinstance(outcome, Refusal):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)
