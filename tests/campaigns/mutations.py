"""Damages a ledger in one random way, thousands of times: does the audit find each?

python -m tests.campaigns.mutations --count 10000
"""

import argparse
import base64
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from passerelle.adapters.store.connection import DATABASE
from passerelle.adapters.store.sqlite import open_ledger
from passerelle.stories.govern.audit import verify
from tests.campaigns.ledgers import SIGNER, make_ledger

TABLES = {
    "ledger_entries": (
        "sequence", "event", "at_ms", "organisation", "team", "principal",
        "subject", "usecase", "facts", "commitment", "previous_hash", "hash",
    ),
    "ledger_contents": ("sequence", "salt", "body"),
    "ledger_checkpoints": ("place", "note", "block"),
}  # fmt: skip
SIZES = (60, 60, 60, 1_100)
"""One ledger in four has closed a block, so that it holds a milestone."""
CLEAN_EVERY = 10

Mutation: TypeAlias = Callable[[sqlite3.Connection, random.Random], str]


@dataclass
class Tally:
    """What the campaign saw."""

    mutations: int = 0
    found: int = 0
    clean: int = 0
    false_alarms: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)


def run(count: int, *, seed: int, folder: Path) -> Tally:
    """Damages `count` copies; every tenth time an untouched copy is audited as well."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat, not be secret
    originals = {size: folder / f"original-{size}" for size in set(SIZES)}
    for size, original in originals.items():
        make_ledger(original, entries=size)
    tally = Tally()
    copy = folder / "copy"
    copy.mkdir()
    for number in range(count):
        shutil.copyfile(originals[chance.choice(SIZES)] / DATABASE, copy / DATABASE)
        if number % CLEAN_EVERY == 0:
            tally.clean += 1
            tally.false_alarms += not holds(copy)
        kind, what = damage(copy / DATABASE, chance)
        tally.mutations += 1
        tally.kinds[kind] += 1
        if holds(copy):
            tally.missed.append(f"{kind}: {what}")
        else:
            tally.found += 1
    return tally


def holds(folder: Path) -> bool:
    ledger = open_ledger(folder, verifier=SIGNER)
    try:
        return verify(ledger).ok
    finally:
        ledger.close()


def damage(database: Path, chance: random.Random) -> tuple[str, str]:
    """One change that truly changes something: its kind, and what was done."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        before = contents_of(connection)
        while True:
            mutation = chance.choice(MUTATIONS)
            try:
                with connection:
                    what = mutation(connection, chance)
            except sqlite3.IntegrityError:
                continue
            if contents_of(connection) != before:
                return mutation.__name__, what


