"""What every store offers, whatever it keeps things in."""

from typing import Protocol

from passerelle.core.values.evidence import EvidenceBox
from passerelle.domain.evaluation.cases import CaseBox
from passerelle.domain.evaluation.runs import RunBox
from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.feedback.reviews import ReviewBox
from passerelle.domain.identity.keys import KeyRing
from passerelle.domain.jobs.batches import BatchBox
from passerelle.domain.jobs.files import FileBox
from passerelle.domain.ledger.tables import AuditableLedger
from passerelle.domain.prompts.labels import LabelBook
from passerelle.domain.readiness.signoffs import SignoffBook
from passerelle.domain.usecases.stages import StageBook


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

    @property
    def reviews(self) -> ReviewBox:
        """What people found who looked at flags."""
        ...

    @property
    def cases(self) -> CaseBox:
        """Cases that came from flags."""
        ...

    @property
    def runs(self) -> RunBox:
        """What evaluations were answered."""
        ...

    @property
    def labels(self) -> LabelBook:
        """Which prompt version is in place where."""
        ...

    @property
    def stages(self) -> StageBook:
        """How far use cases are."""
        ...

    @property
    def signoffs(self) -> SignoffBook:
        """Who stands for what."""
        ...

    @property
    def evidence(self) -> EvidenceBox:
        """What was found out about use cases."""
        ...

    @property
    def files(self) -> FileBox:
        """What callers left for batch work."""
        ...

    @property
    def batches(self) -> BatchBox:
        """Batch work, and how far it is."""
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
