"""Text → passages: along headings and paragraphs, sized for reading and for search."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from passerelle.core.text.sentences import sentence_spans
from passerelle.core.values.ids import Digest, PassageId, digest_of
from passerelle.core.values.passages import Passage
from passerelle.domain.knowledge.blocks import Block, markdown_blocks, plain_blocks
from passerelle.domain.knowledge.documents import Extracted

METHOD = "2026-11"
"""Changes whenever this file cuts differently, so that kept passages are made anew."""
BREADCRUMB = " > "
_ID_LENGTH = 24
_WORD = re.compile(r"\w")
_GAP = re.compile(r"\s+")
_LINE = re.compile(r"[^\n]+")


@dataclass(frozen=True, slots=True)
class Splitting:
    """Sizes of passages in characters."""

    target: int = 900
    """A passage is closed when it has reached this."""
    longest: int = 1_400
    """Never exceeded."""
    overlap: bool = False
    """A passage begins with the last sentence of the one before it in the same section."""

    @property
    def name(self) -> str:
        """The same for the same cuts."""
        return f"{METHOD}/{self.target}/{self.longest}/{'overlap' if self.overlap else 'apart'}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of the text and the headings above it."""

    start: int
    end: int
    heading: str


def split(
    document: str, digest: Digest, extracted: Extracted, splitting: Splitting
) -> list[Passage]:
    """Passages in the order of the text; none for a text without a word."""
    title = extracted.title or document.rpartition("/")[2]
    return [
        Passage(
            id=_id(document, digest, piece, (title, extracted.text[piece.start : piece.end])),
            document=document,
            title=title,
            heading=piece.heading,
            text=extracted.text[piece.start : piece.end],
            start=piece.start,
            end=piece.end,
            document_digest=digest,
        )
        for piece in pieces(extracted.text, splitting, markdown=extracted.markdown)
    ]


def pieces(text: str, splitting: Splitting, *, markdown: bool) -> list[Piece]:
    """Spans that hold every word but those of headings, each at most `longest` characters."""
    blocks = markdown_blocks(text) if markdown else plain_blocks(text)
    packed = list(_pack(list(_parts(text, blocks, splitting)), splitting))
    return _overlapping(text, packed, splitting) if splitting.overlap else packed


def _id(document: str, digest: Digest, piece: Piece, shown: tuple[str, str]) -> PassageId:
    """Changes with anything that a citation of the passage shows."""
    name = digest_of([document, digest, piece.start, piece.end, piece.heading, *shown])
    return PassageId(f"psg_{name[:_ID_LENGTH]}")


def _parts(text: str, blocks: list[Block], splitting: Splitting) -> Iterator[Piece]:
    trail: list[Block] = []
    for block, following in zip_longest(blocks, blocks[1:]):
        if block.kind == "heading":
            trail = [above for above in trail if above.level < block.level] + [block]
            if _stands_alone(block, following):
                yield from _fitted(text, block, _breadcrumb(trail), splitting.longest)
        elif _WORD.search(text, block.start, block.end):
            yield from _fitted(text, block, _breadcrumb(trail), splitting.longest)


def _stands_alone(heading: Block, following: Block | None) -> bool:
    """Nothing below it: then its own words are all that it says."""
    return following is None or (following.kind == "heading" and following.level <= heading.level)


def _breadcrumb(trail: list[Block]) -> str:
    return BREADCRUMB.join(heading.name for heading in trail if heading.name)


def _fitted(text: str, block: Block, heading: str, longest: int) -> Iterator[Piece]:
    """The block; in pieces at its sentences or lines, at worst inside a word, where too long."""
    if block.end - block.start <= longest:
        yield Piece(block.start, block.end, heading)
        return
    if block.kind == "paragraph":
        body = text[block.start : block.end]
        spans = [(block.start + a, block.start + b) for a, b in sentence_spans(body)]
    else:
        spans = [found.span() for found in _LINE.finditer(text, block.start, block.end)]
    for start, end in _covering(spans, block):
        yield from (Piece(a, b, heading) for a, b in _cut(text, start, end, longest))


def _covering(spans: list[tuple[int, int]], block: Block) -> Iterator[tuple[int, int]]:
    """The spans stretched over whatever lies between them, so that no word is lost."""
    starts = [block.start, *(start for start, _ in spans[1:])]
    yield from zip(starts, [*starts[1:], block.end], strict=True)


def _cut(text: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Without white space around; at the last white space that keeps each within `longest`."""
    while True:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if end - start <= longest:
            break
        gaps = [found.start() for found in _GAP.finditer(text, start, start + longest + 1)]
        stop = gaps[-1] if gaps else start + longest
        yield start, stop
        start = stop
    if start < end:
        yield start, end


def _pack(parts: list[Piece], splitting: Splitting) -> Iterator[Piece]:
    """Joins neighbours under one heading up to the target."""
    current: Piece | None = None
    for part in parts:
        if current is None:
            current = part
        elif _joins(current, part, splitting):
            current = Piece(current.start, part.end, current.heading)
        else:
            yield current
            current = part
    if current is not None:
        yield current


def _joins(current: Piece, part: Piece, splitting: Splitting) -> bool:
    return (
        part.heading == current.heading
        and current.end - current.start < splitting.target
        and part.end - current.start <= splitting.longest
    )


def _overlapping(text: str, packed: list[Piece], splitting: Splitting) -> list[Piece]:
    result = packed[:1]
    for before, piece in pairwise(packed):
        start = piece.start
        if piece.heading == before.heading:
            sentences = sentence_spans(text[before.start : before.end])
            last = before.start + sentences[-1][0] if len(sentences) > 1 else piece.start
            start = last if piece.end - last <= splitting.longest else piece.start
        result.append(Piece(start, piece.end, piece.heading))
    return result
