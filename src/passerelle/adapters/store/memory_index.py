"""The index without a disk: plain BM25 over content words, for tests and small experiments."""

from collections import Counter
from collections.abc import Iterable
from math import log

from passerelle.core.text.tokens import content_words, stem, words
from passerelle.core.values.ids import Digest, PassageId, digest_of
from passerelle.core.values.passages import Hit, Passage
from passerelle.domain.knowledge.documents import DocumentRecord
from passerelle.domain.knowledge.library import NewDocument

SATURATION = 1.2
"""How soon repeating a word stops to count: k1 of BM25."""
LENGTH_WEIGHT = 0.75
"""How much long passages are marked down: b of BM25."""


class MemoryIndex:
    """Implements `Index`. Title and headings count as part of the text.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25
    and Beyond, 2009, section 3; the inverse document frequency is kept above 0.
    """

    def __init__(self, documents: Iterable[NewDocument]) -> None:
        self._documents = {document.record.path: document for document in documents}
        self._passages = {
            passage.id: passage
            for document in self._documents.values()
            for passage in document.passages
        }
        self._counts = {name: _counts(passage) for name, passage in self._passages.items()}
        self._lengths = {name: counts.total() for name, counts in self._counts.items()}
        self._average = sum(self._lengths.values()) / max(1, len(self._lengths))
        self._spread = Counter(word for counts in self._counts.values() for word in counts)

    @property
    def version(self) -> Digest:
        rows = sorted((path, kept.record.digest) for path, kept in self._documents.items())
        return digest_of(rows)

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        asked = _asked(question)
        scored = ((self._score(name, asked), name) for name in self._passages)
        best = sorted((-score, name) for score, name in scored if score > 0)
        return tuple(Hit(self._passages[name], -score) for score, name in best[: max(0, limit)])

    def passage(self, passage_id: PassageId) -> Passage | None:
        return self._passages.get(passage_id)

    def document_text(self, document: str) -> str | None:
        kept = self._documents.get(document)
        return kept.extracted.text if kept and kept.record.status == "indexed" else None

    def documents(self) -> tuple[DocumentRecord, ...]:
        return tuple(self._documents[path].record for path in sorted(self._documents))

    def _score(self, name: PassageId, asked: set[str]) -> float:
        counts, size = self._counts[name], self._lengths[name]
        relative = 1 - LENGTH_WEIGHT + LENGTH_WEIGHT * size / self._average
        return sum(
            self._weight(word)
            * counts[word]
            * (SATURATION + 1)
            / (counts[word] + SATURATION * relative)
            for word in sorted(asked & counts.keys())
        )

    def _weight(self, word: str) -> float:
        having = self._spread[word]
        return log(1 + (len(self._passages) - having + 0.5) / (having + 0.5))


def _counts(passage: Passage) -> Counter[str]:
    text = f"{passage.title} {passage.heading} {passage.text}"
    return Counter(stem(word) for word in words(text))


def _asked(question: str) -> set[str]:
    """Stems of the telling words; of all words where there are no others."""
    return set(content_words(question)) or {stem(word) for word in words(question)}
