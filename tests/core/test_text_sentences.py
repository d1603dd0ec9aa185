import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.text.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith paid $3.50. He left.", ["Dr. Smith paid $3.50.", "He left."]),
        ("J. R. Tolkien wrote it. It sold.", ["J. R. Tolkien wrote it.", "It sold."]),
        ("He moved to the U.S. The end came.", ["He moved to the U.S.", "The end came."]),
        ("The U.S. Senate voted.", ["The U.S. Senate voted."]),
        ("See Fig. 3, e.g. the left side.", ["See Fig. 3, e.g. the left side."]),
        ("The answer is no. Then we left.", ["The answer is no.", "Then we left."]),
        ("It is No. 5 of ten.", ["It is No. 5 of ten."]),
        ('"Really?" she said. Yes.', ['"Really?" she said.', "Yes."]),
        ("这是一。很好！是", ["这是一。", "很好！", "是"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_end_where_a_reader_would_say(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is red. [1] It is big. [2, 3]", ["It is red. [1]", "It is big. [2, 3]"]),
        ("It ended.[4][5] Then rain.", ["It ended.[4][5]", "Then rain."]),
        ("It is red [1]. It is big.", ["It is red [1].", "It is big."]),
    ],
)
def test_a_citation_belongs_to_the_sentence_before_it(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_blocks_of_markdown_are_kept_apart() -> None:
    text = (
        "# Title\nSome text\nthat is wrapped here.\n\n- item one. More\n- item two\n"
        "\n```sh\nmake run. Yes\n\nmake test\n```\n| a | b |\n|---|---|\n"
        "\n1. First\n2. Second\n> Said."
    )
    assert sentences(text) == [
        "# Title",
        "Some text\nthat is wrapped here.",
        "item one.",
        "More",
        "item two",
        "```sh\nmake run. Yes\n\nmake test\n```",
        "| a | b |",
        "|---|---|",
        "First",
        "Second",
        "Said.",
    ]


def test_a_hard_wrapped_line_goes_on() -> None:
    text = (
        "The bridge over the river was built\nby Peter Miller in the year of the\nflood. It stands."
    )
    assert sentences(text) == [text[:-11], "It stands."]


def test_a_line_that_had_room_for_more_ends_its_sentence() -> None:
    text = "Media Play News\nThe voice of the home entertainment industry is here"
    assert sentences(text) == text.split("\n")


def test_an_open_code_fence_runs_to_the_end() -> None:
    assert sentences("Run:\n~~~\na. B\nc") == ["Run:", "~~~\na. B\nc"]


@given(st.text(alphabet="aA1.!?。 \n\t#|`->*[]()'\"é", max_size=120))
def test_spans_are_trimmed_ordered_and_miss_no_word(text: str) -> None:
    spans = sentence_spans(text)
    covered = 0
    for start, end in spans:
        assert covered <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert "A" not in text[covered:start]
        covered = end
    assert "A" not in text[covered:]


@pytest.mark.parametrize(
    "part", [".", '."', ". [1] ", "[1] ", " ", "\n", "- ", "#", "|", "`", "1. ", "no. ", "。"]
)
def test_no_text_takes_more_than_its_share_of_time(part: str) -> None:
    # A quadratic pattern needs minutes for this length.
    text = part * (200_000 // len(part)) + "x"
    assert sentence_spans(text)
