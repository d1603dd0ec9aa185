"""BM25 over the passages of one edition, by tantivy."""

import re
from collections.abc import Iterable
from functools import lru_cache
from math import log
from pathlib import Path
from typing import TypeAlias

import tantivy

from passerelle.core.text.tokens import STOP_WORDS

FOLDER_NAME = "text"
FORMAT = "tantivy-0.27/1"
"""Changes whenever an index on disk would be read or written differently."""
TEXT_BOOST = 1.0
EXACT_BOOST = 0.3
"""Weight of words as they are written, on top of their stems."""
HEADING_BOOST = 0.5
"""Weight of title and headings."""
MISSPELT_BOOST = 1.2
"""Weight of words one letter away from a word that occurs nowhere."""
MOST_MISSPELT = 6
"""Words of one question that are looked up with a letter's tolerance."""
SHORTEST_MISSPELT = 4
MOST_TERMS = 64
"""Distinct words of one question that are searched: the rarest."""
MOST_CHARACTERS = 20_000
"""Of one question that are looked at."""

_TEXT, _EXACT, _HEADING, _ORDINAL = "text", "exact", "heading", "ordinal"
_FREQUENCIES = "freq"
_WRITER_BYTES = 50_000_000
_LONGEST_WORD = 60
# Scripts without spaces between words: every sign is a word of its own.
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_CLITICS = frozenset({"s", "t", "d", "m", "ll", "re", "ve"})
"""What splitting at the apostrophe leaves of it's, don't, we'd and the like."""


REMEMBERED_WORDS = 8_192
"""About 4 MB."""
Clause: TypeAlias = tuple[tantivy.Occur, tantivy.Query]


class TextSearch:
    """An opened index; searching takes no lock and touches no stored document."""

    def __init__(self, edition: Path) -> None:
        index = tantivy.Index.open(str(edition / FOLDER_NAME))
        self._schema = index.schema
        self._searcher = index.searcher()
        self._written = _analyzer(stemmed=False)
        self._stemmed = _analyzer(stemmed=True)
        # An edition never changes, so neither does what a word comes to.
        self._clauses = lru_cache(REMEMBERED_WORDS)(self._clauses_of)
        self._known = lru_cache(REMEMBERED_WORDS)(self._occurs)
        self._near = lru_cache(REMEMBERED_WORDS)(self._near_to)

    def search(self, question: str, *, limit: int) -> list[tuple[float, int]]:
        """Scores and ordinals, best first; equal scores by ordinal. Empty without words."""
        terms = self._terms(question)
        if not terms or limit < 1:
            return []
        found = self._searcher.search(self._query(terms), limit=limit, count=False).hits
        addresses = [address for _, address in found]
        ordinals = self._searcher.fast_field_values(_ORDINAL, addresses)
        return [
            (float(score), int(ordinal or 0))
            for (score, _), ordinal in zip(found, ordinals, strict=True)
        ]

    def _terms(self, question: str) -> list[tuple[str, str]]:
        """Distinct words with their stems; the common ones only when there are no others."""
        text = _spaced(question[:MOST_CHARACTERS])
        pairs = dict(zip(self._written.analyze(text), self._stemmed.analyze(text), strict=True))
        telling = [pair for pair in pairs.items() if pair[0] not in _COMMON]
        terms = telling or list(pairs.items())
        if len(terms) > MOST_TERMS:
            terms = sorted(terms, key=self._rarity)[:MOST_TERMS]
        return terms

    def _rarity(self, term: tuple[str, str]) -> tuple[bool, int]:
        """Rarest first, words that occur nowhere last."""
        count = self._searcher.doc_freq(_TEXT, term[1])
        return count == 0, count

    def _query(self, terms: Iterable[tuple[str, str]]) -> tantivy.Query:
        clauses: list[Clause] = []
        unknown: list[str] = []
        for written, stem in terms:
            clauses += self._clauses(written, stem)
            if len(written) >= SHORTEST_MISSPELT and not self._known(written, stem):
                unknown.append(written)
        for written in unknown[:MOST_MISSPELT]:
            clauses += self._near(written)
        return tantivy.Query.boolean_query(clauses)

    def _clauses_of(self, written: str, stem: str) -> tuple[Clause, ...]:
        return (
            (_SHOULD, self._term(_TEXT, stem)),
            (_SHOULD, _boosted(self._term(_EXACT, written), EXACT_BOOST)),
            (_SHOULD, _boosted(self._term(_HEADING, stem), HEADING_BOOST)),
        )

    def _occurs(self, written: str, stem: str) -> bool:
        count = self._searcher.doc_freq
        return bool(count(_TEXT, stem) or count(_EXACT, written) or count(_HEADING, stem))

    def _near_to(self, written: str) -> tuple[Clause, ...]:
        """Words one letter away, which the engine scores alike: weighted by how rare they are."""
        near = tantivy.Query.fuzzy_term_query(self._schema, _EXACT, written)
        found = self._searcher.search(near, limit=1, count=True)
        having = int(found.count)  # type: ignore[attr-defined]  # missing in its stubs
        if not having:
            return ()
        rarity = log(1 + (self._searcher.num_docs - having + 0.5) / (having + 0.5))
        return ((_SHOULD, _boosted(near, MISSPELT_BOOST * rarity)),)

    def _term(self, field: str, word: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, word, _FREQUENCIES)


_SHOULD = tantivy.Occur.Should
_boosted = tantivy.Query.boost_query
_COMMON = STOP_WORDS | _CLITICS


def build(edition: Path, passages: Iterable[tuple[int, str, str, str]]) -> None:
    """Writes the index of an edition from ordinal, title, heading and text of its passages."""
    folder = edition / FOLDER_NAME
    folder.mkdir()
    index = tantivy.Index(_schema(), path=str(folder))
    index.register_tokenizer("written", _analyzer(stemmed=False))
    index.register_tokenizer("stemmed", _analyzer(stemmed=True))
    writer = index.writer(_WRITER_BYTES, 1)  # one thread: equal documents give an equal index
    for ordinal, title, heading, text in passages:
        document = tantivy.Document()
        document.add_unsigned(_ORDINAL, ordinal)
        spaced = _spaced(text)
        document.add_text(_TEXT, spaced)
        document.add_text(_EXACT, spaced)
        # A first heading that repeats the title would count twice.
        document.add_text(_HEADING, _spaced(heading if title in heading else f"{title} {heading}"))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field(_ORDINAL, fast=True)
    builder.add_text_field(_TEXT, tokenizer_name="stemmed", index_option=_FREQUENCIES)
    builder.add_text_field(_EXACT, tokenizer_name="written", index_option=_FREQUENCIES)
    builder.add_text_field(_HEADING, tokenizer_name="stemmed", index_option=_FREQUENCIES)
    return builder.build()


def _analyzer(*, stemmed: bool) -> tantivy.TextAnalyzer:
    builder = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
    )
    if stemmed:
        builder = builder.filter(tantivy.Filter.stemmer("english"))
    return builder.build()


def _spaced(text: str) -> str:
    """With half characters, which JSON can carry, replaced."""
    if text.isascii():
        return text
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return _UNSPACED.sub(r" \1 ", whole)
