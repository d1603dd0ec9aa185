"""Passages: exact spans, no word lost, never too long, along the structure."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.core.values.ids import digest_of
from passerelle.domain.knowledge.blocks import front_matter_end, markdown_blocks, title_of
from passerelle.domain.knowledge.documents import Extracted
from passerelle.domain.knowledge.splitting import Splitting, pieces, split

SMALL = Splitting(target=120, longest=200)
OVERLAPPING = Splitting(target=120, longest=200, overlap=True)
DIGEST = digest_of(b"document")

line = st.one_of(
    st.sampled_from(["", "# Top", "## Below", "```", "~~~", "| a | b |", "---", "===", "- item"]),
    st.text(alphabet="ab .\n\t\r#|`é漢\u2028", max_size=300),
    st.lists(st.sampled_from(["One sentence.", "Another?", "word"]), max_size=40).map(" ".join),
)
texts = st.lists(line, max_size=25).map("\n".join)


@given(texts, st.sampled_from([SMALL, OVERLAPPING]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_passage_is_the_text_between_its_offsets_and_never_too_long(
    text: str,
    splitting: Splitting,
    markdown: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    passages = split("a/b.md", DIGEST, Extracted(text, "", markdown=markdown), splitting)
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text == passage.text.strip()
        assert 0 < len(passage.text) <= splitting.longest
    assert len({passage.id for passage in passages}) == len(passages)


@given(texts, st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_word_outside_headings_is_in_exactly_one_passage(
    text: str,
    markdown: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    found = pieces(text, SMALL, markdown=markdown)
    covered = [0] * len(text)
    for piece in found:
        for place in range(piece.start, piece.end):
            covered[place] += 1
    start = front_matter_end(text) if markdown else 0
    headings = [block for block in markdown_blocks(text) if markdown and block.kind == "heading"]
    for word in re.finditer(r"\w", text[start:]):
        place = start + word.start()
        if not any(block.start <= place < block.end for block in headings):
            assert covered[place] == 1
    assert max(covered, default=0) <= 1


def test_headings_above_become_the_breadcrumb_and_separate_passages() -> None:
    text = "# Top\n\nIntro.\n\n## A\n\nAbout a.\n\n### Deep\n\nDeep text.\n\n## B\n\nAbout b.\n"
    passages = split("x.md", DIGEST, Extracted(text, "Top", markdown=True), Splitting())
    assert [(passage.heading, passage.text) for passage in passages] == [
        ("Top", "Intro."),
        ("Top > A", "About a."),
        ("Top > A > Deep", "Deep text."),
        ("Top > B", "About b."),
    ]


def test_paragraphs_of_one_section_are_packed_up_to_the_target() -> None:
    text = "\n\n".join(f"Paragraph {number} is here. " + "x" * 40 for number in range(6))
    found = pieces(text, SMALL, markdown=True)
    assert [text[piece.start : piece.end].count("Paragraph") for piece in found] == [2, 2, 2]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = " ".join(f"This is the sentence with the number {number}." for number in range(20))
    found = [text[piece.start : piece.end] for piece in pieces(text, SMALL, markdown=False)]
    assert len(found) > 3
    assert all(passage.startswith("This") and passage.endswith(".") for passage in found)


def test_code_and_tables_stay_whole_while_they_fit() -> None:
    code = "```\n" + "\n".join(f"line {number}" for number in range(15)) + "\n```"
    text = f"{'Before it. ' * 9}\n\n{code}\n\nAfter it.\n"
    found = [text[piece.start : piece.end] for piece in pieces(text, SMALL, markdown=True)]
    assert any(code in passage for passage in found)


def test_a_long_table_is_cut_between_its_rows() -> None:
    rows = [f"| row {number} | {'x' * 30} |" for number in range(20)]
    text = "\n".join(rows)
    for piece in pieces(text, SMALL, markdown=True):
        assert set(text[piece.start : piece.end].split("\n")) <= set(rows)


def test_overlap_repeats_the_last_sentence_of_the_passage_before() -> None:
    text = " ".join(f"This is the sentence with the number {number}." for number in range(20))
    found = pieces(text, OVERLAPPING, markdown=False)
    for before, after in pairwise(found):
        shared = text[after.start : before.end]
        assert shared.startswith("This is the sentence")
        assert shared.count(".") == 1


def test_a_heading_with_nothing_below_is_a_passage_of_its_own() -> None:
    text = "# Top\n\n## Empty\n\n## Full\n\nText.\n"
    passages = split("x.md", DIGEST, Extracted(text, "Top", markdown=True), Splitting())
    assert [passage.text for passage in passages] == ["## Empty", "Text."]


def test_a_document_without_a_title_is_called_by_its_file_name() -> None:
    passages = split("a/b.txt", DIGEST, Extracted("Some text.", "", markdown=False), Splitting())
    assert passages[0].title == "b.txt"


@pytest.mark.parametrize("text", ["", " \n\n ", "---\n\n***\n", "---\ntitle: only\n---\n"])
def test_a_text_without_words_has_no_passages(text: str) -> None:
    assert split("x.md", DIGEST, Extracted(text, "", markdown=True), Splitting()) == []


def test_ids_stay_the_same_until_something_that_is_shown_changes() -> None:
    def ids(document: str, text: str) -> list[str]:
        extracted = Extracted(text, "", markdown=False)
        return [passage.id for passage in split(document, digest_of(text), extracted, SMALL)]

    assert ids("a.txt", "Some text.") == ids("a.txt", "Some text.")
    assert ids("a.txt", "Some text.") != ids("b.txt", "Some text.")
    assert ids("a.txt", "Some text.") != ids("a.txt", "Some test.")


def test_the_name_of_a_splitting_tells_different_cuts_apart() -> None:
    names = {Splitting().name, SMALL.name, Splitting(overlap=True).name, Splitting(800).name}
    assert len(names) == 4


@pytest.mark.parametrize(
    "text",
    [
        "# " + " " * 200_000 + "x",
        "# " + "_" * 200_000 + "x",
        "# " + "# " * 100_000 + "x",
        "---\ntitle: a" + " " * 200_000 + "b\n---\n",
        "x" * 500_000,
        "x " * 250_000,
        "." * 500_000,
        "\n" * 500_000 + "x",
        "`" * 500_000,
        "```\n" * 100_000,
        "> " * 200_000,
        "[1] " * 100_000,
        "|" * 500_000,
        "# a\n" * 50_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_no_text_takes_more_than_linear_time(text: str) -> None:
    started = time.process_time()
    title_of(text)
    pieces(text, Splitting(), markdown=True)
    pieces(text, OVERLAPPING, markdown=False)
    assert time.process_time() - started < 10  # quadratic would be hours
