"""Ledger rows in SQLite: the statements, and entries from and to columns."""

import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import TypeAlias

from passerelle.domain.ledger.entries import Entry

Value: TypeAlias = int | str | bytes
COLUMNS = ", ".join(field.name for field in fields(Entry))
WIDTH = len(fields(Entry))
NEWEST = "SELECT note FROM ledger_checkpoints WHERE place = 0"
MOVE_HEAD = (
    "INSERT INTO ledger_checkpoints (place, note, block) VALUES (0, ?, x'') "
    "ON CONFLICT (place) DO UPDATE SET note = excluded.note"
)
_CHUNKS = (64, 8, 1)


class Insertion:
    """Inserts rows many at a time: every statement costs a turn at the interpreter's lock."""

    def __init__(self, table: str, columns: str, *, width: int) -> None:
        row = f"({', '.join('?' * width)})"
        self._statements = [
            (size, f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * size)}")  # noqa: S608
            for size in _CHUNKS
        ]

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Value]]) -> None:
        start = 0
        for size, statement in self._statements:
            while len(rows) - start >= size:
                chunk = rows[start : start + size]
                connection.execute(statement, [value for row in chunk for value in row])
                start += size


INSERT_ENTRIES = Insertion("ledger_entries", COLUMNS, width=WIDTH)
INSERT_CONTENTS = Insertion("ledger_contents", "sequence, salt, body", width=3)
INSERT_CHECKPOINTS = Insertion("ledger_checkpoints", "place, note, block", width=3)


def row_of(entry: Entry) -> tuple[Value, ...]:
    """Values in the order of the columns."""
    return (
        entry.sequence,
        entry.event,
        entry.at_ms,
        entry.organisation,
        entry.team,
        entry.principal,
        entry.subject,
        entry.usecase,
        entry.facts.decode(),
        entry.commitment,
        entry.previous_hash,
        entry.hash,
    )


def entry_of(row: Sequence[object]) -> Entry:
    """An entry from its columns, believed as they stand."""
    values = list(row)
    values[8] = str(row[8]).encode()
    return Entry(*values)  # type: ignore[arg-type]  # the columns' types are the store's word
