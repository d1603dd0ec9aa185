import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Passage
from passerelle.core.values.verdicts import Support
from passerelle.domain.grounding.detector import ground

BRIDGE = (
    "The footbridge over the Rhine was built in 1922 by Maria Keller. It is 1.5 km long and "
    "carries 4,000 people a day.\n\nCyclists are not allowed to cross it. The city of Breisach "
    "pays $2 million a year for its upkeep. Repairs take place every March, mostly at night."
)
TOWN = (
    "Breisach lies on the east bank of the river. Its market opens on 8 December 2024 and closes "
    "two weeks later. Visitors buy tickets at the town hall, which costs five euros per person."
)


def passage(text: str, place: int = 0) -> Passage:
    document = f"doc{place}.md"
    end = 100 + len(text)
    return Passage(
        PassageId(f"psg_{place}"), document, "Title", "", text, 100, end, Digest("0" * 64)
    )


PASSAGES = [passage(BRIDGE), passage(TOWN, 1)]


def test_a_quoted_sentence_is_supported_where_it_stands() -> None:
    grounding = ground("Cyclists are not allowed to cross it. [1]", PASSAGES)
    assert (grounding.support, grounding.score) == (Support.SUPPORTED, 1.0)
    citation = grounding.claims[0].citation
    assert citation is not None
    assert (citation.number, citation.passage, citation.document) == (1, "psg_0", "doc0.md")
    assert citation.quote == "Cyclists are not allowed to cross it."
    assert BRIDGE[citation.start - 100 : citation.end - 100] == citation.quote


def test_words_in_other_breaks_and_marks_are_a_quotation_too() -> None:
    grounding = ground("Breisach lies on the *east bank* of\nthe river", PASSAGES)
    assert grounding.score == 1.0
    citation = grounding.claims[0].citation
    assert citation is not None
    assert citation.quote == "Breisach lies on the east bank of the river."


def test_a_word_is_not_quoted_out_of_a_longer_one() -> None:
    assert ground("It is 1", [passage("It is 15 metres.")]).score < 1.0


def test_the_whole_is_as_good_as_its_weakest_claim() -> None:
    answer = "Cyclists are not allowed to cross it. Elephants invented quantum mechanics."
    grounding = ground(answer, PASSAGES)
    assert grounding.support is Support.UNSUPPORTED
    assert [claim.support for claim in grounding.claims] == [
        Support.SUPPORTED,
        Support.UNSUPPORTED,
    ]
    assert grounding.score == grounding.claims[1].score < 0.1
    assert [answer[claim.start : claim.end] for claim in grounding.claims] == [
        "Cyclists are not allowed to cross it.",
        "Elephants invented quantum mechanics.",
    ]


def test_a_claim_without_a_common_word_has_no_citation() -> None:
    assert ground("Elephants dance.", PASSAGES).claims[0].citation is None


def test_equal_evidence_is_taken_from_the_cited_passage() -> None:
    twins = [passage("It rains a lot here.", 0), passage("It rains a lot here.", 1)]
    for number, answer in ((1, "It rains a lot. [1]"), (2, "It rains a lot. [2]")):
        citation = ground(answer, twins).claims[0].citation
        assert citation is not None
        assert citation.number == number


@pytest.mark.parametrize(
    "answer",
    [
        "Maria Keller built the bridge over the Rhine in 1922.",
        "The bridge is 1,500 metres long.",
        "The footbridge is 1.5 kilometres long.",
        "4000 people cross the footbridge every day.",
        "Breisach pays 2,000,000 dollars a year for the upkeep.",
        "Repairs take place at night in March.",
        "The market opens on December 8th, 2024.",
        "The market of Breisach opens on 2024-12-08.",
        "The market closes 14 days later.",
        "The town hall sells tickets for 5 euros per person.",
        "Cyclists aren't allowed to cross the footbridge.",
        "Breisach lies on the east bank.",
    ],
)
def test_other_words_for_the_same_are_supported(answer: str) -> None:
    assert ground(answer, PASSAGES).support is Support.SUPPORTED


