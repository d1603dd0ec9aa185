"""One row of the ledger, and the roles of those who keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Refusal, Unavailable
from passerelle.core.values.scope import Scope


class LedgerUnavailable(Unavailable):
    """The ledger cannot record this now, so nothing was done."""

    code = "ledger_unavailable"


class LedgerUnreadable(Unavailable):
    """The ledger cannot be read."""

    code = "ledger_unreadable"


class LedgerDamaged(Refusal):
    """The ledger does not match its signed checkpoint, so nothing may be added to it."""

    code = "ledger_damaged"


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts of a kind that is written often; those that have their default are left out."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be recorded. Facts are kept for ever; content can be erased later."""

    event: str
    at_ms: int
    scope: Scope
    principal: str
    subject: str
    """What it is about: an exchange, a key, a use case."""
    usecase: str = ""
    facts: Mapping[str, JsonValue] | Facts = field(default_factory=dict)
    """Small and free of personal text; part of the proof as canonical JSON."""
    content: bytes | None = None
    """Kept apart, bound to the entry by a salted commitment."""

    @property
    def told(self) -> Mapping[str, JsonValue]:
        """The facts by name."""
        if isinstance(self.facts, Facts):
            by_name: dict[str, JsonValue] = msgspec.to_builtins(self.facts)
            return by_name
        return self.facts


class Entry(NamedTuple):
    """A recorded row. Its hash covers every other field; each names the hash before it."""

    sequence: int
    """1-based, without gaps."""
    event: str
    at_ms: int
    organisation: str
    team: str
    principal: str
    subject: str
    usecase: str
    facts: bytes
    """Canonical JSON of an object."""
    commitment: str
    """Lower-case hexadecimal; empty when the entry has no content."""
    previous_hash: str
    """Hash of the entry before; 64 zeros for the first."""
    hash: str
    """Lower-case hexadecimal SHA-256: the leaf hash of the Merkle tree."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest signed checkpoint: it covers every acknowledged entry."""

    size: int
    root: str
    """Hexadecimal."""
    at_ms: int
    """Time of the newest entry covered; 0 while there is none."""
    key_id: str
    """Eight hexadecimal digits that name the signing key."""
    note: str
    """The signed note itself."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Proof that an entry stands under a signed checkpoint, checkable with its hash alone."""

    sequence: int
    size: int
    root: str
    """Hexadecimal."""
    path: tuple[str, ...]
    """Sibling hashes from the leaf to the root, hexadecimal."""
    note: str
    """The signed note that states size and root."""


class Ledger(Protocol):
    """Where entries are kept: only ever added to."""

    async def append(self, draft: Draft) -> Entry:
        """Returns only after the record is durable and under a signed checkpoint.

        Cancelling the waiter does not take the record back. Raises
        `LedgerUnavailable` at once when nothing can be recorded; never hangs.
        """
        ...

    async def erase(self, commitment: str, draft: Draft) -> Entry:
        """Removes the content and records that, in one transaction.

        The entry is a `content.erased` whose facts gain the commitment. Raises
        `NotFound` when there is no such content, then nothing is recorded.
        """
        ...

    def entries(
        self,
        *,
        organisation: str,
        before: int | None = None,
        limit: int = 50,
        event: str = "",
        usecase: str = "",
    ) -> tuple[Entry, ...]:
        """Newest first; only sequences below `before`."""
        ...

    def of_subject(self, subject: str, *, organisation: str) -> tuple[Entry, ...]:
        """Oldest first."""
        ...

    def content(self, commitment: str) -> bytes | None:
        """None when it was erased or never kept."""
        ...

    def head(self) -> Head:
        """The newest signed checkpoint."""
        ...

    def inclusion(self, sequence: int) -> Inclusion:
        """Proof for one entry under the newest checkpoint. Raises `NotFound`."""
        ...
