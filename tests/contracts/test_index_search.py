"""What every index must do, whatever it is made of."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerelle.adapters.store.memory_index import MemoryIndex
from passerelle.adapters.store.text_index import TextIndex
from passerelle.adapters.store.text_library import TextLibrary
from passerelle.core.values.ids import PassageId, digest_of
from passerelle.domain.knowledge.documents import DocumentRecord, Extracted
from passerelle.domain.knowledge.library import Index, NewDocument, Recipe
from passerelle.domain.knowledge.splitting import Splitting, split

TEXTS = {
    "bridges.md": (
        "# Bridges\n\nA footbridge carries people over a valley.\n\n"
        "## Length\n\nThe longest footbridge is 494 m long. It hangs in Switzerland.\n"
    ),
    "ferries.md": "# Ferries\n\nA ferry carries cars, lorries and people across the water.\n",
    "fees.md": "# Tickets\n\nThe crossing costs 4 euros. Children don't pay.\n",
    "橋.md": "# 橋\n\n東京の橋はとても長いです。\n",
}
Make = Callable[[Sequence[NewDocument]], Index]


def document(path: str, text: str) -> NewDocument:
    extracted = Extracted(text, text[2:].split("\n", 1)[0], markdown=True)
    passages = split(path, digest_of(text.encode()), extracted, Splitting())
    record = DocumentRecord(
        path=path,
        title=extracted.title,
        digest=digest_of(text.encode()),
        characters=len(text),
        passages=len(passages),
        status="indexed",
    )
    return NewDocument("", record, extracted, passages)


def quarantined(path: str) -> NewDocument:
    record = DocumentRecord(path, path, "", 0, 0, "quarantined", "unsupported format .zip")
    return NewDocument("", record, Extracted("", "", markdown=False), ())


@pytest.fixture(params=["memory", "tantivy"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return MemoryIndex

    def on_disk(documents: Sequence[NewDocument]) -> Index:
        edition = TextLibrary(tmp_path).begin(Recipe("test", "test"))
        for each in sorted(documents, key=lambda document: document.record.path):
            edition.add(each)
        edition.finish()
        edition.publish()
        return TextIndex.open(tmp_path)

    return on_disk


@pytest.fixture
def index(make: Make) -> Index:
    return make([*(document(path, text) for path, text in TEXTS.items()), quarantined("x.zip")])


def found(index: Index, question: str, limit: int = 3) -> list[str]:
    return [hit.passage.document for hit in index.search(question, limit=limit)]


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("How long is the longest footbridge?", "bridges.md"),
        ("which vehicles are carried by ferries", "ferries.md"),
        ("tickets", "fees.md"),
        ("do children pay", "fees.md"),
        ("COSTS OF CROSSING?!", "fees.md"),
    ],
)
def test_the_passage_that_answers_comes_first(index: Index, question: str, best: str) -> None:
    assert found(index, question)[0] == best


def test_scores_fall_and_no_more_than_the_limit_come(index: Index) -> None:
    hits = index.search("a footbridge or a ferry carries people", limit=2)
    assert len(hits) == 2
    assert hits[0].score >= hits[1].score > 0


def test_headings_and_titles_are_searched(make: Make) -> None:
    index = make(
        [
            document("a.md", "# Opening hours\n\nFrom nine to five.\n"),
            document("b.md", "# Address\n\nOld Street 1.\n"),
        ]
    )
    assert found(index, "opening hours") == ["a.md"]


def test_common_words_do_not_find_anything_by_themselves_but_for_want_of_others(
    index: Index,
) -> None:
    assert "fees.md" not in found(index, "what is the footbridge")
    assert found(index, "over the and")


@pytest.mark.parametrize(
    "question",
    [
        "",
        " ",
        "?",
        '"',
        "NOT (",
        "text:* ^2 ~",
        "\x00",
        "\ud800",
        "🌉",
        "a" * 100_000,
        "[a TO b]",
    ],
)
def test_odd_questions_find_nothing_and_harm_nothing(index: Index, question: str) -> None:
    assert index.search(question, limit=3) == ()


@given(question=st.text(max_size=200))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_question_can_fail(index: Index, question: str) -> None:
    assert len(index.search(question, limit=2)) <= 2


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_comes_when_nothing_is_wanted(index: Index, limit: int) -> None:
    assert index.search("footbridge", limit=limit) == ()


def test_a_question_of_ten_thousand_words_is_answered(index: Index) -> None:
    words = " ".join(f"word{number}" for number in range(10_000))
    assert found(index, f"footbridge {words}")[0] == "bridges.md"


def test_equal_passages_come_by_passage_id(make: Make) -> None:
    index = make([document(f"{name}.md", "# Same\n\nThe very same text.\n") for name in "abcd"])
    hits = index.search("same text", limit=4)
    assert len({hit.score for hit in hits}) == 1
    assert [hit.passage.id for hit in hits] == sorted(hit.passage.id for hit in hits)


def test_a_passage_is_opened_by_its_id_inside_its_document(index: Index) -> None:
    passage = index.search("longest footbridge", limit=1)[0].passage
    assert index.passage(passage.id) == passage
    text = index.document_text(passage.document)
    assert text == TEXTS["bridges.md"]
    assert text[passage.start : passage.end] == passage.text
    assert passage.heading == "Bridges > Length"


def test_unknown_and_quarantined_documents_have_no_text(index: Index) -> None:
    assert index.passage(PassageId("psg_unknown")) is None
    assert index.document_text("unknown.md") is None
    assert index.document_text("x.zip") is None


def test_all_documents_are_listed_by_path_with_what_became_of_them(index: Index) -> None:
    records = index.documents()
    assert [record.path for record in records] == sorted([*TEXTS, "x.zip"])
    told = {record.path: record for record in records}
    assert told["x.zip"].reason == "unsupported format .zip"
    assert told["bridges.md"].passages == 2
    assert told["bridges.md"].characters == len(TEXTS["bridges.md"])


def test_an_index_without_documents_is_empty_not_broken(make: Make) -> None:
    index = make([])
    assert index.search("anything", limit=3) == ()
    assert index.documents() == ()


def test_the_version_follows_the_content(make: Make) -> None:
    one = make([document("a.md", "# A\n\nText.\n")]).version
    other = make([document("a.md", "# A\n\nTexts.\n")]).version
    assert one != other
    assert make([document("a.md", "# A\n\nText.\n")]).version == one
