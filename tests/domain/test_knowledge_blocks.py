"""The structure that passages are cut along."""

import pytest

from passerelle.domain.knowledge.blocks import front_matter_end, markdown_blocks, title_of


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in markdown_blocks(text)]


def test_headings_paragraphs_code_and_tables_are_told_apart() -> None:
    text = (
        "# One\n\nA line\nand another.\n\n```py\n# no heading\n\nx = 1\n```\n| a | b |\n| - | - |\n"
    )
    assert kinds(text) == [
        ("heading", "# One"),
        ("paragraph", "A line\nand another."),
        ("code", "```py\n# no heading\n\nx = 1\n```"),
        ("table", "| a | b |\n| - | - |"),
    ]


def test_a_rule_below_one_line_makes_it_a_heading() -> None:
    blocks = markdown_blocks("One\n===\n\nTwo\n---\n\ntext\n")
    assert [(block.kind, block.level, block.name) for block in blocks] == [
        ("heading", 1, "One"),
        ("heading", 2, "Two"),
        ("paragraph", 0, ""),
    ]


def test_a_shorter_fence_inside_does_not_close_the_code() -> None:
    text = "````\n```\ninner\n```\n````\nafter"
    assert kinds(text) == [("code", "````\n```\ninner\n```\n````"), ("paragraph", "after")]


def test_a_fence_that_never_closes_reaches_to_the_end() -> None:
    assert kinds("```\none\n\ntwo") == [("code", "```\none\n\ntwo")]


def test_heading_names_lose_their_marks_but_keep_their_underscores() -> None:
    blocks = markdown_blocks("# The **bold** `openai_style` and _slanted_ way ##\n")
    assert blocks[0].name == "The bold openai_style and slanted way"


def test_windows_line_breaks_change_nothing() -> None:
    text = "# One\r\n\r\nA line.\r\n\r\nB line.\r\n"
    assert kinds(text) == [
        ("heading", "# One"),
        ("paragraph", "A line."),
        ("paragraph", "B line."),
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 'The title'\ndraft: true\n---\n# Heading\n", "The title"),
        ('+++\ntitle = "The title"\n+++\n# Heading\n', "The title"),
        ("text\n\n# Heading\n\n# Second\n", "Heading"),
        ("## Only a second level\n", ""),
        ("```\n# comment\n```\n", ""),
        ("", ""),
    ],
)
def test_title_stands_in_the_settings_or_is_the_first_heading(text: str, title: str) -> None:
    assert title_of(text) == title


def test_settings_at_the_top_are_no_block() -> None:
    text = "---\ntitle: x\n---\nbody\n"
    assert kinds(text) == [("paragraph", "body")]


def test_a_rule_at_the_top_that_nothing_closes_is_no_settings() -> None:
    assert front_matter_end("---\nnot closed\n") == 0
