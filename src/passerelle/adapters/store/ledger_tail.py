"""The growing end of a stored ledger, believed only as far as its signature reaches."""

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


def read_tail(connection: sqlite3.Connection, verifier: Verifier) -> Tail:
    """From the last milestone on: at most one block of entries is hashed again.

    Raises `LedgerDamaged`.
    """
    size = _opened(newest_note(connection), verifier).size
    whole = max(size - 1, 0) // BLOCK
    if whole == 0:
        return follow(connection, empty_tip(), verifier)
    found = connection.execute(
        "SELECT block FROM ledger_checkpoints WHERE place BETWEEN 1 AND ? ORDER BY place", [whole]
    )
    tree = Tree.of_blocks([block for (block,) in found])
    milestone = connection.execute(
        "SELECT note FROM ledger_checkpoints WHERE place = ?", [whole]
    ).fetchone()
    if _opened(milestone and milestone[0], verifier) != Checkpoint(
        whole * BLOCK, tree.root(), milestone=True
    ):
        raise LedgerDamaged(NEXT_STEP)
    last = connection.execute(
        "SELECT hash FROM ledger_entries WHERE sequence = ?", [whole * BLOCK]
    ).fetchone()
    return follow(connection, Tip(last[0] if last else FIRST_HASH, tree), verifier)


def follow(connection: sqlite3.Connection, tip: Tip, verifier: Verifier) -> Tail:
    """The tail after what was added behind the tip, each entry hashed again.

    Raises `LedgerDamaged` when the result is not what the newest checkpoint states.
    """
    tree, previous = tip.tree.copy(), tip.hash
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM ledger_entries WHERE sequence > ? ORDER BY sequence",  # noqa: S608
        [tip.size],
    )
    for row in rows:
        entry = entry_of(row)
        leaf = leaf_of(entry)
        expected = (tree.size + 1, previous, leaf.hex())
        if (entry.sequence, entry.previous_hash, entry.hash) != expected:
            raise LedgerDamaged(f"Entry {tree.size + 1} is not what was signed. {NEXT_STEP}")
        tree.append(leaf)
        previous = entry.hash
    note = newest_note(connection)
    if _opened(note, verifier) != Checkpoint(tree.size, tree.root()):
        raise LedgerDamaged(NEXT_STEP)
    return Tail(Tip(previous, tree), str(note))


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
