"""Documents → text → passages."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from passerelle.core.values.ids import Digest, digest_of
from passerelle.domain.jobs.progress import Tally
from passerelle.domain.knowledge.documents import (
    DocumentRecord,
    Extracted,
    Extractor,
    SourceItem,
    Unreadable,
)
from passerelle.domain.knowledge.library import NewDocument
from passerelle.domain.knowledge.splitting import Splitting, split

NO_WORDS = "holds no words; remove the file"


@dataclass(frozen=True, slots=True)
class Reading:
    """How documents are read."""

    extractor: Extractor
    splitting: Splitting
    ahead: int
    """Documents that are read at the same time."""


async def read_all(
    items: Sequence[SourceItem], reading: Reading, tally: Tally
) -> AsyncGenerator[NewDocument, None]:
    """In the order given; one that cannot be read comes as a quarantined record."""
    waiting: deque[asyncio.Task[NewDocument]] = deque()
    rest = deque(items)
    try:
        while rest or waiting:
            while rest and len(waiting) < reading.ahead:
                item = rest.popleft()
                tally.starting(item.path)
                waiting.append(asyncio.create_task(_read(item, reading)))
            document = await waiting.popleft()
            tally.finished()
            yield document
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _read(item: SourceItem, reading: Reading) -> NewDocument:
    digest: Digest | None = None
    try:
        data = item.read()
        digest = digest_of(data)
        extracted = await reading.extractor.extract(item.path, data)
        return cut(item, digest, extracted, reading.splitting)
    except Unreadable as error:
        record = DocumentRecord(
            path=item.path,
            title=_name(item.path),
            digest=digest or "",
            characters=0,
            passages=0,
            status="quarantined",
            reason=error.detail,
        )
        return NewDocument(item.stamp, record, Extracted("", "", markdown=False), ())


def cut(
    item: SourceItem, digest: Digest, extracted: Extracted, splitting: Splitting
) -> NewDocument:
    """Passages of a text. Raises `Unreadable` when there are none."""
    passages = split(item.path, digest, extracted, splitting)
    if not passages:
        raise Unreadable(NO_WORDS)
    record = DocumentRecord(
        path=item.path,
        title=extracted.title or _name(item.path),
        digest=digest,
        characters=len(extracted.text),
        passages=len(passages),
        status="indexed",
    )
    return NewDocument(item.stamp, record, extracted, passages)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
