"""Ledger rows in SQLite: the statements, and entries from and to columns."""

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

from passerelle.domain.ledger.entries import Entry

Value: TypeAlias = int | str | bytes
COLUMNS = ", ".join(Entry._fields)
_FACTS = Entry._fields.index("facts")
NEWEST = "SELECT note FROM ledger_checkpoints WHERE place = 0"
MOVE_HEAD = (
    "INSERT INTO ledger_checkpoints (place, note, block) VALUES (0, ?, x'') "
    "ON CONFLICT (place) DO UPDATE SET note = excluded.note"
)
_MOST_ROWS = 64


class Insertion:
    """Inserts rows many at a time: every statement costs a turn at the interpreter's lock."""

    def __init__(self, table: str, columns: str) -> None:
        self._width = columns.count(",") + 1
        row = f"({', '.join('?' * self._width)})"
        into = f"INSERT INTO {table} ({columns}) VALUES "  # noqa: S608
        self._statements = [""] + [
            into + ", ".join([row] * rows) for rows in range(1, _MOST_ROWS + 1)
        ]

    def run(self, connection: sqlite3.Connection, values: Sequence[Value]) -> None:
        """The values of all rows, one row after another."""
        most = _MOST_ROWS * self._width
        for start in range(0, len(values), most):
            chunk = values[start : start + most]
            connection.execute(self._statements[len(chunk) // self._width], chunk)


INSERT_ENTRIES = Insertion("ledger_entries", COLUMNS)
INSERT_CONTENTS = Insertion("ledger_contents", "sequence, salt, body")
INSERT_CHECKPOINTS = Insertion("ledger_checkpoints", "place, note, block")


def row_of(entry: Entry) -> tuple[Value, ...]:
    """Values in the order of the columns."""
    return (*entry[:_FACTS], entry.facts.decode(), *entry[_FACTS + 1 :])


def entry_of(row: Sequence[object]) -> Entry:
    """An entry from its columns, believed as they stand."""
    facts = str(row[_FACTS]).encode()
    return Entry._make((*row[:_FACTS], facts, *row[_FACTS + 1 :]))
