"""Which sentences of the passages answer the question, and how sure is that?"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, TypeAlias

from passerelle.adapters.providers.quotable import Page, Quotable, page_of, slips_in
from passerelle.core.text.names import name_stems
from passerelle.core.text.similarity import nearest, neighbourhood
from passerelle.core.text.tokens import STOP_WORDS, content_words, stem, words
from passerelle.core.values.passages import Hit

Wanted: TypeAlias = Literal["number", "date", "name", "command", "definition", ""]

_CUES: tuple[tuple[re.Pattern[str], Wanted], ...] = (
    (
        re.compile(r"\b(?:when|what (?:year|date|day|month|century)|which year|how long ago)\b"),
        "date",
    ),
    (
        re.compile(
            r"\bhow (?:many|much|long|far|old|often|big|large|tall|high|deep|fast)\b"
            r"|\bwhat (?:percent|percentage|number|amount|share|proportion)\b"
        ),
        "number",
    ),
    (
        re.compile(
            r"\b(?:who|whom|whose|where)\b|\b(?:what|which) (?:\w+ ){0,2}(?:person|people|man|"
            r"woman|city|country|company|team|player|name|river|state)\b"
        ),
        "name",
    ),
    (
        re.compile(
            r"\b(?:how (?:do|can|could|should|to)|(?:which|what) (?:command|setting|flag))\b"
        ),
        "command",
    ),
    (re.compile(r"^\s*(?:what (?:is|are|does)|define|explain)\b"), "definition"),
)
_FILLERS = frozenset(
    content_words(
        "many name named call called type kind tell explain give list show find describe define"
        " mean meaning year number amount percent percentage long word happen exist"
        " know want need use please question answer"
    )
)
_FILLING = 0.5
_UNSEEN = 0.5
_BEFORE = 0.5
_ABOVE = 0.4
_ELSEWHERE = 0.25
_SLIP = 0.8
_PAIRED = 0.2
_RANKED = 0.25
_CUE = 0.15
_DEFINED = 0.25
_ENOUGH = 0.6
_LED = 2
_USUAL_LEAD = 0.45
_BAR = 5.8
_MISSPELT_STOP_WORDS = neighbourhood(STOP_WORDS, shortest=3)


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation, ready to be cited."""

    hit: int
    """Place among the hits, from 0."""
    sentence: int
    """Place in the passage, from 0."""
    text: str
    score: float
    covered: float
    """Share of the question's weight that it and what is around it hold, 0 to 1."""
    block: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    weights: Mapping[str, float]
    """Stem as the passages spell it → weight."""
    whole: float
    """Sum of all weights, of words that no passage holds too."""
    pairs: frozenset[tuple[str, str]]
    names: frozenset[str]
    wanted: Wanted
    ranks: tuple[float, ...]
    """Score of each hit over that of the first."""


def quote(question: str, hits: Sequence[Hit], *, most: int) -> tuple[list[Quote], float]:
    """At most so many quotations in reading order, and the support of the best (0 to 1).

    Support grows with the share of the question, by weight of its words, that a sentence
    and what is around it hold, with the share of its neighbouring words that are neighbours
    in a sentence too, and with the lead of the first hit over those behind the second; .5
    parts answerable questions from others where both are equally common. All constants of
    this file were chosen on the tuning half (paragraphs by hash) of XQuAD's English
    questions; the other half is what docs/measurements.md reports.
    """
    pages = [page_of(hit.passage.text) for hit in hits]
    asked = _asked(question, hits, pages)
    rated = [
        quotation
        for place, (hit, page) in enumerate(zip(hits, pages, strict=True))
        for quotation in _rated(asked, place, hit, page)
    ]
    rated.sort(key=_rank)
    return _picked(rated, most), _support(asked, rated, pages)


def _rank(quotation: Quote) -> tuple[float, int, int]:
    return -quotation.score, quotation.hit, quotation.sentence


def _support(asked: _Asked, rated: list[Quote], pages: Sequence[Page]) -> float:
    if not rated:
        return 0.0
    covered = max(quotation.covered for quotation in rated)
    paired = covered
    if asked.pairs:
        most = max(len(asked.pairs & each.pairs) for page in pages for each in page.quotables)
        paired = most / len(asked.pairs)
    behind = asked.ranks[_LED:]
    lead = 1 - sum(behind) / len(behind) if behind else _USUAL_LEAD
    return 1 / (1 + math.exp(_BAR - 6.5 * covered - 4 * paired - 4.5 * lead))


