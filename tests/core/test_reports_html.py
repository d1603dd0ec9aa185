import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from passerelle.core.reports.html import PALETTE, TEXT_PAIRS, render_html
from tests.core.reports import HOSTILE, report

CONSOLE = Path(__file__).parents[2] / "web" / "src" / "palette.css"
AA = 4.5
AA_GRAPHICS = 3.0
VOID = {"meta", "line", "path", "circle"}


class Reader(HTMLParser):
    """Keeps tags, attributes and text; fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    return render_html(report())


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    found = Reader()
    found.feed(page)
    return found


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def both_themes(name: str) -> list[str]:
    return re.findall(r"#[0-9a-f]{6}", PALETTE[name])


def test_the_page_is_whole(reader: Reader) -> None:
    assert reader.open == []
    assert [attrs for tag, attrs in reader.tags if tag == "html"] == [{"lang": "en"}]
    text = " ".join(reader.text).replace("\xa0", " ")
    for told in ("77.8 % [71.0 %, 83.5 %], n = 167", "1.500000000 USD", "1,167", "ab12"):
        assert told in text


def test_the_page_needs_nothing_else(page: str, reader: Reader) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in reader.tags}
    attributes = {name for _, attrs in reader.tags for name in attrs}
    assert not attributes & {"src", "href", "style", "srcset"}
    assert not re.search(r"url\(|@import|@font-face", page)
    policies = [attrs["content"] for tag, attrs in reader.tags if "http-equiv" in attrs]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_a_text_of_the_report_stays_text(page: str, reader: Reader) -> None:
    assert HOSTILE not in page
    assert HOSTILE in reader.text


def test_tables_name_their_rows_and_columns(reader: Reader) -> None:
    scopes = [attrs.get("scope") for tag, attrs in reader.tags if tag == "th"]
    assert scopes == ["col", "col", *["row"] * 5]
    assert sum(tag == "caption" for tag, _ in reader.tags) == 1


def test_the_colours_are_those_of_the_console() -> None:
    console = dict(re.findall(r"--([a-z-]+): (light-dark\([^)]*\));", CONSOLE.read_text("utf-8")))
    assert {name: console[name] for name in PALETTE} == PALETTE


@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_has_enough_contrast_in_both_themes(text: str, ground: str) -> None:
    for ink, paper in zip(both_themes(text), both_themes(ground), strict=True):
        assert contrast(ink, paper) >= AA


@pytest.mark.parametrize("drawn", ["accent", "warn"])
def test_what_is_drawn_can_be_told_from_its_ground_in_both_themes(drawn: str) -> None:
    for ink, paper in zip(both_themes(drawn), both_themes("surface"), strict=True):
        assert contrast(ink, paper) >= AA_GRAPHICS


def test_every_colour_in_use_is_in_the_palette(page: str) -> None:
    assert set(re.findall(r"var\(--([a-z-]+)\)", page)) == set(PALETTE)


def test_the_page_can_be_printed(page: str) -> None:
    assert "@media print" in page
