"""Formats that need no parser: decoded without guessing, refused with a reason."""

import pytest

from passerelle.adapters.extractors.decoding import decode, decode_html
from passerelle.adapters.extractors.documents import DocumentExtractor
from passerelle.adapters.extractors.limits import Limits
from passerelle.domain.knowledge.documents import Extracted, Unreadable


async def extract(name: str, data: bytes) -> Extracted:
    async with DocumentExtractor() as extractor:
        return await extractor.extract(name, data)


async def reason(name: str, data: bytes) -> str:
    with pytest.raises(Unreadable) as refused:
        await extract(name, data)
    return refused.value.detail


async def test_markdown_keeps_its_text_and_gets_its_title() -> None:
    text = "# The bridge\n\nIt is 120 m long.\n"
    found = await extract("a/b.MD", text.encode())
    assert found == Extracted(text, "The bridge", markdown=True)


async def test_plain_text_has_no_structure_and_no_title() -> None:
    found = await extract("notes.txt", b"# not a heading")
    assert found == Extracted("# not a heading", "", markdown=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert decode("café 橋".encode(encoding)) == "café 橋"


def test_line_breaks_of_every_system_become_line_feeds() -> None:
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_a_page_is_read_in_the_encoding_that_it_declares() -> None:
    page = '<meta charset="iso-8859-1"><p>café</p>'
    assert decode_html(page.encode("latin-1")) == page


def test_a_byte_order_mark_beats_a_declaration() -> None:
    page = '<meta charset="iso-8859-1"><p>café</p>'
    assert decode_html(page.encode("utf-8-sig")) == page


async def test_text_in_another_encoding_is_refused_not_guessed() -> None:
    assert "save it as UTF-8" in await reason("a.txt", "café".encode("latin-1"))


async def test_an_unknown_declared_encoding_is_named() -> None:
    assert "unknown encoding klingon" in await reason("a.html", b"<meta charset=klingon><p>x")


async def test_binary_data_under_a_text_name_is_refused() -> None:
    assert "binary data" in await reason("a.md", b"text\x00text")


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html", "a.pdf"])
@pytest.mark.parametrize("data", [b"", b" \n\t "])
async def test_an_empty_file_is_called_empty(name: str, data: bytes) -> None:
    assert "empty" in await reason(name, data)


@pytest.mark.parametrize("name", ["a.zip", "a.docx", "README", "a.", ".md/a"])
async def test_another_format_is_refused_without_opening_it(name: str) -> None:
    told = await reason(name, b"PK\x03\x04 whatever")
    assert told.startswith("unsupported format")
    assert ".pdf" in told


async def test_plain_formats_need_no_parser_process() -> None:
    no_room_for_a_process = Limits(memory_mib=1)
    async with DocumentExtractor(limits=no_room_for_a_process) as extractor:
        found = await extractor.extract("a.md", b"# One\n")
    assert found.title == "One"
