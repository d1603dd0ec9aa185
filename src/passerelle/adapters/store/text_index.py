"""What serving reads: the edition in force, searched by BM25."""

from functools import lru_cache
from pathlib import Path

from passerelle.adapters.store import text_search
from passerelle.adapters.store.editions import Editions
from passerelle.adapters.store.passages_file import PassagesFile
from passerelle.core.values.errors import NotFound, Unavailable
from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Hit, Passage
from passerelle.domain.knowledge.documents import DocumentRecord

REMEMBERED_PASSAGES = 20_000
"""About 30 MB of passages in memory; those asked for longest ago leave first."""
_TRIES = 5
"""An edition can be removed while it is being opened, when two follow each other quickly."""


class TextIndex:
    """Implements `Index`. Stays on one edition until `refresh` is called."""

    def __init__(self, folder: Path) -> None:
        self._editions = Editions(folder)
        self._mark = self._editions.mark()
        self._opened = self._open()

    @classmethod
    def open(cls, folder: Path) -> "TextIndex":
        """Raises `NotFound` before the first ingest, `Unavailable` when it cannot be read."""
        return cls(folder)

    def refresh(self) -> bool:
        """Moves to a new edition if there is one; costs a few microseconds when there is none."""
        mark = self._editions.mark()
        if mark == self._mark:
            return False
        self._opened, self._mark = self._open(), mark
        return True

    @property
    def version(self) -> Digest:
        return self._opened.rows.version

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        opened = self._opened
        found = opened.text.search(question, limit=limit)
        hits = [Hit(opened.passage(ordinal), score) for score, ordinal in found]
        hits.sort(key=lambda hit: (-hit.score, hit.passage.id))
        return tuple(hits)

    def passage(self, passage_id: PassageId) -> Passage | None:
        return self._opened.rows.by_id(passage_id)

    def document_text(self, document: str) -> str | None:
        extracted = self._opened.rows.extracted(document)
        return extracted.text if extracted else None

    def documents(self) -> tuple[DocumentRecord, ...]:
        return self._opened.rows.records()

    def _open(self) -> "_Opened":
        for _ in range(_TRIES):
            edition = self._editions.current()
            if edition is None:
                raise NotFound("Nothing has been ingested yet: run passerelle ingest.")
            try:
                return _Opened(edition)
            except (Unavailable, ValueError):
                if edition == self._editions.current():
                    raise Unavailable(
                        f"Knowledge in {edition} is damaged: remove {self._editions.folder}, "
                        "then run passerelle ingest."
                    ) from None
        raise Unavailable("Knowledge changes faster than it can be opened: wait for ingest.")


class _Opened:
    """One edition, for as long as somebody holds it."""

    def __init__(self, edition: Path) -> None:
        self.rows = PassagesFile(edition)
        self.text = text_search.TextSearch(edition)
        self.passage = lru_cache(REMEMBERED_PASSAGES)(self.rows.by_ordinal)
