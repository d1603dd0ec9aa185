"""Where passages are kept: searched while serving, replaced as a whole by ingest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Hit, Passage
from passerelle.domain.knowledge.documents import DocumentRecord, Extracted


class Index(Protocol):
    """What serving reads."""

    @property
    def version(self) -> Digest:
        """Over all that decides what is found: documents, extraction, splitting."""
        ...

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        """Best first; ties by passage id. Nothing for a question without words; never raises."""
        ...

    def passage(self, passage_id: PassageId) -> Passage | None: ...

    def document_text(self, document: str) -> str | None:
        """The extracted text that passages and citations point into."""
        ...

    def documents(self) -> tuple[DocumentRecord, ...]:
        """All documents by path, the quarantined ones too."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What the library knows about a document of the edition in force."""

    stamp: str
    record: DocumentRecord


@dataclass(frozen=True, slots=True)
class Recipe:
    """How texts and passages are made; a library made by another recipe is stale."""

    extraction: str
    """Name and version of the extraction engine."""
    splitting: str
    """Parameters of splitting."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document that was read in this run, with its text and its passages."""

    stamp: str
    record: DocumentRecord
    extracted: Extracted
    passages: Sequence[Passage]


class Edition(Protocol):
    """The next state of a library, invisible until it is published.

    Documents are added in the order of their paths.
    """

    def keep(self, path: str, stamp: str) -> None:
        """Takes a document over from the edition in force, passages included."""
        ...

    def add(self, document: NewDocument) -> None: ...

    def finish(self) -> Digest:
        """Builds what searching needs; the version that publishing would put in force."""
        ...

    def publish(self) -> None:
        """Puts the finished edition in force at once: a crash leaves the old or the new one."""
        ...

    def discard(self) -> None:
        """Removes what was built; harmless after publishing."""
        ...


class Library(Protocol):
    """What ingest writes."""

    def recipe(self) -> Recipe | None:
        """That of the edition in force; None when there is none yet."""
        ...

    def version(self) -> Digest | None:
        """Of the edition in force."""
        ...

    def kept(self) -> Mapping[str, Kept]:
        """By path; empty when there is no edition yet."""
        ...

    def extracted(self, path: str) -> Extracted | None: ...

    def restamp(self, stamps: Mapping[str, str]) -> None:
        """Notes that documents were found unchanged under new stamps."""
        ...

    def begin(self, recipe: Recipe) -> Edition:
        """Raises `Unavailable` when another run is building an edition, or has just done so."""
        ...
