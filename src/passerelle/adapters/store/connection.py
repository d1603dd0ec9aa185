"""One SQLite file, opened in one way."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "passerelle.db"
BUSY_SECONDS = 2.0
"""How long to wait for another process that is writing."""


def open_writer(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return; what it deletes it blanks."""
    connection = _connect(path.as_uri(), busy_seconds)
    _use_write_ahead_log(connection, busy_seconds)
    for setting in ("synchronous=FULL", "fullfsync=ON", "secure_delete=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; it neither waits for writers nor holds them up."""
    connection = _connect(f"{path.as_uri()}?mode=rw", BUSY_SECONDS)
    connection.execute("PRAGMA query_only=ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Holds the write lock from the start, so that what is read stays true until the commit."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _connect(uri: str, busy_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _use_write_ahead_log(connection: sqlite3.Connection, patience_seconds: float) -> None:
    # Two processes that turn it on together do not wait for one another, unlike elsewhere.
    give_up = time.monotonic() + patience_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
