"""What a run of ingest did."""

from dataclasses import dataclass

from passerelle.core.values.ids import Digest


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A document that answers cannot use."""

    path: str
    reason: str
    """What is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """A run over all sources of one use case."""

    usecase: str
    read: int
    """Documents read in this run, those quarantined by it included."""
    unchanged: int
    removed: int
    quarantined: tuple[Quarantined, ...]
    """All that are in quarantine now, by path, whenever they got there."""
    documents: int
    """Documents that answers can use."""
    passages: int
    version: Digest
    changed: bool
    """A new edition was put in force."""
    seconds: float
