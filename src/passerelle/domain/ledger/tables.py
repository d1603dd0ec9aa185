"""What lies in the store, as an auditor finds it: believed in nothing."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from passerelle.domain.ledger.checkpoints import Verifier
from passerelle.domain.ledger.entries import Ledger

Row: TypeAlias = tuple[object, ...]


class Snapshot(Protocol):
    """All ledger tables at one moment. Raises `LedgerUnreadable` when the store cannot read on."""

    def entries(self) -> Iterator[Row]:
        """Columns in the order of `Entry`, facts as text, then salt and body of the content.

        By sequence; the last two are None where no content lies under the sequence.
        """
        ...

    def stray_contents(self) -> Iterator[int]:
        """Sequences under which a content lies without an entry."""
        ...

    def checkpoints(self) -> Iterator[Row]:
        """(place, note, block): place 0 is the newest, place n the n-th milestone; by place."""
        ...

    def damage(self) -> Iterator[str]:
        """Faults of the container itself, such as an index that disagrees with its table."""
        ...


class Auditable(Protocol):
    """A ledger that lets itself be checked from outside."""

    @property
    def verifier(self) -> Verifier:
        """The public key that signed it."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One consistent moment, however long it is read; writers go on meanwhile."""
        ...


class AuditableLedger(Ledger, Auditable, Protocol):
    """What a store offers: a ledger that anyone may check."""
