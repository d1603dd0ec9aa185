"""What every store offers, whatever it keeps things in."""

from typing import Protocol

from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.identity.keys import KeyRing
from passerelle.domain.ledger.tables import AuditableLedger


class Control(Protocol):
    """What the control plane keeps: few rows, read often, changed rarely."""

    @property
    def keys(self) -> KeyRing:
        """Who may come in."""
        ...

    @property
    def flags(self) -> FlagBox:
        """What people made of it."""
        ...

    def close(self) -> None:
        """Gives back files and connections."""
        ...


class Store(Control, Protocol):
    """Everything that must outlive the process."""

    @property
    def ledger(self) -> AuditableLedger:
        """What happened."""
        ...

    def close(self) -> None:
        """Everything that was taken is on the disk and the files may be copied."""
        ...
