"""Does search find the paragraph that holds the answer, also when words are misspelt?"""

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measurements.datasets import rows
from measurements.report import Cell, Report, Table
from passerelle.adapters.store.memory_index import MemoryIndex
from passerelle.adapters.store.text_index import TextIndex
from passerelle.adapters.store.text_library import TextLibrary
from passerelle.core.statistics.bootstrap import paired_bootstrap
from passerelle.core.statistics.intervals import wilson
from passerelle.core.text.tokens import content_words
from passerelle.core.values.ids import Digest, PassageId, digest_of
from passerelle.core.values.passages import Passage
from passerelle.domain.knowledge.documents import DocumentRecord, Extracted
from passerelle.domain.knowledge.library import Index, NewDocument, Recipe
from passerelle.domain.knowledge.retrieval import retrieve

SOURCES = (
    "google-deepmind/xquad 7d30520c7175 (paragraphs, questions)",
    "noiseQA/NoiseQA 25c49cea2b54 (recorded typing and speech noise)",
)
VARIANTS = (
    "clean",
    "Natural/keyboard-natural",
    "Synthetic/keyboard-synthetic",
    "Natural/asr-natural",
    "Synthetic/asr-synthetic",
    "Natural/translation-natural",
)
DEPTH = 5
SEED = 7
NOTE = (
    "Share of questions whose own paragraph is the first of 100, or among the first five. "
    "`passerelle` is search as served; `plain BM25` the index in memory; `title only` takes a "
    "random paragraph of the article whose title shares most words with the question. "
    "Wilson intervals; questions on one paragraph depend on one another, so true intervals "
    "are somewhat wider. Nothing was tuned on these rows."
)
Search = Callable[[str], Sequence[str]]
"""Ids of the paragraphs found, best first, at most five."""


@dataclass(frozen=True, slots=True)
class Question:
    paragraph: str
    wordings: Mapping[str, str]
    """By variant; a few questions lack one."""


def measure(data: Path) -> Report:
    paragraphs = rows(data, "rag/xquad_docs.jsonl")
    questions = [_question(row) for row in rows(data, "rag/xquad_noise_questions.jsonl")]
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Search] = {
            "passerelle": _through(_on_disk(paragraphs, Path(folder))),
            "plain BM25": _through(MemoryIndex([_document(row) for row in paragraphs])),
            "title only": _by_title(paragraphs),
            "random": _at_random(paragraphs),
        }
        places = {
            (name, variant): [
                (question.paragraph, _place(search(question.wordings[variant]), question))
                for question in questions
                if variant in question.wordings
            ]
            for name, search in ways.items()
            for variant in VARIANTS
        }
    return Report("retrieval", (_shares(places), _differences(places)), SOURCES)


def _shares(places: Mapping[tuple[str, str], Sequence[tuple[str, int]]]) -> Table:
    lines: list[tuple[Cell, ...]] = [
        (variant, name, *(wilson(_within(found, depth), len(found)) for depth in (1, DEPTH)))
        for (name, variant), found in places.items()
    ]
    ordered = sorted(lines, key=lambda line: VARIANTS.index(str(line[0])))
    columns = ("questions", "search", "hit@1", f"hit@{DEPTH}")
    return Table("The paragraph that holds the answer", columns, tuple(ordered), NOTE)


def _differences(places: Mapping[tuple[str, str], Sequence[tuple[str, int]]]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for variant in VARIANTS:
        ours, plain = places["passerelle", variant], places["plain BM25", variant]
        difference = paired_bootstrap(
            [float(place == 1) for _, place in ours],
            [float(place == 1) for _, place in plain],
            groups=[paragraph for paragraph, _ in ours],
            seed=SEED,
        )
        lines.append((variant, difference))
    note = "Paired bootstrap over paragraphs; above 0 where search as served is better."
    columns = ("questions", "hit@1, passerelle minus plain BM25")
    return Table("Against plain BM25", columns, tuple(lines), note)


def _within(found: Sequence[tuple[str, int]], depth: int) -> int:
    return sum(1 <= place <= depth for _, place in found)


def _place(found: Sequence[str], question: Question) -> int:
    """1-based; 0 when it is not among them."""
    return found.index(question.paragraph) + 1 if question.paragraph in found else 0


def _question(row: Mapping[str, Any]) -> Question:
    known = {"clean": row["question"], **row["variants"]}
    return Question(row["doc_id"], {name: known[name] for name in VARIANTS if name in known})


def _document(row: Mapping[str, Any]) -> NewDocument:
    """Each paragraph is one document of one passage, titled as its article."""
    name, text, title = row["doc_id"], row["text"], row["title"].replace("_", " ")
    digest = digest_of(text.encode())
    passage = Passage(PassageId(name), name, title, "", text, 0, len(text), digest)
    record = DocumentRecord(name, title, Digest(digest), len(text), 1, "indexed")
    return NewDocument("", record, Extracted(text, title, markdown=False), (passage,))


def _on_disk(paragraphs: Sequence[Mapping[str, Any]], folder: Path) -> Index:
    edition = TextLibrary(folder).begin(Recipe("rows", "whole"))
    for row in sorted(paragraphs, key=lambda row: str(row["doc_id"])):
        edition.add(_document(row))
    edition.finish()
    edition.publish()
    return TextIndex.open(folder)


def _through(index: Index) -> Search:
    return lambda question: [hit.passage.document for hit in retrieve(index, question, limit=DEPTH)]


def _by_title(paragraphs: Sequence[Mapping[str, Any]]) -> Search:
    draw = random.Random(SEED)
    titles = {
        row["doc_id"]: set(content_words(row["title"].replace("_", " "))) for row in paragraphs
    }

    def search(question: str) -> list[str]:
        asked = set(content_words(question))
        ranked = sorted(titles, key=lambda name: (-len(asked & titles[name]), draw.random()))
        return ranked[:DEPTH]

    return search


def _at_random(paragraphs: Sequence[Mapping[str, Any]]) -> Search:
    draw = random.Random(SEED)
    names = [row["doc_id"] for row in paragraphs]
    return lambda _: draw.sample(names, DEPTH)
