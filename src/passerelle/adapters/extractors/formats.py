"""Which formats are read, told by the ending of the name."""

from enum import StrEnum

from passerelle.domain.knowledge.documents import Unreadable


class Format(StrEnum):
    """A kind of document, by its media type."""

    MARKDOWN = "text/markdown"
    TEXT = "text/plain"
    HTML = "text/html"
    PDF = "application/pdf"


ENDINGS = {
    "md": Format.MARKDOWN,
    "markdown": Format.MARKDOWN,
    "txt": Format.TEXT,
    "text": Format.TEXT,
    "html": Format.HTML,
    "htm": Format.HTML,
    "pdf": Format.PDF,
}
_PDF_SIGN = b"%PDF-"
_PDF_SIGN_WITHIN = 1024
"""Readers accept a PDF whose sign comes this late."""


def format_of(name: str) -> Format:
    """Raises `Unreadable` for an ending that we do not read."""
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    found = ENDINGS.get(ending.lower()) if dot else None
    if found is None:
        known = ", ".join(f".{known}" for known in ENDINGS)
        shown = f".{ending[:16]}" if dot else "without an ending"
        raise Unreadable(f"unsupported format {shown}; convert it to one of {known}")
    return found


def check_content(kind: Format, data: bytes) -> None:
    """Refuses what is empty, or plainly something else than its name says."""
    if not data.strip():
        raise Unreadable("the file is empty; put the document in, or remove the file")
    if kind is Format.PDF and _PDF_SIGN not in data[:_PDF_SIGN_WITHIN]:
        raise Unreadable("not a PDF, whatever its name says; save the document as PDF again")
