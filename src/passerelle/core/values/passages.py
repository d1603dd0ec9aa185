"""Pieces of documents, and the places that an answer points to."""

from dataclasses import dataclass

from passerelle.core.values.ids import Digest, PassageId


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one document, with its place in the document's extracted text."""

    id: PassageId
    document: str
    """Path of the document below its source, with forward slashes."""
    title: str
    """The document's title, else its file name."""
    heading: str
    """Headings above the passage, outermost first, joined by ' > '; may be empty."""
    text: str
    start: int
    """Character offset in the document's extracted text."""
    end: int
    """One past the last character: `extracted[start:end] == text`."""
    document_digest: Digest


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found."""

    passage: Passage
    score: float
    """BM25; comparable inside one result list only."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a document that supports a part of an answer."""

    number: int
    """1-based place of the passage among those shown to the model: the `[n]` in the text."""
    document: str
    title: str
    passage: PassageId
    start: int
    """Character span in the document's extracted text, end exclusive."""
    end: int
    quote: str
