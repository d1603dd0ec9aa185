"""Documents: where they come from, what text they hold, what became of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import Digest


class Unreadable(Refusal):
    """The document cannot be read."""

    # The detail becomes the reason in reports: what is wrong and what to do, never content.
    status = 422
    code = "document_unreadable"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A document as its source lists it, not yet read."""

    path: str
    """Relative, with forward slashes; unique within its source."""
    stamp: str
    """As long as it stays the same, so does the content; compared without reading."""
    read: Callable[[], bytes]
    """The content now. Raises `Unreadable`."""


class Source(Protocol):
    """Where documents come from."""

    def items(self) -> Iterator[SourceItem]:
        """Every document, in any order. An unsafe entry is listed too: its `read` refuses it."""
        ...


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document."""

    text: str
    title: str
    """Empty when the document names none."""
    markdown: bool
    """The text has Markdown structure: headings, code fences, tables."""


class Extractor(Protocol):
    """Turns a document into text."""

    @property
    def engine(self) -> str:
        """Name and version; when it changes, texts extracted before are stale."""
        ...

    async def extract(self, name: str, data: bytes) -> Extracted:
        """The text; the name's ending says the format. Raises `Unreadable` for everything else."""
        ...


DocumentStatus = Literal["indexed", "quarantined"]


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What became of one document."""

    path: str
    title: str
    digest: Digest | Literal[""]
    """Over the bytes of the file; empty when they could not be read."""
    characters: int
    """Of extracted text."""
    passages: int
    status: DocumentStatus
    reason: str = ""
    """Why it was quarantined, and what to do."""
