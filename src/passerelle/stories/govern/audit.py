"""Is every stored byte of the ledger what was once signed? Needs nothing but the public key."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias, cast

import msgspec

from passerelle.domain.ledger.chain import FIRST_HASH
from passerelle.domain.ledger.checkpoints import (
    Checkpoint,
    InvalidCheckpoint,
    Verifier,
    open_note,
)
from passerelle.domain.ledger.contents import commitment_of
from passerelle.domain.ledger.entries import LedgerUnreadable
from passerelle.domain.ledger.events import CONTENT_ERASED, ERASED_FACT
from passerelle.domain.ledger.merkle import BLOCK, Frontier, Tree, root_of
from passerelle.domain.ledger.tables import Auditable, Row, Snapshot

MOST_FAULTS = 50
_ENTRY = (int, str, int, *(str,) * 9)
_BARE = (*_ENTRY, type(None), type(None))
_WITH_CONTENT = (*_ENTRY, bytes, bytes)
_CHECKPOINT = (int, str, bytes)
_Kept: TypeAlias = dict[int, tuple[Checkpoint, bytes]]
_encode = msgspec.json.Encoder().encode
_decode_facts = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True)
class Verification:
    """What an audit of the whole ledger found."""

    ok: bool
    entries: int
    root: str
    """Root computed from the stored entries, hexadecimal."""
    faults: tuple[str, ...]
    """In the order of the ledger; at most 50, then how many more there are."""
    erased: int
    """Contents that are gone with an entry that says so."""
    checkpoints: int
    """Signed notes checked."""


def verify(ledger: Auditable) -> Verification:
    """Reads every column of every ledger table once, streaming, in one consistent moment.

    Finds any change, removal, insertion or reordering since the newest
    checkpoint was signed. Not found: the whole file put back as it was before.
    """
    audit = _Audit(ledger.verifier)
    try:
        with ledger.snapshot() as snapshot:
            audit.read(snapshot)
    except LedgerUnreadable as refusal:
        audit.fault(f"reading stopped after {audit.count} entries: {refusal.message}")
    return audit.result()


class _Audit:
    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._faults: list[str] = []
        self._more = 0
        self.count = 0
        self._sequence = 0
        self._previous = FIRST_HASH
        self._blocks = Frontier()
        self._leaves: list[bytes] = []
        self._missing: dict[str, int] = {}
        self._erased = 0
        self._checkpoints = 0

    def fault(self, message: str) -> None:
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(message)
        else:
            self._more += 1

    def result(self) -> Verification:
        more = (f"and {self._more} more",) if self._more else ()
        return Verification(
            ok=not self._faults,
            entries=self.count,
            root=self._root().hex(),
            faults=(*self._faults, *more),
            erased=self._erased,
            checkpoints=self._checkpoints,
        )

    def read(self, snapshot: Snapshot) -> None:
        kept = self._read_checkpoints(snapshot)
        for row in snapshot.entries():
            self._read_entry(row)
            if len(self._leaves) == BLOCK:
                self._close_block(kept)
        self._compare_head(kept)
        for place in kept:
            self.fault(f"checkpoint {place}: there are not so many entries")
        for sequence in snapshot.stray_contents():
            self.fault(f"content {sequence}: there is no such entry")
        for sequence in self._missing.values():
            self.fault(f"entry {sequence}: its content is gone and no entry says why")
        for damage in snapshot.damage():
            self.fault(f"the file: {damage}")

    def _read_entry(self, row: Row) -> None:
        """One entry against its own hash, the one before, and its content."""
        self.count += 1
        kinds = tuple(map(type, row))
        if kinds not in (_BARE, _WITH_CONTENT):
            self.fault(f"entry {row[0]}: a column holds the wrong kind of value")
            return
        sequence, event, at_ms = row[:3]
        facts, commitment, previous, own, salt, body = cast(
            "tuple[str, str, str, str, bytes | None, bytes | None]", row[8:]
        )
        self._sequence += 1
        if sequence != self._sequence:
            self.fault(f"entry {self._sequence}: missing; {sequence} stands in its place")
            self._sequence = cast("int", sequence)
        if previous != self._previous:
            self.fault(f"entry {sequence}: it does not name the hash of the entry before")
        array = _encode((*row[:8], msgspec.Raw(facts), commitment, previous))
        leaf = sha256(b"\x00" + array).digest()
        if leaf.hex() != own:
            self.fault(f"entry {sequence}: its hash is not that of its columns")
        self._leaves.append(leaf)
        self._previous = own
        if event == CONTENT_ERASED:
            self._read_erasure(facts)
        if commitment and body is None:
            self._missing[commitment] = self._sequence
        elif (
            salt is not None
            and body is not None
            and commitment_of(body, salt=salt, at_ms=cast("int", at_ms)) != commitment
        ):
            self.fault(f"entry {sequence}: its content is not the one that it commits to")

    def _read_erasure(self, facts: str) -> None:
        """An erasure must name a content that was kept before and is gone now."""
        try:
            commitment = str(_decode_facts(facts).get(ERASED_FACT))
        except msgspec.MsgspecError:
            commitment = ""
        if self._missing.pop(commitment, None) is None:
            self.fault(f"entry {self._sequence}: the content that it calls erased is not gone")
        else:
            self._erased += 1

    def _read_checkpoints(self, snapshot: Snapshot) -> _Kept:
        kept: _Kept = {}
        for row in snapshot.checkpoints():
            self._checkpoints += 1
            if tuple(map(type, row)) != _CHECKPOINT:
                self.fault(f"checkpoint {row[0]}: a column holds the wrong kind of value")
                continue
            place, note, block = cast("tuple[int, str, bytes]", row)
            try:
                kept[place] = (open_note(note, self._verifier), block)
            except InvalidCheckpoint as error:
                self.fault(f"checkpoint {place}: {error}")
        return kept

    def _close_block(self, kept: _Kept) -> None:
        block = root_of(self._leaves)
        self._leaves = []
        self._blocks.push(block)
        place = self._blocks.size
        expected = Checkpoint(place * BLOCK, self._root(), milestone=True)
        found = kept.pop(place, None)
        if found is None:
            self.fault(f"checkpoint {place}: missing")
        elif found != (expected, block):
            self.fault(f"checkpoint {place}: it states another tree than that of the entries")

    def _compare_head(self, kept: _Kept) -> None:
        found = kept.pop(0, None)
        if found is None:
            self.fault("the newest checkpoint is missing")
            return
        stated, block = found
        if stated.milestone or block:
            self.fault("the newest checkpoint is none that closes the ledger")
        if stated.size > self.count:
            self.fault(f"{stated.size} entries were signed and {self.count} are there")
        elif stated.size < self.count:
            self.fault(f"entries after {stated.size} were never signed")
        elif stated.root != self._root():
            self.fault("the newest checkpoint states another tree than that of the entries")

    def _root(self) -> bytes:
        tree = Tree(self._blocks.copy())
        for leaf in self._leaves:
            tree.append(leaf)
        return tree.root()
