"""The bundled dataset: its references stand in the documents that it names."""

from collections import Counter
from pathlib import Path

import pytest

from passerelle.core.text.tokens import content_words
from passerelle.domain.evaluation.cases import Case, parse_cases

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FILE = ROOT / "usecases" / "handbook" / "cases.jsonl"
CASES, FAULTS = parse_cases(FILE.read_text("utf-8"), FILE.name)
ANSWERABLE = [case for case in CASES if case.answerable]
MULTI = "multi-document"


def words_of(document: str) -> set[str]:
    return set(content_words((DOCS / document).read_text("utf-8")))


def test_every_line_of_the_dataset_is_a_case() -> None:
    assert FAULTS == ()


def test_it_is_large_enough_and_holds_enough_that_cannot_be_answered() -> None:
    assert len(CASES) >= 130
    assert len(CASES) - len(ANSWERABLE) >= 35


def test_every_slice_has_enough_cases_to_be_reported() -> None:
    slices = Counter(case.slice for case in CASES)
    assert set(slices) == {
        "definitions",
        "facts",
        "howto",
        "numbers",
        MULTI,
        "typos",
        "unanswerable_near",
        "unanswerable_far",
    }
    assert min(slices.values()) >= 10


def test_the_unanswerable_slices_hold_the_unanswerable_cases() -> None:
    for case in CASES:
        assert case.slice.startswith("unanswerable") is not case.answerable, case.id


def test_no_question_is_asked_twice() -> None:
    questions = Counter(case.question.casefold() for case in CASES)
    assert [question for question, times in questions.items() if times > 1] == []


@pytest.mark.parametrize("case", ANSWERABLE, ids=lambda case: case.id)
def test_every_content_word_of_a_reference_stands_in_the_documents_it_names(case: Case) -> None:
    assert case.documents
    wanted = set(content_words(case.reference))
    found = [wanted & words_of(document) for document in case.documents]
    assert set.union(*found) == wanted
    for words in found:
        # Of an answer that takes several pages, each page holds a good part.
        assert len(words) >= len(wanted) / 2 if case.slice == MULTI else words == wanted


def test_the_scaffold_comes_with_cases_that_can_be_read() -> None:
    templates = ROOT / "src" / "passerelle" / "stories" / "govern" / "templates"
    cases, faults = parse_cases((templates / "usecase" / "cases.jsonl").read_text("utf-8"), "x")
    assert faults == ()
    assert {case.answerable for case in cases} == {True, False}
