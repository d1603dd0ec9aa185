"""What is searched for a question, and in which order hits come."""

import pytest

from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Hit, Passage
from passerelle.domain.knowledge.documents import DocumentRecord
from passerelle.domain.knowledge.retrieval import retrieve


class OneAnswer:
    """An index that gives what it was made with and remembers what it was asked."""

    version = Digest("0" * 64)

    def __init__(self, *hits: Hit) -> None:
        self._hits = hits
        self.asked: list[str] = []

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        self.asked.append(question)
        return self._hits[:limit]

    def passage(self, passage_id: PassageId) -> Passage | None:
        return next((hit.passage for hit in self._hits if hit.passage.id == passage_id), None)

    def document_text(self, document: str) -> str | None:
        return None if document else ""

    def documents(self) -> tuple[DocumentRecord, ...]:
        return ()


def hit(name: str, score: float) -> Hit:
    passage = Passage(PassageId(name), "d", "t", "", "text", 0, 4, Digest("0" * 64))
    return Hit(passage, score)


def test_equal_scores_are_ordered_by_passage_id() -> None:
    index = OneAnswer(hit("c", 1.0), hit("a", 1.0), hit("b", 2.0))
    found = retrieve(index, "anything", limit=3)
    assert [each.passage.id for each in found] == ["b", "a", "c"]


@pytest.mark.parametrize("limit", [0, -1])
def test_no_passage_wanted_is_no_search(limit: int) -> None:
    index = OneAnswer(hit("a", 1.0))
    assert retrieve(index, "anything", limit=limit) == ()
    assert index.asked == []


def test_a_short_follow_up_is_searched_together_with_the_question_before() -> None:
    index = OneAnswer()
    retrieve(index, "And in Lyon?", limit=3, history=["First?", "What are the fees in Paris?"])
    assert index.asked == ["What are the fees in Paris? And in Lyon?"]


def test_a_full_question_stands_alone() -> None:
    index = OneAnswer()
    retrieve(index, "What are the opening hours in Lyon?", limit=3, history=["Fees in Paris?"])
    assert index.asked == ["What are the opening hours in Lyon?"]