def contents_of(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Every value of every ledger table, as bytes and with its type."""
    rows: list[tuple[object, ...]] = []
    for table, columns in TABLES.items():
        wanted = ", ".join(f"CAST({column} AS BLOB), typeof({column})" for column in columns)
        rows += connection.execute(f"SELECT {wanted} FROM {table} ORDER BY 1, 3")  # noqa: S608
    return rows


def flip_byte(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(list(TABLES))
    return _flip(connection, chance, table, chance.choice(TABLES[table]))


def change_salt(connection: sqlite3.Connection, chance: random.Random) -> str:
    return _flip(connection, chance, "ledger_contents", "salt")


def change_note(connection: sqlite3.Connection, chance: random.Random) -> str:
    return _flip(connection, chance, "ledger_checkpoints", "note")


def change_size(connection: sqlite3.Connection, chance: random.Random) -> str:
    return _rewrite_note(connection, chance, line=1, text=str(chance.randrange(2_000)))


def change_root(connection: sqlite3.Connection, chance: random.Random) -> str:
    root = chance.randbytes(32)
    return _rewrite_note(connection, chance, line=2, text=_base64(root))


def change_signature(connection: sqlite3.Connection, chance: random.Random) -> str:
    signed = _base64(chance.randbytes(68))
    return _rewrite_note(connection, chance, line=-2, text=f"— {SIGNER.name} {signed}")


def change_type(connection: sqlite3.Connection, chance: random.Random) -> str:
    row = _row(connection, chance, "ledger_entries")
    column = chance.choice(TABLES["ledger_entries"][1:])
    connection.execute(
        f"UPDATE ledger_entries SET {column} = CAST({column} AS BLOB) WHERE rowid = ?",  # noqa: S608
        [row],
    )
    return f"{column} of {row} became a blob"


def delete_row(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(list(TABLES))
    row = _row(connection, chance, table)
    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", [row])  # noqa: S608
    return f"{table} {row}"


def duplicate_row(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(list(TABLES))
    row, place = _row(connection, chance, table), chance.randrange(3_000)
    columns = ", ".join(TABLES[table][1:])
    connection.execute(
        f"INSERT INTO {table} ({TABLES[table][0]}, {columns}) "  # noqa: S608
        f"SELECT ?, {columns} FROM {table} WHERE rowid = ?",
        [place, row],
    )
    return f"{table} {row} as {place}"


def append_copy(connection: sqlite3.Connection, chance: random.Random) -> str:
    """A late entry again, as the next."""
    columns = ", ".join(TABLES["ledger_entries"][1:])
    connection.execute(
        f"INSERT INTO ledger_entries (sequence, {columns}) "  # noqa: S608
        f"SELECT (SELECT max(sequence) + 1 FROM ledger_entries), {columns} "
        "FROM ledger_entries ORDER BY sequence DESC LIMIT 1 OFFSET ?",
        [back := chance.randrange(5)],
    )
    return f"entry {back} before the last"


def swap_rows(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(("ledger_entries", "ledger_contents"))
    first, second = _row(connection, chance, table), _row(connection, chance, table)
    key = TABLES[table][0]
    for place, now in ((first, -1), (second, first), (-1, second)):
        connection.execute(f"UPDATE {table} SET {key} = ? WHERE {key} = ?", [now, place])  # noqa: S608
    return f"{table} {first} and {second}"


def truncate_tail(connection: sqlite3.Connection, chance: random.Random) -> str:
    """Also with the head moved back to a milestone, where there is one."""
    (size,) = connection.execute("SELECT max(sequence) FROM ledger_entries").fetchone()
    keep = chance.choice((chance.randrange(size), 1_024 if size > 1_024 else size - 1))
    connection.execute("DELETE FROM ledger_entries WHERE sequence > ?", [keep])
    connection.execute("DELETE FROM ledger_contents WHERE sequence > ?", [keep])
    if chance.random() < 0.5:
        connection.execute(
            "UPDATE OR REPLACE ledger_checkpoints SET note = (SELECT note FROM ledger_checkpoints "
            "ORDER BY place DESC LIMIT 1) WHERE place = 0"
        )
    return f"after {keep}"


def remove_middle(connection: sqlite3.Connection, chance: random.Random) -> str:
    """A row goes and the ones behind it move up."""
    row = _row(connection, chance, "ledger_entries")
    for table in ("ledger_contents", "ledger_entries"):
        connection.execute(f"DELETE FROM {table} WHERE sequence = ?", [row])  # noqa: S608
        connection.execute(f"UPDATE {table} SET sequence = -sequence WHERE sequence > ?", [row])  # noqa: S608
        connection.execute(f"UPDATE {table} SET sequence = -sequence - 1 WHERE sequence < 0")  # noqa: S608
    return f"entry {row}"


def rotate_rows(connection: sqlite3.Connection, chance: random.Random) -> str:
    """Three entries change places in turn."""
    (size,) = connection.execute("SELECT max(sequence) FROM ledger_entries").fetchone()
    first, second, third = chance.sample(range(1, size + 1), 3)
    for place, now in ((first, -1), (second, first), (third, second), (-1, third)):
        connection.execute(
            "UPDATE ledger_entries SET sequence = ? WHERE sequence = ?", [now, place]
        )
    return f"{first}, {second}, {third}"


def replace_content(connection: sqlite3.Connection, chance: random.Random) -> str:
    row = _row(connection, chance, "ledger_contents")
    connection.execute("UPDATE ledger_contents SET body = ? WHERE sequence = ?", [b"other", row])
    return f"content {row}"


def restore_content(connection: sqlite3.Connection, chance: random.Random) -> str:
    """Something is put where nothing belongs, such as an erased content."""
    (size,) = connection.execute("SELECT max(sequence) FROM ledger_entries").fetchone()
    place = chance.randrange(-1, size + 5)
    connection.execute(
        "INSERT INTO ledger_contents VALUES (?, ?, ?)", [place, chance.randbytes(32), b"back"]
    )
    return f"content {place}"


def insert_forged_entry(connection: sqlite3.Connection, chance: random.Random) -> str:
    """A new last entry, well chained and hashed; only the signature is missing."""
    sequence, previous = connection.execute(
        "SELECT sequence, hash FROM ledger_entries ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    fields = f'[{sequence + 1},"exchange.ended",1,"acme","support","p","s","",{{}},"","{previous}"]'
    own = sha256(b"\x00" + fields.encode()).hexdigest()
    connection.execute(
        "INSERT INTO ledger_entries VALUES (?, 'exchange.ended', 1, 'acme', 'support', 'p', 's', "
        "'', '{}', '', ?, ?)",
        [sequence + 1, previous, own],
    )
    return f"entry {sequence + 1}, {chance.random()}"


def _flip(connection: sqlite3.Connection, chance: random.Random, table: str, column: str) -> str:
    row = _row(connection, chance, table)
    kind, value = connection.execute(
        f"SELECT typeof({column}), CAST({column} AS BLOB) FROM {table} WHERE rowid = ?",  # noqa: S608
        [row],
    ).fetchone()
    changed: int | bytes
    if kind == "integer":
        changed = int(value) ^ (1 << chance.randrange(48))
    else:
        damaged = bytearray(value or b"\x00")
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        changed = bytes(damaged)
    cast = {"integer": "INTEGER", "text": "TEXT", "blob": "BLOB"}[kind]
    connection.execute(
        f"UPDATE {table} SET {column} = CAST(? AS {cast}) WHERE rowid = ?",  # noqa: S608
        [changed, row],
    )
    return f"{table}.{column} of {row}: {value!r} to {changed!r}"


def _row(connection: sqlite3.Connection, chance: random.Random, table: str) -> int:
    rows = connection.execute(f"SELECT rowid FROM {table}").fetchall()  # noqa: S608
    return int(chance.choice(rows)[0])


def _rewrite_note(
    connection: sqlite3.Connection, chance: random.Random, *, line: int, text: str
) -> str:
    row = _row(connection, chance, "ledger_checkpoints")
    (note,) = connection.execute(
        "SELECT note FROM ledger_checkpoints WHERE place = ?", [row]
    ).fetchone()
    lines = note.split("\n")
    lines[line] = text
    connection.execute(
        "UPDATE ledger_checkpoints SET note = ? WHERE place = ?", ["\n".join(lines), row]
    )
    return f"checkpoint {row}: line {line} to {text}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


MUTATIONS: tuple[Mutation, ...] = (
    flip_byte, flip_byte, flip_byte, change_salt, change_note, change_size, change_root,
    change_signature, change_type, delete_row, duplicate_row, append_copy, swap_rows,
    truncate_tail, remove_middle, rotate_rows, replace_content, restore_content,
    insert_forged_entry,
)  # fmt: skip


def main() -> int:
    """Prints the counts; 1 when one was missed or an untouched ledger was blamed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(chosen.count, seed=chosen.seed, folder=Path(folder))
    print(f"mutations: {tally.found} of {tally.mutations} found")  # noqa: T201
    print(f"untouched: {tally.false_alarms} false alarms in {tally.clean}")  # noqa: T201
    for kind, number in sorted(tally.kinds.items()):
        print(f"  {kind:<20}{number}")  # noqa: T201
    for missed in tally.missed:
        print(f"MISSED {missed}")  # noqa: T201
    return 1 if tally.missed or tally.false_alarms else 0


if __name__ == "__main__":
    sys.exit(main())
