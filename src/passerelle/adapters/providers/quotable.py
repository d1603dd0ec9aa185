"""What of a passage can be quoted so that it still makes sense, prepared once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from passerelle.core.text.names import name_stems
from passerelle.core.text.numbers import DATE_UNITS
from passerelle.core.text.readings import Reading, Sentence, read
from passerelle.core.text.sentences import MARKER
from passerelle.core.text.similarity import neighbourhood
from passerelle.core.text.tokens import content_words

KEPT = 1024
"""Passages that stay prepared; about 15 KB each at 900 characters, above their reading."""
KEPT_SLIPS = 256
"""About 25 KB each."""
_FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})")
_RULE = re.compile(r"[|\s:-]+|[-=_*\s]{3,}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<!--")
_HEADING = re.compile(r"#{1,6}\s|[ \t]*(?:[-=]{3,})\s*$")
_DEFINES = (":", " is ", " are ", " means ", " mean ")
_LONGEST_SUBJECT = 60
_MOST_SUBJECT_WORDS = 4
_MARKERS = re.compile(rf"\s?{MARKER}")
_GAP = re.compile(r"\s+")
_YEARS = (1000.0, 2100.0)


@dataclass(frozen=True, slots=True)
class Quotable:
    """A sentence, a table row below its header, or a sentence with the code that it introduces."""

    text: str
    """As it is quoted: white space of wrapped lines made one space, citations left out."""
    sentence: int
    """Its place in the passage."""
    stems: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    names: frozenset[str]
    defines: frozenset[str]
    """Stems of what it begins with, where it goes on to say what that is."""
    numbers: bool
    dates: bool
    code: bool
    """Holds something to be typed."""
    block: bool
    """Stands on lines of its own: its citation goes on the next line."""


@dataclass(frozen=True, slots=True)
class Page:
    """A passage prepared for quoting."""

    reading: Reading
    quotables: tuple[Quotable, ...]


@lru_cache(maxsize=KEPT)
def page_of(text: str) -> Page:
    """Prepares a passage, or remembers having prepared it."""
    reading = read(text)
    return Page(reading, tuple(_quotables(text, reading)))


@lru_cache(maxsize=KEPT_SLIPS)
def slips_in(text: str) -> Mapping[str, str]:
    """Slip → stem of the passage, to meet misspelt questions; apart, for few need it."""
    return neighbourhood(read(text).places)


def _quotables(text: str, reading: Reading) -> Iterator[Quotable]:
    header = ""
    for number, sentence in enumerate(reading.sentences):
        body = text[sentence.start : sentence.end]
        row = body.startswith("|")
        if row and not header:
            header = body if _ruled(text, reading, number + 1) else ""
            continue
        if not row:
            header = ""
        if not sentence.stems or _FENCE.match(body) or _HEADING.match(body) or _TAG.search(body):
            continue
        if row:
            if not _RULE.fullmatch(body):
                rule = _rule(header)
                yield _quotable(f"{header}\n{rule}\n{body}", number, sentence, body, block=True)
            continue
        code = _introduced(text, reading, number)
        plain = _GAP.sub(" ", _MARKERS.sub("", body))
        shown = f"{plain}\n\n{code}" if code else plain
        yield _quotable(shown, number, sentence, body, block=bool(code))


def _quotable(shown: str, number: int, sentence: Sentence, body: str, *, block: bool) -> Quotable:
    return Quotable(
        text=shown,
        sentence=number,
        stems=sentence.stems,
        pairs=frozenset(pairwise(sentence.stems)),
        names=name_stems(body),
        defines=_defined(body),
        numbers=bool(sentence.quantities),
        dates=any(
            quantity.unit in DATE_UNITS
            or (not quantity.unit and _YEARS[0] <= quantity.value <= _YEARS[1])
            for quantity in sentence.quantities
        ),
        code="`" in body or (block and not body.startswith("|")),
        block=block,
    )


def _defined(body: str) -> frozenset[str]:
    beginning = body[:_LONGEST_SUBJECT]
    ends = [end for end in map(beginning.find, _DEFINES) if end > 0]
    subject = beginning[: min(ends, default=0)]
    if len(subject.split()) > _MOST_SUBJECT_WORDS:
        return frozenset()
    return frozenset(content_words(subject))


def _ruled(text: str, reading: Reading, number: int) -> bool:
    """Is this the line of dashes below a table's header?"""
    if number >= len(reading.sentences):
        return False
    sentence = reading.sentences[number]
    body = text[sentence.start : sentence.end]
    return "-" in body and _RULE.fullmatch(body) is not None


def _rule(header: str) -> str:
    return "|" + "---|" * max(1, header.strip("| ").count("|") + 1)


def _introduced(text: str, reading: Reading, number: int) -> str:
    """The code fence right behind a sentence that ends with a colon."""
    sentence = reading.sentences[number]
    if number + 1 >= len(reading.sentences) or text[sentence.end - 1] != ":":
        return ""
    following = reading.sentences[number + 1]
    body = text[following.start : following.end]
    return body if _FENCE.match(body) else ""
