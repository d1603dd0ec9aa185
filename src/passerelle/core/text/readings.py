"""A text read once: what its sentences say, ready to be compared many times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from passerelle.core.text.numbers import Quantity, quantities
from passerelle.core.text.sentences import sentence_spans
from passerelle.core.text.tokens import STOP_WORDS, stem, words

KEPT = 1024
"""Texts whose reading is kept; about 20 KB each at 900 characters."""
NEGATIONS = frozenset(
    ("not", "no", "never", "cannot", "without", "neither", "nor", "hardly", "fails", "failed")
)
_IDIOMS = frozenset({"only", "other", "just", "matter", "doubt", "later", "less", "more"})
"""Behind a negation these negate nothing: `not only`, `no matter`, `no less`."""
_NOTHING: frozenset[str] = frozenset()
_REACH = 3
"""A negation reaches the first content word among so many words behind it, over adverbs."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a text and what it is made of."""

    start: int
    end: int
    stems: tuple[str, ...]
    """Of content words, in order."""
    negated: frozenset[str]
    """Stems of content words right behind a negation: `support` in `does not yet support`."""
    quantities: tuple[Quantity, ...]
    """Their spans count from the start of the sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as sentences, and where each stem stands."""

    sentences: tuple[Sentence, ...]
    places: Mapping[str, tuple[int, ...]]
    """Stem → numbers of the sentences that hold it, ascending."""
    pairs: frozenset[tuple[str, str]]
    """Content words that follow one another, across stop words."""
    quantities: tuple[Quantity, ...]
    values: frozenset[tuple[float, str]]
    """Values of the quantities with their units, for finding equal ones at once."""
    plain: str
    """All words, folded, with one space around each: for finding quotations."""


@lru_cache(maxsize=KEPT)
def read(text: str) -> Reading:
    """Reads a text, or remembers having read it."""
    sentences = tuple(sentence_at(text, start, end) for start, end in sentence_spans(text))
    places: dict[str, list[int]] = {}
    for number, sentence in enumerate(sentences):
        for each in dict.fromkeys(sentence.stems):
            places.setdefault(each, []).append(number)
    stems = [each for sentence in sentences for each in sentence.stems]
    numbers = tuple(number for sentence in sentences for number in sentence.quantities)
    return Reading(
        sentences,
        {each: tuple(numbers) for each, numbers in places.items()},
        frozenset(pairwise(stems)),
        numbers,
        frozenset((number.value, number.unit) for number in numbers),
        f" {' '.join(words(text))} ",
    )


def sentence_at(text: str, start: int, end: int) -> Sentence:
    """Reads one sentence and remembers nothing."""
    body = text[start:end]
    found = words(body)
    return Sentence(
        start,
        end,
        tuple(stem(word) for word in found if word not in STOP_WORDS),
        frozenset(_negated(found)) if _may_negate(found, body) else _NOTHING,
        tuple(quantities(body)),
    )


def _may_negate(found: list[str], body: str) -> bool:
    return not NEGATIONS.isdisjoint(found) or "'t" in body or "’t" in body


def _negated(found: list[str]) -> Iterator[str]:
    for place, word in enumerate(found):
        if word not in NEGATIONS and not word.endswith("n't"):
            continue
        behind = found[place + 1 : place + 1 + _REACH]
        if behind and behind[0] not in _IDIOMS:
            content = [other for other in behind if other not in STOP_WORDS]
            passes = bool(content) and content[0].endswith(("ly", "longer"))
            yield from (stem(other) for other in content[: 1 + passes])
