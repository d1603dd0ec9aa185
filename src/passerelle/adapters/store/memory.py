"""Everything in memory: for tests, demos and the analysis of foreign logs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from passerelle.adapters.store.memory_batches import MemoryBatchBox, MemoryFileBox
from passerelle.adapters.store.memory_books import (
    MemoryEvidenceBox,
    MemoryLabelBook,
    MemorySignoffBook,
    MemoryStageBook,
)
from passerelle.adapters.store.memory_evaluation import MemoryCaseBox, MemoryRunBox
from passerelle.adapters.store.memory_feedback import MemoryFlagBox, MemoryReviewBox
from passerelle.core.values.errors import NotFound
from passerelle.domain.identity.keys import ApiKey
from passerelle.domain.ledger.chain import Sealed, empty_tip, extend, seal
from passerelle.domain.ledger.checkpoints import Checkpoint, Signer, key_id, signed_note
from passerelle.domain.ledger.contents import Content
from passerelle.domain.ledger.entries import Draft, Entry, Head, Inclusion, LedgerUnavailable
from passerelle.domain.ledger.proofs import inclusion_path, nodes_over
from passerelle.domain.ledger.tables import Row


class MemoryLedger:
    """The ledger without a disk; the same entries, tree, notes and contents."""

    def __init__(self, signer: Signer) -> None:
        self.verifier = signer
        self._signer = signer
        self._tip = empty_tip()
        self._entries: list[Entry] = []
        self._contents: dict[int, Content] = {}
        self._milestones: list[tuple[str, bytes]] = []
        self._note = self._signed()
        self._closed = False

    async def append(self, draft: Draft) -> Entry:
        return self._add(seal(draft))

    async def erase(self, commitment: str, draft: Draft) -> Entry:
        for sequence, content in self._contents.items():
            if content.commitment == commitment:
                entry = self._add(seal(draft, erases=commitment))
                del self._contents[sequence]
                return entry
        raise NotFound("This content was erased before, or never kept.")

    def entries(
        self,
        *,
        organisation: str,
        before: int | None = None,
        limit: int = 50,
        event: str = "",
        usecase: str = "",
    ) -> tuple[Entry, ...]:
        found = (
            entry
            for entry in reversed(self._entries)
            if entry.organisation == organisation
            and (before is None or entry.sequence < before)
            and event in ("", entry.event)
            and usecase in ("", entry.usecase)
        )
        return tuple(islice(found, limit))

    def of_subject(self, subject: str, *, organisation: str) -> tuple[Entry, ...]:
        return tuple(
            entry
            for entry in self._entries
            if entry.subject == subject and entry.organisation == organisation
        )

    def content(self, commitment: str) -> bytes | None:
        for content in self._contents.values():
            if content.commitment == commitment:
                return content.body
        return None

    def head(self) -> Head:
        return Head(
            size=self._tip.size,
            root=self._tip.tree.root().hex(),
            at_ms=self._entries[-1].at_ms if self._entries else 0,
            key_id=key_id(self.verifier).hex(),
            note=self._note,
        )

    def inclusion(self, sequence: int) -> Inclusion:
        head = self.head()
        if not 1 <= sequence <= head.size:
            raise NotFound(f"There is no entry {sequence}.")
        nodes = nodes_over([block for _, block in self._milestones], self._leaves)
        path = inclusion_path(sequence - 1, head.size, nodes)
        siblings = tuple(sibling.hex() for sibling in path)
        return Inclusion(sequence, head.size, head.root, siblings, head.note)

    @contextmanager
    def snapshot(self) -> Iterator["MemorySnapshot"]:
        checkpoints: list[Row] = [(0, self._note, b"")]
        checkpoints += [(place, *kept) for place, kept in enumerate(self._milestones, start=1)]
        yield MemorySnapshot(tuple(self._entries), dict(self._contents), tuple(checkpoints))

    def close(self) -> None:
        self._closed = True

    def _add(self, sealed: Sealed) -> Entry:
        if self._closed:
            raise LedgerUnavailable("It is closed.")
        added = extend(self._tip, [sealed])
        (entry,) = added.entries
        self._tip = added.tip
        self._entries.append(entry)
        if sealed.content:
            self._contents[entry.sequence] = sealed.content
        self._milestones += [
            (signed_note(milestone.checkpoint, self._signer), milestone.block)
            for milestone in added.milestones
        ]
        self._note = self._signed()
        return entry

    def _signed(self) -> str:
        return signed_note(Checkpoint(self._tip.size, self._tip.tree.root()), self._signer)

    def _leaves(self, start: int, end: int) -> list[bytes]:
        return [bytes.fromhex(entry.hash) for entry in self._entries[start:end]]


@dataclass(frozen=True, slots=True)
class MemorySnapshot:
    """All ledger tables at one moment."""

    stored: tuple[Entry, ...]
    contents: dict[int, Content]
    notes: tuple[Row, ...]

    def entries(self) -> Iterator[Row]:
        for entry in self.stored:
            content = self.contents.get(entry.sequence)
            columns = list(entry)
            columns[8] = entry.facts.decode()
            yield (*columns, content and content.salt, content and content.body)

    def stray_contents(self) -> Iterator[int]:
        return (sequence for sequence in self.contents if not 0 < sequence <= len(self.stored))

    def checkpoints(self) -> Iterator[Row]:
        return iter(self.notes)

    def damage(self) -> Iterator[str]:
        return iter(())


class MemoryKeyRing:
    """API keys without a disk."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def get(self, public_id: str) -> ApiKey | None:
        return self._keys.get(public_id)

    async def add(self, key: ApiKey) -> None:
        self._keys[key.public_id] = key

    async def revoke(self, public_id: str, *, at_ms: int) -> None:
        key = self._keys.get(public_id)
        if key is not None and key.revoked_at_ms is None:
            self._keys[public_id] = replace(key, revoked_at_ms=at_ms)

    def all(self, organisation: str) -> tuple[ApiKey, ...]:
        return newest_keys(self._keys.values(), organisation)


def newest_keys(keys: Iterable[ApiKey], organisation: str) -> tuple[ApiKey, ...]:
    """Keys of one organisation, newest first, ties by id."""
    theirs = (key for key in keys if key.principal.scope.organisation == organisation)
    return tuple(sorted(theirs, key=lambda key: (key.created_at_ms, key.public_id), reverse=True))


class MemoryStore:
    """A store that is gone with the process."""

    def __init__(self, signer: Signer) -> None:
        self.ledger = MemoryLedger(signer)
        self.keys = MemoryKeyRing()
        self.flags = MemoryFlagBox()
        self.reviews = MemoryReviewBox()
        self.cases = MemoryCaseBox()
        self.runs = MemoryRunBox()
        self.labels = MemoryLabelBook()
        self.stages = MemoryStageBook()
        self.signoffs = MemorySignoffBook()
        self.evidence = MemoryEvidenceBox()
        self.files = MemoryFileBox()
        self.batches = MemoryBatchBox()

    def close(self) -> None:
        self.ledger.close()


def memory_store(*, signer: Signer) -> MemoryStore:
    """An empty store in memory."""
    return MemoryStore(signer)
