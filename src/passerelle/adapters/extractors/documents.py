"""Any document → text: plain formats here, all others in confined parser processes."""

import asyncio
import html
import re
from importlib.metadata import version
from types import TracebackType
from typing import Self

from passerelle.adapters.extractors.decoding import decode, decode_html
from passerelle.adapters.extractors.formats import Format, check_content, format_of
from passerelle.adapters.extractors.frames import Task
from passerelle.adapters.extractors.limits import Limits
from passerelle.adapters.extractors.process import WorkerProcess
from passerelle.domain.knowledge.blocks import title_of
from passerelle.domain.knowledge.documents import Extracted, Unreadable

METHOD = "1"
"""Changes whenever the same parser would give another text here."""
_NO_TEXT = {
    Format.PDF: "holds no text: scanned or damaged; run text recognition (OCR), or save it again",
    Format.HTML: "holds no text outside of scripts; save the page as it is shown",
}
_HTML_TITLE = re.compile(r"<title\b[^>]{0,200}>([^<]{0,500})</title", re.IGNORECASE)
_TITLE_WITHIN = 100_000
_LONGEST_TITLE = 300
_SPACE = re.compile(r"\s+")


class DocumentExtractor:
    """Implements `Extractor`. Starts a parser process only when a document needs one.

    Use it as an asynchronous context manager, in one event loop.
    """

    def __init__(self, *, processes: int = 2, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._free = asyncio.Semaphore(processes)
        self._idle: list[WorkerProcess] = []

    @property
    def engine(self) -> str:
        return f"xberg {version('xberg')}/{METHOD}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._idle:
            await self._idle.pop().stop()

    async def extract(self, name: str, data: bytes) -> Extracted:
        kind = format_of(name)
        check_content(kind, data)
        extracted = await self._extracted(kind, data)
        if not extracted.text.strip():
            raise Unreadable(_NO_TEXT.get(kind, "holds no text; remove the file"))
        return extracted

    async def _extracted(self, kind: Format, data: bytes) -> Extracted:
        if kind is Format.TEXT:
            return Extracted(decode(data), "", markdown=False)
        if kind is Format.MARKDOWN:
            text = decode(data)
            return Extracted(text, title_of(text), markdown=True)
        if kind is Format.HTML:
            page = decode_html(data)
            _, text = await self._parse(kind, page.encode("utf-8", "replace"))
            return Extracted(text, _html_title(page) or title_of(text), markdown=True)
        title, text = await self._parse(kind, data)
        return Extracted(text, _one_line(title) or title_of(text), markdown=True)

    async def _parse(self, kind: Format, data: bytes) -> tuple[str, str]:
        async with self._free:
            worker = self._idle.pop() if self._idle else await WorkerProcess.start(self._limits)
            try:
                return await worker.parse(Task(kind.value), data)
            finally:
                if worker.usable:
                    self._idle.append(worker)
                else:
                    await worker.stop()


def _html_title(page: str) -> str:
    found = _HTML_TITLE.search(page, 0, _TITLE_WITHIN)
    return _one_line(html.unescape(found[1])) if found else ""


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text[:_LONGEST_TITLE]).strip()
