"""A claim against the passages: where is its best evidence, and what is missing?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from passerelle.core.text.names import name_stems
from passerelle.core.text.numbers import Quantity
from passerelle.core.text.readings import Reading, Sentence, sentence_at
from passerelle.core.text.tokens import content_words
from passerelle.domain.grounding.claims import Claim
from passerelle.domain.grounding.scores import Signals

_UNSEEN = 0.5
_CITED = 1.1
"""How much more a sentence of a cited passage counts when the best one is chosen."""
_SAME_MATTER = 0.8
"""Share of the claim's weight that a sentence must hold to contradict it."""

_SAME_ORDER = 0.5
"""Share of neighbouring words that must be neighbours in a passage before a negation counts."""


@dataclass(frozen=True, slots=True)
class Match:
    """The best single sentence for a claim."""

    passage: int
    """Place among the passages, from 0."""
    sentence: int
    """Place in the passage, from 0."""
    share: float
    """Of the claim's weight that the sentence holds, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A claim taken apart: numbers count by their value, not as words."""

    sentence: Sentence
    words: tuple[str, ...]
    """Stems without those of numbers and their units, each once."""
    names: frozenset[str]


def match(claim: Claim, readings: Sequence[Reading]) -> tuple[Signals, Match | None]:
    """What the passages hold of the claim, and its best sentence if one shares a word."""
    said = _said(claim)
    found = _search(said.words, readings, claim.cited)
    best = found.best
    numbers = said.sentence.quantities
    lost = [number for number in numbers if not _known(number, readings)]
    around = _around(best, readings)
    far = _far(numbers, around) if numbers else 0
    things = len(said.words) + len(numbers)
    signals = Signals(
        covered=(len(found.seen) + len(numbers) - len(lost)) / things,
        nearest=_nearest(best, len(said.words), len(numbers), far),
        paired=_paired(said.sentence.stems, readings),
        novel_words=len(said.words) - len(found.seen),
        novel_names=len(said.names - found.seen) / len(said.names) if said.names else 0.0,
        lost_numbers=len(lost),
        far_numbers=far,
        opposed=best is not None
        and (_turned(said, best, readings) or _miscounted(found, lost, around)),
    )
    return signals, best


def _said(claim: Claim) -> _Said:
    sentence = sentence_at(claim.text, 0, len(claim.text))
    stems = dict.fromkeys(sentence.stems)
    for number in sentence.quantities:
        for each in content_words(claim.text[number.start : number.end]):
            stems.pop(each, None)
    return _Said(sentence, tuple(stems), name_stems(claim.text).intersection(stems))


def _nearest(best: Match | None, words: int, numbers: int, far: int) -> float:
    """A number weighs as much as the average word."""
    held = best.share * words if best else 0.0
    return (held + numbers - far) / (words + numbers)


@dataclass(frozen=True, slots=True)
class _Found:
    weights: dict[str, float]
    """Rare words weigh more: logarithm of all sentences over those with the word."""
    seen: set[str]
    best: Match | None


def _search(stems: tuple[str, ...], readings: Sequence[Reading], cited: frozenset[int]) -> _Found:
    total = sum(len(reading.sentences) for reading in readings)
    # Most words stand in few passages: intersecting first leaves only those to count. Sorted,
    # since the order of a set differs between processes and sums of floats depend on it.
    said = set(stems)
    shared = [sorted(reading.places.keys() & said) for reading in readings]
    held = dict.fromkeys(stems, 0)
    for reading, common in zip(readings, shared, strict=True):
        for each in common:
            held[each] += len(reading.places[each])
    weights = {each: math.log(1 + total / (count or _UNSEEN)) for each, count in held.items()}
    sums: list[dict[int, float]] = []
    for reading, common in zip(readings, shared, strict=True):
        inside: dict[int, float] = {}
        for each in common:
            weight = weights[each]
            for place in reading.places[each]:
                inside[place] = inside.get(place, 0.0) + weight
        sums.append(inside)
    seen = {each for each, count in held.items() if count}
    return _Found(weights, seen, _best(sums, cited, sum(weights.values())))


def _best(sums: list[dict[int, float]], cited: frozenset[int], whole: float) -> Match | None:
    best, highest = None, 0.0
    for passage, inside in enumerate(sums):
        favour = _CITED if passage + 1 in cited else 1.0
        for place, weight in inside.items():
            if weight * favour > highest:
                highest, best = weight * favour, Match(passage, place, weight / whole)
    return best


def _paired(stems: tuple[str, ...], readings: Sequence[Reading]) -> float:
    pairs = list(pairwise(stems))
    if not pairs:
        return float(any(each in reading.places for each in stems for reading in readings))
    wanted = set(pairs)
    found: set[tuple[str, str]] = set()
    for each in readings:
        found |= wanted & each.pairs
    return sum(pair in found for pair in pairs) / len(pairs)


def _around(best: Match | None, readings: Sequence[Reading]) -> tuple[Sentence, ...]:
    """The best sentence and its neighbours."""
    if best is None:
        return ()
    return readings[best.passage].sentences[max(0, best.sentence - 1) : best.sentence + 2]


def _known(number: Quantity, readings: Sequence[Reading]) -> bool:
    key = (number.value, number.unit)
    return any(key in reading.values for reading in readings) or any(
        number.agrees(other) for reading in readings for other in reading.quantities
    )


def _far(numbers: tuple[Quantity, ...], around: tuple[Sentence, ...]) -> int:
    near = [number for sentence in around for number in sentence.quantities]
    return sum(not any(number.agrees(other) for other in near) for number in numbers)


def _turned(said: _Said, best: Match, readings: Sequence[Reading]) -> bool:
    """Is a word negated in one of the two only, and nowhere near in the claim's way?"""
    if best.share < _SAME_MATTER or _paired(said.sentence.stems, readings) < _SAME_ORDER:
        return False
    around = _around(best, readings)
    found = readings[best.passage].sentences[best.sentence]
    plain = {each for other in around for each in other.stems if each not in other.negated}
    negated = {each for other in around for each in other.negated}
    denied = (said.sentence.negated - negated).intersection(found.stems)
    dropped = (found.negated - said.sentence.negated - plain).intersection(said.words)
    return bool(denied or dropped)


def _miscounted(found: _Found, lost: list[Quantity], around: tuple[Sentence, ...]) -> bool:
    """Do the best sentence and its neighbours give one other number for the same matter?"""
    if not lost:
        return False
    held = {each for sentence in around for each in sentence.stems}
    share = sum(weight for each, weight in found.weights.items() if each in held)
    if share < _SAME_MATTER * sum(found.weights.values()):
        return False
    known = [number for sentence in around for number in sentence.quantities]
    return any(len(_of_kind(number, known)) == 1 for number in lost)


def _of_kind(number: Quantity, known: list[Quantity]) -> set[float]:
    """Values of numbers with the same unit, or that count the same; none for bare numbers."""
    kind = (number.unit, number.counted)
    if kind == ("", ""):
        return set()
    return {other.value for other in known if kind == (other.unit, other.counted)}
