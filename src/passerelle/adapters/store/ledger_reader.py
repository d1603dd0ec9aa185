"""Reading the ledger beside whoever writes it, in this process or another."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from passerelle.adapters.store.connection import open_reader
from passerelle.adapters.store.ledger_rows import COLUMNS, entry_of
from passerelle.adapters.store.ledger_tail import newest_note
from passerelle.core.values.errors import NotFound
from passerelle.domain.ledger.checkpoints import (
    InvalidCheckpoint,
    Verifier,
    key_id,
    open_note,
)
from passerelle.domain.ledger.entries import (
    Entry,
    Head,
    Inclusion,
    LedgerDamaged,
    LedgerUnreadable,
)
from passerelle.domain.ledger.proofs import inclusion_path, nodes_over
from passerelle.domain.ledger.tables import Row

MOST_FAULTS = 20


class LedgerReader:
    """Queries and proofs over a connection of its own; safe from any thread."""

    def __init__(self, path: Path, verifier: Verifier) -> None:
        self.verifier = verifier
        self._path = path
        self._lock = threading.Lock()
        with _mapped():
            self._connection = open_reader(path)

    def entries(
        self,
        *,
        organisation: str,
        before: int | None = None,
        limit: int = 50,
        event: str = "",
        usecase: str = "",
    ) -> tuple[Entry, ...]:
        wanted: dict[str, str | int] = {"organisation = ?": organisation}
        if event:
            wanted["event = ?"] = event
        if usecase:
            wanted["usecase = ?"] = usecase
        if before is not None:
            wanted["sequence < ?"] = before
        return self._entries(
            f"{' AND '.join(wanted)} ORDER BY sequence DESC LIMIT ?", [*wanted.values(), limit]
        )

    def of_subject(self, subject: str, *, organisation: str) -> tuple[Entry, ...]:
        return self._entries(
            "subject = ? AND organisation = ? ORDER BY sequence", [subject, organisation]
        )

    def content(self, commitment: str) -> bytes | None:
        found = self._rows(
            "SELECT body FROM ledger_contents JOIN ledger_entries USING (sequence) "
            "WHERE commitment = ? AND commitment <> ''",
            [commitment],
        )
        return found[0][0] if found else None

    def head(self) -> Head:
        with self._lock, _mapped(), _reading(self._connection):
            return self._head()

    def inclusion(self, sequence: int) -> Inclusion:
        with self._lock, _mapped(), _reading(self._connection):
            head = self._head()
            if not 1 <= sequence <= head.size:
                raise NotFound(f"There is no entry {sequence}.")
            found = self._connection.execute(
                "SELECT block FROM ledger_checkpoints WHERE place > 0 ORDER BY place"
            )
            nodes = nodes_over([block for (block,) in found], self._leaves)
            path = inclusion_path(sequence - 1, head.size, nodes)
        siblings = tuple(sibling.hex() for sibling in path)
        return Inclusion(sequence, head.size, head.root, siblings, head.note)

    @contextmanager
    def snapshot(self) -> Iterator["SqliteSnapshot"]:
        with (
            _mapped(),
            closing(open_reader(self._path)) as connection,
            closing(open_reader(self._path)) as surveying,
            ThreadPoolExecutor(1) as pool,
            _reading(connection),
        ):
            survey = pool.submit(_survey, surveying)
            try:
                yield SqliteSnapshot(connection, survey)
            finally:
                surveying.interrupt()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _entries(self, condition: str, values: Sequence[str | int]) -> tuple[Entry, ...]:
        query = f"SELECT {COLUMNS} FROM ledger_entries WHERE {condition}"  # noqa: S608
        return tuple(entry_of(row) for row in self._rows(query, values))

    def _rows(self, query: str, values: Sequence[str | int]) -> list[tuple[bytes, ...]]:
        with self._lock, _mapped():
            return self._connection.execute(query, values).fetchall()

    def _head(self) -> Head:
        note = newest_note(self._connection)
        try:
            checkpoint = open_note(note or "", self.verifier)
        except InvalidCheckpoint as error:
            raise LedgerDamaged(f"Of its signed checkpoint: {error}.") from error
        newest = self._connection.execute(
            "SELECT at_ms FROM ledger_entries WHERE sequence = ?", [checkpoint.size]
        ).fetchone()
        return Head(
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            at_ms=newest[0] if newest else 0,
            key_id=key_id(self.verifier).hex(),
            note=str(note),
        )

    def _leaves(self, start: int, end: int) -> list[bytes]:
        found = self._connection.execute(
            "SELECT hash FROM ledger_entries WHERE sequence > ? AND sequence <= ? "
            "ORDER BY sequence",
            [start, end],
        )
        return [bytes.fromhex(leaf) for (leaf,) in found]


@dataclass(frozen=True, slots=True)
class Survey:
    """What SQLite itself finds, on another core, while entries are hashed on this one."""

    stray: list[int]
    damage: list[str]


class SqliteSnapshot:
    """All ledger tables at one moment; the survey's moment may be a little later."""

    def __init__(self, connection: sqlite3.Connection, survey: Future[Survey]) -> None:
        self._connection = connection
        self._survey = survey

    def entries(self) -> Iterator[Row]:
        columns = ", ".join(f"entry.{column}" for column in COLUMNS.split(", "))
        return self._read(
            f"SELECT {columns}, content.salt, content.body FROM ledger_entries AS entry "  # noqa: S608
            "LEFT JOIN ledger_contents AS content ON content.sequence = entry.sequence "
            "ORDER BY entry.sequence"
        )

    def checkpoints(self) -> Iterator[Row]:
        return self._read("SELECT place, note, block FROM ledger_checkpoints ORDER BY place")

    def stray_contents(self) -> Iterator[int]:
        with _mapped():
            return iter(self._survey.result().stray)

    def damage(self) -> Iterator[str]:
        with _mapped():
            return iter(self._survey.result().damage)

    def _read(self, query: str) -> Iterator[Row]:
        with _mapped():
            yield from self._connection.execute(query)


def _survey(connection: sqlite3.Connection) -> Survey:
    stray = connection.execute(
        "SELECT sequence FROM ledger_contents "
        "WHERE sequence NOT IN (SELECT sequence FROM ledger_entries)"
    ).fetchall()
    damage = connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})").fetchall()
    return Survey(
        [sequence for (sequence,) in stray], [fault for (fault,) in damage if fault != "ok"]
    )


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnreadable(f"SQLite says: {error}.") from error


@contextmanager
def _reading(connection: sqlite3.Connection) -> Iterator[None]:
    """One moment, whatever is written meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
