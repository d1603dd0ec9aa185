"""Parsers in processes of their own: what they read, and what becomes of hostile documents."""

import asyncio

import pytest

from passerelle.adapters.extractors.documents import DocumentExtractor
from passerelle.adapters.extractors.limits import Limits
from passerelle.domain.knowledge.documents import Extracted, Unreadable
from tests.adapters.papers import inflating_pdf, pdf

PAGE = b"""<html><head><title>The &amp; bridge</title><style>p { color: red }</style></head>
<body><script>secret()</script><h1>Length</h1><p>It is <b>120</b> m long.</p>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></body></html>"""
LINE = b"<p>hello world</p>"
WIDE_PAGE = LINE * 1_000_000

pytestmark = pytest.mark.slow


async def reason(extractor: DocumentExtractor, name: str, data: bytes) -> str:
    with pytest.raises(Unreadable) as refused:
        await extractor.extract(name, data)
    return refused.value.detail


async def test_a_pdf_gives_its_text() -> None:
    async with DocumentExtractor() as extractor:
        found = await extractor.extract("bridge.pdf", pdf("The bridge is 120 m long."))
    assert found.text.strip() == "The bridge is 120 m long."
    assert found.markdown


async def test_a_page_gives_title_headings_and_tables_but_no_scripts() -> None:
    async with DocumentExtractor() as extractor:
        found = await extractor.extract("bridge.html", PAGE)
    assert found.title == "The & bridge"
    assert "# Length" in found.text
    assert "**120** m long" in found.text
    assert "| 1 | 2 |" in found.text
    assert "secret" not in found.text
    assert "color" not in found.text


async def test_hostile_documents_are_refused_and_the_next_one_is_read() -> None:
    hostile = {
        "scan.pdf": (pdf(""), "scanned or damaged"),
        "torn.pdf": (pdf("The bridge")[:300], "scanned or damaged"),
        "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 50, "damaged"),
        "packed.pdf": (b"PK\x03\x04" + b"0" * 500, "not a PDF"),
        "paper.html": (pdf("The bridge"), "damaged"),
        "script.html": (b"<script>alert(1)</script>", "holds no text outside of scripts"),
        "deep.html": (b"<div>" * 100_000 + b"x", "holds no text"),
        "bomb.pdf": (inflating_pdf(80), "scanned or damaged"),
    }
    async with DocumentExtractor(processes=1) as extractor:
        for name, (data, told) in hostile.items():
            assert told in await reason(extractor, name, data), name
        found = await extractor.extract("good.pdf", pdf("Still here"))
    assert found.text.strip() == "Still here"


@pytest.mark.parametrize(
    ("limits", "page", "told"),
    [
        (Limits(memory_mib=300), WIDE_PAGE, "crash or exceed its memory"),
        (Limits(cpu_seconds=0, memory_mib=4_000), WIDE_PAGE, "more computing time than allowed"),
        (Limits(output_characters=1_000), LINE * 1_000, "more text than 1,000 characters"),
    ],
    ids=["memory", "computing time", "output"],
)
async def test_a_parser_that_needs_too_much_is_stopped_and_the_next_document_read(
    limits: Limits, page: bytes, told: str
) -> None:
    async with DocumentExtractor(processes=1, limits=limits) as extractor:
        assert told in await reason(extractor, "wide.html", page)
        found = await extractor.extract("good.pdf", pdf("Still here"))
    assert found.text.strip() == "Still here"


async def test_a_parser_that_hangs_is_stopped() -> None:
    async with DocumentExtractor(limits=Limits(wall_seconds=0.05)) as extractor:
        told = await reason(extractor, "wide.html", WIDE_PAGE)
    assert "takes longer than allowed" in told


async def test_a_cancelled_document_leaves_nothing_half_read_behind() -> None:
    async with DocumentExtractor(processes=1) as extractor:
        await extractor.extract("first.pdf", pdf("First"))
        task = asyncio.create_task(extractor.extract("wide.html", WIDE_PAGE))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        found = await extractor.extract("good.pdf", pdf("Still here"))
    assert found.text.strip() == "Still here"


async def test_a_worker_is_replaced_after_its_share_of_documents() -> None:
    async with DocumentExtractor(processes=1, limits=Limits(documents=1)) as extractor:
        found = [await extractor.extract("a.pdf", pdf(f"Page {number}")) for number in range(3)]
    assert [each.text.strip() for each in found] == ["Page 0", "Page 1", "Page 2"]


async def test_documents_are_read_side_by_side() -> None:
    async with DocumentExtractor(processes=2) as extractor:
        wanted = [extractor.extract("a.pdf", pdf(f"Page {number}")) for number in range(8)]
        found: list[Extracted] = await asyncio.gather(*wanted)
    assert [each.text.strip() for each in found] == [f"Page {number}" for number in range(8)]
