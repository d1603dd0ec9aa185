import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

from passerelle.domain.evaluation.overlap import (
    covered,
    holds,
    longest_common_subsequence,
    rouge_l,
    token_f1,
    without_markers,
)

SCORER = RougeScorer(["rougeL"], use_stemmer=False)
TEXTS = st.text(alphabet=st.sampled_from("abc é1İß-_.\n"), max_size=60) | st.text(max_size=80)
WORDS = st.lists(st.sampled_from("abcd"), max_size=90)
PAIRS = [
    ("The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."),
    ("police killed the gunman", "the gunman police killed"),
    ("", "something"),
    ("!!!", "???"),
    ("naïve café", "naive cafe"),
    ("x-request-id 18080 key_id", "The header x-request-id, port 18080 and key_id"),
]


@pytest.mark.parametrize(("answer", "reference"), PAIRS)
def test_rouge_l_is_that_of_the_rouge_score_package(answer: str, reference: str) -> None:
    expected = SCORER.score(reference, answer)["rougeL"].fmeasure
    assert rouge_l(answer, reference) == pytest.approx(expected, abs=1e-9)


@given(TEXTS, TEXTS)
def test_rouge_l_is_that_of_the_rouge_score_package_for_any_texts(one: str, two: str) -> None:
    expected = SCORER.score(two, one)["rougeL"].fmeasure
    assert rouge_l(one, two) == pytest.approx(expected, abs=1e-9)


@given(WORDS, WORDS)
def test_the_bit_parallel_subsequence_is_as_long_as_that_of_the_textbook(
    first: list[str], second: list[str]
) -> None:
    rows = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in enumerate(first, start=1):
        for j, two in enumerate(second, start=1):
            rows[i][j] = (
                rows[i - 1][j - 1] + 1 if one == two else max(rows[i - 1][j], rows[i][j - 1])
            )
    assert longest_common_subsequence(first, second) == rows[-1][-1]


@pytest.mark.parametrize(
    ("answer", "reference", "f1"),
    [
        # By hand, as the SQuAD script counts: articles and punctuation do not matter.
        ("The Denver Broncos.", "denver broncos", 1.0),
        ("the Denver Broncos won", "Denver Broncos", 0.8),
        ("Broncos Broncos", "Denver Broncos", 0.5),
        ("Carolina", "Denver Broncos", 0.0),
        ("", "", 1.0),
        ("", "Denver", 0.0),
        ("a an the", "", 1.0),
    ],
)
def test_token_f1_counts_as_squad_does(answer: str, reference: str, f1: float) -> None:
    assert token_f1(answer, reference) == pytest.approx(f1)


@given(TEXTS, TEXTS)
def test_scores_lie_between_0_and_1_and_f1_is_symmetric(one: str, two: str) -> None:
    assert 0 <= rouge_l(one, two) <= 1
    assert 0 <= covered(one, two) <= 1
    assert token_f1(one, two) == pytest.approx(token_f1(two, one))


def test_citation_markers_are_not_part_of_an_answer() -> None:
    assert without_markers("It is 4 %. [1] Or more [2]. Not [email].") == (
        "It is 4 %. Or more. Not [email]."
    )


@pytest.mark.parametrize(
    ("answer", "reference", "held"),
    [
        ("Fees are 4 percent of any amount.", "The fee is 4 percent.", True),
        ("Fees are 5 percent of any amount.", "The fee is 4 percent.", False),
        ("Status 429 and a code.", "Status 429 and the code insufficient_quota.", False),
        ("Status 429, `insufficient_quota`.", "Status 429, code insufficient_quota.", True),
        ("Refunds.", "Refunds take ten days.", False),
        ("Refunds need ten days.", "Refunds take ten days.", True),
    ],
)
def test_an_answer_holds_a_reference_with_its_numbers_and_half_of_its_words(
    answer: str, reference: str, *, held: bool
) -> None:
    assert holds(answer, reference) is held