def _asked(question: str, hits: Sequence[Hit], pages: Sequence[Page]) -> _Asked:
    stems = dict.fromkeys(content_words(question)) or dict.fromkeys(map(stem, words(question)))
    total = sum(len(page.reading.sentences) for page in pages)
    weights: dict[str, float] = {}
    whole = 0.0
    spelt: dict[str, str] = {}
    for asked in stems:
        known, share = _known(asked, hits, pages)
        spelt[asked] = known
        held = sum(len(page.reading.places.get(known, ())) for page in pages)
        weight = math.log(1 + total / (held or _UNSEEN))
        if asked in _FILLERS:
            weight *= _FILLING if share else 0.0
        elif not share and nearest(asked, _MISSPELT_STOP_WORDS, shortest=3):
            weight = 0.0
        whole += weight
        if share:
            weights[known] = weights.get(known, 0.0) + weight * share
    order = [spelt[each] for each in stems]
    best = max((hit.score for hit in hits), default=0.0)
    return _Asked(
        weights,
        whole,
        frozenset(pairwise(order)),
        name_stems(question),
        _wanted(question),
        tuple(hit.score / best if best > 0 else 0.0 for hit in hits),
    )


def _known(asked: str, hits: Sequence[Hit], pages: Sequence[Page]) -> tuple[str, float]:
    """The stem as the passages spell it, and how surely it is meant; 0 for strangers."""
    if any(asked in page.reading.places for page in pages):
        return asked, 1.0
    if any(asked in _above(hit.passage.title, hit.passage.heading) for hit in hits):
        return asked, 1.0
    for hit in hits:
        known = nearest(asked, slips_in(hit.passage.text))
        if known:
            return known, _SLIP
    return asked, 0.0


def _wanted(question: str) -> Wanted:
    folded = question.casefold()
    return next((wanted for cue, wanted in _CUES if cue.search(folded)), "")


@lru_cache(maxsize=4096)
def _above(title: str, heading: str) -> frozenset[str]:
    return frozenset(content_words(f"{title} {heading}"))


def _rated(asked: _Asked, place: int, hit: Hit, page: Page) -> Iterator[Quote]:
    """Every quotable sentence that shares a word with the question."""
    floor, gains = _gains(asked, hit, page)
    for quotable in page.quotables:
        gain = gains.get(quotable.sentence)
        if gain is None:
            continue
        covered = (floor + gain) / asked.whole
        pairs = len(asked.pairs & quotable.pairs) / (len(asked.pairs) or 1)
        score = covered + _PAIRED * pairs + _cue(asked, quotable) + _RANKED * asked.ranks[place]
        yield Quote(place, quotable.sentence, quotable.text, score, covered, quotable.block)


def _gains(asked: _Asked, hit: Hit, page: Page) -> tuple[float, dict[int, float]]:
    """What every sentence of the page holds of the question, and what single ones add.

    A word counts whole where it stands, by half in the sentence behind it, and less for a
    title, a heading or the rest of the passage, for sentences lean on what is around them.
    """
    above = _above(hit.passage.title, hit.passage.heading)
    floor = 0.0
    gains: dict[int, float] = {}
    for each, weight in asked.weights.items():
        places = page.reading.places.get(each, ())
        share = _ABOVE if each in above else _ELSEWHERE if places else 0.0
        floor += weight * share
        for place in places:
            gains[place] = gains.get(place, 0.0) + weight * (1 - share)
            if share < _BEFORE and place + 1 not in places:
                gains[place + 1] = gains.get(place + 1, 0.0) + weight * (_BEFORE - share)
    return floor, gains


def _cue(asked: _Asked, quotable: Quotable) -> float:
    """Does it hold the kind of thing that was asked for?"""
    if asked.wanted == "date":
        return _CUE if quotable.dates else 0.0
    if asked.wanted == "number":
        return _CUE if quotable.numbers else 0.0
    if asked.wanted == "name":
        return _CUE if quotable.names - asked.names else 0.0
    if asked.wanted == "command":
        return _CUE if quotable.code else 0.0
    if asked.wanted == "definition" and quotable.defines:
        named = len(quotable.defines & asked.weights.keys()) / len(quotable.defines)
        return _DEFINED * named
    return 0.0


def _picked(rated: list[Quote], most: int) -> list[Quote]:
    """The best ones, by passage in the order of their best, then as they stand there."""
    enough = _ENOUGH * rated[0].score if rated else 0.0
    chosen = [quotation for quotation in rated[:most] if quotation.score >= enough]
    order = list(dict.fromkeys(quotation.hit for quotation in chosen))
    return sorted(chosen, key=lambda each: (order.index(each.hit), each.sentence))
