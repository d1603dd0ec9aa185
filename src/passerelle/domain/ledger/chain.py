"""How drafts become entries: each hashed once, chained to the one before, set into the tree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import NamedTuple

import msgspec

from passerelle.core.values.ids import canonical_bytes
from passerelle.domain.ledger.checkpoints import Checkpoint
from passerelle.domain.ledger.contents import Content, commit
from passerelle.domain.ledger.entries import Draft, Entry, Facts
from passerelle.domain.ledger.events import CONTENT_ERASED, ERASED_FACT
from passerelle.domain.ledger.merkle import BLOCK, Tree

FIRST_HASH = "0" * 64
"""What the first entry names as the hash before it."""
LARGEST_INTEGER = 2**63 - 1
_encode = msgspec.json.Encoder().encode


class Sealed(NamedTuple):
    """A draft that is ready to be chained: nothing about it can fail any more."""

    head: tuple[str, int, str, str, str, str, str]
    """The entry from its event to its use case."""
    facts: bytes
    content: Content | None
    fields: bytes
    """The entry's JSON array between its sequence and its previous hash."""
    erases: str | None = None
    """Commitment whose content goes in the same transaction."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The growing end of a ledger."""

    hash: str
    tree: Tree

    @property
    def size(self) -> int:
        """Entries so far; the sequence of the last one."""
        return self.tree.size


@dataclass(frozen=True, slots=True)
class Milestone:
    """A checkpoint at a multiple of the block size, kept for ever."""

    number: int
    """1-based: its size is `number * BLOCK`."""
    block: bytes
    """Hash of the block that it closes."""
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Extension:
    """What a batch adds."""

    entries: list[Entry]
    milestones: list[Milestone]
    tip: Tip


def empty_tip() -> Tip:
    """The tip of a ledger without entries."""
    return Tip(FIRST_HASH, Tree())


def seal(draft: Draft, *, erases: str | None = None) -> Sealed:
    """Checks and encodes a draft, and binds its content.

    Raises `ValueError` for text that is not Unicode and numbers beyond 63 bits.
    """
    if not 0 <= draft.at_ms <= LARGEST_INTEGER:
        raise ValueError("a time of an entry is milliseconds since 1970")
    if draft.event == CONTENT_ERASED and erases is None:
        raise ValueError("only an erasure records that content was erased")
    if erases is not None:
        told = {**draft.told, ERASED_FACT: erases}
        draft = replace(draft, event=CONTENT_ERASED, facts=told)
    facts = canonical_bytes(draft.facts if isinstance(draft.facts, Facts) else dict(draft.facts))
    content = None if draft.content is None else commit(draft.content, at_ms=draft.at_ms)
    head = (
        draft.event,
        draft.at_ms,
        draft.scope.organisation,
        draft.scope.team,
        draft.principal,
        draft.subject,
        draft.usecase,
    )
    fields = _encode((*head, msgspec.Raw(facts), content.commitment if content else ""))
    return Sealed(head, facts, content, fields[1:-1], erases)


def leaf_of(entry: Entry) -> bytes:
    """SHA-256 that the entry must carry: of a zero byte and the JSON array of its fields.

    Written without white space, in the order of `Entry`, the facts as they stand.
    """
    array = _encode(
        (
            entry.sequence,
            entry.event,
            entry.at_ms,
            entry.organisation,
            entry.team,
            entry.principal,
            entry.subject,
            entry.usecase,
            msgspec.Raw(entry.facts),
            entry.commitment,
            entry.previous_hash,
        )
    )
    return sha256(b"\x00" + array).digest()


def extend(tip: Tip, batch: Sequence[Sealed]) -> Extension:
    """The entries of a batch and the new tip; the old tip stays as it is."""
    tree = tip.tree.copy()
    previous, sequence = tip.hash, tip.size
    entries: list[Entry] = []
    milestones: list[Milestone] = []
    for sealed in batch:
        sequence += 1
        array = b'\x00[%d,%b,"%b"]' % (sequence, sealed.fields, previous.encode())
        leaf = sha256(array).digest()
        block = tree.append(leaf)
        own = leaf.hex()
        commitment = sealed.content.commitment if sealed.content else ""
        entries.append(Entry(sequence, *sealed.head, sealed.facts, commitment, previous, own))
        previous = own
        if block is not None:
            milestones.append(milestone(tree, block))
    return Extension(entries, milestones, Tip(previous, tree))


def milestone(tree: Tree, block: bytes) -> Milestone:
    """The milestone of a tree that has just closed a block."""
    checkpoint = Checkpoint(tree.size, tree.root(), milestone=True)
    return Milestone(tree.size // BLOCK, block, checkpoint)