@pytest.mark.parametrize(
    "answer",
    [
        "Cyclists are allowed to cross it.",
        "The footbridge over the Rhine is 2.5 km long.",
        "The footbridge is 1,200 metres long and carries 4,000 people a day.",
        "The city of Breisach pays $3 million a year for its upkeep.",
        "Its market opens on 9 December 2024.",
        "The footbridge carries 9,000 people a day.",
        "Visitors do not buy tickets at the town hall.",
        "Tickets at the town hall cost seven euros per person.",
    ],
)
def test_the_opposite_is_contradicted(answer: str) -> None:
    grounding = ground(answer, PASSAGES)
    assert grounding.support is Support.CONTRADICTED
    assert grounding.score < 0.5
    assert grounding.claims[0].citation is not None


@pytest.mark.parametrize(
    "answer",
    [
        "The footbridge was designed by Gustave Eiffel.",
        "The bridge was painted green after the war.",
        "Breisach has a famous cathedral and a wine museum.",
        "The Rhine freezes over in most winters.",
        "Tickets can be ordered by telephone from Freiburg.",
        "Dogs and horses need a special permit.",
        "Maria Keller studied architecture in Vienna.",
        "Its market was cancelled because of heavy snow.",
    ],
)
def test_what_nobody_said_is_unsupported(answer: str) -> None:
    assert ground(answer, PASSAGES).support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("I do not know: the documents at hand do not answer this.", "refusal"),
        ("I’m sorry, but I cannot answer that.", "refusal"),
        ("The provided documents do not contain this information.", "refusal"),
        ("Yes.", "no_claim"),
        ("# Bridge", "no_claim"),
        ("这座桥建于一九二二年，由玛丽亚设计。", "script_without_spaces"),
    ],
)
def test_what_cannot_be_judged_is_not_scanned_with_a_reason(answer: str, reason: str) -> None:
    grounding = ground(answer, PASSAGES)
    assert (grounding.support, grounding.score) == (Support.NOT_SCANNED, 0.0)
    assert grounding.reason == reason


@pytest.mark.parametrize("passages", [[], [passage("")], [passage(" \n ")]])
def test_without_passages_nothing_is_judged(passages: list[Passage]) -> None:
    assert ground("It is red.", passages).reason == "no_passages"


def test_the_words_of_a_prompt_are_a_refusal_too() -> None:
    words = "Das steht nicht in den Unterlagen."
    assert ground(words, PASSAGES, refusal=words).reason == "refusal"
    assert ground(words, PASSAGES).support is Support.UNSUPPORTED


def test_a_remark_in_a_long_answer_is_no_refusal() -> None:
    answer = "I do not know who paid. It is 1.5 km long. Cyclists are not allowed to cross it."
    assert ground(answer, PASSAGES).support is not Support.NOT_SCANNED


def test_a_stricter_threshold_supports_less() -> None:
    answer = "Repairs take place at night in March."
    assert ground(answer, PASSAGES, threshold=0.99).support is Support.UNSUPPORTED


@given(st.text(max_size=300), st.lists(st.text(max_size=200), max_size=3))
def test_any_answer_and_any_passages_get_a_verdict(answer: str, texts: list[str]) -> None:
    grounding = ground(answer, [passage(text, place) for place, text in enumerate(texts)])
    assert 0 <= grounding.score <= 1
    for claim in grounding.claims:
        assert 0 <= claim.score <= 1
        assert 0 <= claim.start < claim.end <= len(answer)
        if claim.citation:
            text = texts[claim.citation.number - 1]
            assert text[claim.citation.start - 100 : claim.citation.end - 100]


def test_tables_code_and_lists_are_judged() -> None:
    table = [passage("| name | price |\n|---|---|\n| red | 5 |\n\n```sh\nmake run\n```")]
    assert ground("- red costs 5\n- `make run`", table).claims
    assert ground("```sh\nmake run\n```", table).score == 1.0


@pytest.mark.parametrize("part", ["[1] ", " ", ".", "1 ", "1 May ", "not ", "I do not ", "a "])
def test_no_answer_takes_more_than_its_share_of_time(part: str) -> None:
    # A quadratic pattern needs minutes for this length.
    text = part * (100_000 // len(part)) + "bridge [2]"
    assert ground(text, PASSAGES).support is not Support.SUPPORTED
