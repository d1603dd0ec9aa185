"""The growing end of a stored ledger, believed only as far as its signature reaches."""

import re
import sqlite3
from dataclasses import dataclass

from passerelle.adapters.store.ledger_rows import COLUMNS, MOVE_HEAD, NEWEST, entry_of
from passerelle.domain.ledger.chain import FIRST_HASH, Tip, empty_tip, leaf_of
from passerelle.domain.ledger.checkpoints import (
    Checkpoint,
    InvalidCheckpoint,
    Signer,
    Verifier,
    open_note,
    signed_note,
)
from passerelle.domain.ledger.entries import LedgerDamaged
from passerelle.domain.ledger.merkle import BLOCK, Tree

_HASH = re.compile(r"[0-9a-f]{64}")
NEXT_STEP = "Run 'passerelle ledger verify' to see where."


@dataclass(frozen=True, slots=True)
class Tail:
    """The tip and the signed note that states it."""

    tip: Tip
    note: str


def found_ledger(connection: sqlite3.Connection, signer: Signer) -> None:
    """Signs the empty ledger once, so that from then on a missing checkpoint is a fault."""
    empty = connection.execute("SELECT 1 FROM ledger_entries LIMIT 1").fetchone() is None
    if empty and newest_note(connection) is None:
        tree = Tree()
        connection.execute(MOVE_HEAD, [signed_note(Checkpoint(tree.size, tree.root()), signer)])


def read_tail(connection: sqlite3.Connection, signer: Signer) -> Tail:
    """From the last milestone on: at most one block of entries is hashed again.

    Raises `LedgerDamaged`.
    """
    size = _opened(newest_note(connection), signer).size
    whole = max(size - 1, 0) // BLOCK
    if whole == 0:
        return _hashed_again(connection, empty_tip(), signer)
    found = connection.execute(
        "SELECT block FROM ledger_checkpoints WHERE place BETWEEN 1 AND ? ORDER BY place", [whole]
    )
    tree = Tree.of_blocks([block for (block,) in found])
    milestone = connection.execute(
        "SELECT note FROM ledger_checkpoints WHERE place = ?", [whole]
    ).fetchone()
    if _opened(milestone and milestone[0], signer) != Checkpoint(
        whole * BLOCK, tree.root(), milestone=True
    ):
        raise LedgerDamaged(NEXT_STEP)
    last = connection.execute(
        "SELECT hash FROM ledger_entries WHERE sequence = ?", [whole * BLOCK]
    ).fetchone()
    return _hashed_again(connection, Tip(last[0] if last else FIRST_HASH, tree), signer)


def follow(connection: sqlite3.Connection, tip: Tip, signer: Signer) -> Tail:
    """The tail after what another process has added behind the tip.

    Its entries are taken by their hashes, which the checkpoint covers; whether an entry
    is what its hash says is asked when the ledger is opened, and by the audit. Raises
    `LedgerDamaged` when the result is not what the newest checkpoint states.
    """
    tree, previous = tip.tree.copy(), tip.hash
    rows = connection.execute(
        "SELECT sequence, hash FROM ledger_entries WHERE sequence > ? ORDER BY sequence",
        [tip.size],
    )
    for sequence, own in rows:
        if sequence != tree.size + 1 or not _HASH.fullmatch(str(own)):
            raise _unlike(tree.size + 1)
        tree.append(bytes.fromhex(own))
        previous = own
    note = newest_note(connection)
    # A key writes a checkpoint in one way only, and to write it is cheaper than to check it.
    if note is None or note != signed_note(Checkpoint(tree.size, tree.root()), signer):
        _opened(note, signer)
        raise LedgerDamaged(NEXT_STEP)
    return Tail(Tip(previous, tree), note)


def _hashed_again(connection: sqlite3.Connection, tip: Tip, signer: Signer) -> Tail:
    sequence, previous = tip.size, tip.hash
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM ledger_entries WHERE sequence > ? ORDER BY sequence",  # noqa: S608
        [sequence],
    )
    for row in rows:
        entry, sequence = entry_of(row), sequence + 1
        expected = (sequence, previous, leaf_of(entry).hex())
        if (entry.sequence, entry.previous_hash, entry.hash) != expected:
            raise _unlike(sequence)
        previous = entry.hash
    return follow(connection, tip, signer)


def _unlike(sequence: int) -> LedgerDamaged:
    return LedgerDamaged(f"Entry {sequence} is not what was signed. {NEXT_STEP}")


def newest_note(connection: sqlite3.Connection) -> str | None:
    """None when there is no checkpoint at all."""
    found = connection.execute(NEWEST).fetchone()
    return found[0] if found else None


def _opened(note: str | None, verifier: Verifier) -> Checkpoint:
    if note is None:
        raise LedgerDamaged(f"Its signed checkpoint is missing. {NEXT_STEP}")
    try:
        return open_note(note, verifier)
    except InvalidCheckpoint as error:
        raise LedgerDamaged(f"Of its signed checkpoint: {error}. {NEXT_STEP}") from error
