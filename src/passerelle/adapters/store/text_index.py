"""What serving reads: the edition in force, searched by BM25."""

from functools import lru_cache
from pathlib import Path

from passerelle.adapters.store import text_search
from passerelle.adapters.store.editions import Editions
from passerelle.adapters.store.memory_index import MemoryIndex
from passerelle.adapters.store.passages_file import PassagesFile
from passerelle.core.values.errors import Unavailable
from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Hit, Passage
from passerelle.domain.knowledge.documents import DocumentRecord
from passerelle.domain.knowledge.library import Index

REMEMBERED_PASSAGES = 20_000
"""About 30 MB of passages in memory; those asked for longest ago leave first."""
_TRIES = 5
"""An edition can be removed while it is being opened, when two follow each other quickly."""


class TextIndex:
    """Implements `Index`: empty before the first ingest, then on one edition until `refresh`."""

    def __init__(self, folder: Path) -> None:
        self._editions = Editions(folder)
        self._mark = self._editions.mark()
        self._edition = self._open()

    @classmethod
    def open(cls, folder: Path) -> "TextIndex":
        """Raises `Unavailable` when the edition in force cannot be read."""
        return cls(folder)

    def refresh(self) -> bool:
        """Moves to a new edition if there is one; a few microseconds when there is none.

        One that cannot be read is tried again next time; the old one stays meanwhile.
        """
        mark = self._editions.mark()
        if mark == self._mark:
            return False
        try:
            self._edition = self._open()
        except Unavailable:
            return False
        self._mark = mark
        return True

    @property
    def version(self) -> Digest:
        return self._edition.version

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        return self._edition.search(question, limit=limit)

    def passage(self, passage_id: PassageId) -> Passage | None:
        return self._edition.passage(passage_id)

    def document_text(self, document: str) -> str | None:
        return self._edition.document_text(document)

    def documents(self) -> tuple[DocumentRecord, ...]:
        return self._edition.documents()

    def _open(self) -> Index:
        edition = self._editions.current()
        for _ in range(_TRIES):
            if edition is None:
                return MemoryIndex(())
            try:
                return _OpenEdition(edition)
            except (Unavailable, ValueError):
                newer = self._editions.current()
                if newer == edition:
                    break
                edition = newer
        raise Unavailable(
            f"Knowledge in {self._editions.folder} is damaged, or made by another version: "
            "run passerelle ingest."
        )


class _OpenEdition:
    """One edition, for as long as somebody holds it; then its file is closed."""

    def __init__(self, edition: Path) -> None:
        self._rows = PassagesFile(edition)
        if self._rows.format != text_search.FORMAT:
            raise Unavailable("Made by another version: run passerelle ingest.")
        self._text = text_search.TextSearch(edition)
        self._by_ordinal = lru_cache(REMEMBERED_PASSAGES)(self._rows.by_ordinal)
        self.version = self._rows.version
        self.documents = lru_cache(1)(self._rows.records)
        self.passage = self._rows.by_id

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        found = self._text.search(question, limit=limit)
        hits = [Hit(self._by_ordinal(ordinal), score) for score, ordinal in found]
        hits.sort(key=lambda hit: (-hit.score, hit.passage.id))
        return tuple(hits)

    def document_text(self, document: str) -> str | None:
        extracted = self._rows.extracted(document)
        return extracted.text if extracted else None
