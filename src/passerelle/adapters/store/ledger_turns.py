"""Writers of several processes take turns: the kernel wakes the next one at once.

SQLite's own lock holds as well, but who waits for it sleeps and looks again, so that of
several busy processes one may wait for a second.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def turn(folder: Path, *, seconds: float) -> Iterator[None]:
    """Holds the folder's lock, which the kernel lets go when its holder dies.

    Raises `sqlite3.OperationalError`, as SQLite does, when others keep it for so long.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _Waiting(descriptor).end(seconds)
    try:
        yield
    finally:
        os.close(descriptor)


class _Waiting:
    """A thread that waits in the kernel, for that cannot be told to wait so long only."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._taken = threading.Event()
        self._gate = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._run, name="ledger-turn", daemon=True).start()

    def end(self, seconds: float) -> None:
        if self._taken.wait(seconds):
            return
        with self._gate:
            self._given_up = not self._taken.is_set()
        if self._given_up:
            raise sqlite3.OperationalError("the ledger is locked by another process")

    def _run(self) -> None:
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._gate:
            if not self._given_up:
                self._taken.set()
                return
        os.close(self._descriptor)
