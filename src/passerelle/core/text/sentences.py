"""Where sentences begin and end, in prose, Markdown and text with hard line breaks."""

import re
from collections.abc import Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Character offsets, end exclusive."""

MARKER = r"\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]"
"""A citation such as `[2]` or `[1, 3]`."""

_LINE = re.compile(r"[^\n]*\n?")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_ALONE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\|)|[ \t]*(?:[-=_*][ \t]?){3,}$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\(?\d{1,3}[.)])[ \t]+|[ \t]*(?:>[ \t]?)+")
_UPPER = re.compile(r"[\"'“‘(\[]*[A-Z0-9À-ÖØ-Þ]")
# A terminator, what closes with it, and the citations that follow it; then a gap, or a sign
# of a script that puts no gap there. Possessive, and begun only where a run of terminators
# begins, so that no text takes quadratic time.
_STOP = re.compile(
    rf"(?:(?<![.!?…])([.!?…]++)[\"'”’»)\]*_]*+(?:\s*{MARKER})*+(?=\s|\Z)"
    rf"|([。！？]++[”」』）]*+)(?:{MARKER})*+)\s*"
)
_LAST_WORD = re.compile(r"(?:[^\W_]+\.)*[^\W_]+$")
_WIDEST_ABBREVIATION = 16
_INNER_WORDS = (
    "mr mrs ms dr prof rev gen col lt sgt capt gov sen rep hon st mt ft fig figs eq sec ch vol vols"
    " pp p cf vs v e.g i.e viz approx ca dept est al ed eds no nos art op"
    " jan feb mar apr jun jul aug sep sept oct nov dec z.b bzw usw"
)
_INNER = frozenset(_INNER_WORDS.split())
"""Words whose full stop ends no sentence."""
_ALSO_WORDS = frozenset({"no", "art"})
"""Those of them that are common words: abbreviations only before a number."""
_FINAL_WORDS = "etc inc ltd co corp jr sr bros a.m p.m u.s u.k u.s.a e.u d.c ph.d b.c a.d"
_FINAL = frozenset(_FINAL_WORDS.split())
"""Words whose full stop ends a sentence only before a word that likes to begin one."""
_BEGINNER_WORDS = (
    "The A An This That These Those It He She They We I You In On At As By For From But And Or If"
    " When While After Before However There His Her Its Their Our My Your Since With Although"
)
_BEGINNERS = frozenset(_BEGINNER_WORDS.split())
_NEXT_WORD = re.compile(r"[^\W_]+")


def sentence_spans(text: str) -> list[Span]:
    """Spans without white space at either end, in order and without overlap.

    Headings, table rows and rules are spans of their own, a code fence is one span,
    a list item begins a sentence behind its mark, and citations such as `[2]` belong to
    the sentence before them. A line break ends a sentence where a block ends, where
    Markdown breaks hard, or where the next line begins with a capital although its first
    word would have fitted.
    """
    if "\n" not in text:
        mark = _ITEM.match(text)
        return list(_sentences(text, mark.end() if mark else 0, len(text)))
    spans: list[Span] = []
    for start, end, whole in _paragraphs(text):
        spans += [(start, end)] if whole else _sentences(text, start, end)
    return spans


def _paragraphs(text: str) -> Iterator[tuple[int, int, bool]]:
    """Stretches whose sentences do not run over their ends; True for those to be kept whole."""
    lines = [found.span() for found in _LINE.finditer(text) if found.end() > found.start()]
    begun, at = -1, 0
    width = 0
    while at < len(lines):
        start, end = lines[at]
        line = text[start:end]
        bare = line.rstrip()
        mark = _ITEM.match(line)
        fence = _FENCE.match(line)
        alone = fence or _ALONE.match(bare)
        if begun >= 0 and (not bare or mark or alone or _breaks(text, lines, at, width)):
            yield begun, start, False
            begun, width = -1, 0
        if fence:
            at = _closing(text, lines, at, fence[1])
            yield start, _trimmed(text, start, lines[at][1]), True
        elif alone and bare:
            yield _begin(text, start), start + len(bare), True
        elif bare:
            begun = begun if begun >= 0 else start + (mark.end() if mark else 0)
            width = max(width, len(bare))
        at += 1
    if begun >= 0:
        yield begun, len(text), False


def _breaks(text: str, lines: list[Span], at: int, width: int) -> bool:
    """Does the paragraph end before this line, although it is not blank?"""
    before, line = text[slice(*lines[at - 1])], text[slice(*lines[at])]
    if before.endswith(("  \n", "\\\n")):
        return True
    first = line.split(maxsplit=1)[0]
    longest = max(width, len(line.rstrip()))
    return len(before.rstrip()) + 1 + len(first) < longest and _UPPER.match(line) is not None


def _closing(text: str, lines: list[Span], at: int, mark: str) -> int:
    """Number of the line that closes the fence; the last line when none does."""
    for number in range(at + 1, len(lines)):
        bare = text[slice(*lines[number])].strip()
        if bare.startswith(mark) and not bare.strip(mark[0]):
            return number
    return len(lines) - 1


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    begun = start
    for stop in _STOP.finditer(text, start, end):
        if stop[2] is None and not _ends(text, begun, stop):
            continue
        yield from _span(text, begun, stop.end())
        begun = stop.end()
    yield from _span(text, begun, end)


def _ends(text: str, begun: int, stop: re.Match[str]) -> bool:
    """Is this terminator the end of a sentence?"""
    at = stop.start()
    following = text[stop.end() : stop.end() + 1]
    if text[at - 1 : at].isspace():
        return not following.isdigit()  # tokenised text: the full stop stands alone
    if following.islower() or stop[1] != ".":
        return not following.islower()
    found = _LAST_WORD.search(text, max(begun, at - _WIDEST_ABBREVIATION), at)
    word = found[0].lower() if found else ""
    if word in _INNER:
        return word in _ALSO_WORDS and not following.isdigit()
    if word in _FINAL or (found and len(word) == 1 and found[0].isupper()):
        return _begins(text, stop.end())
    return not (word.isdigit() and at - len(word) == begun)


def _begins(text: str, at: int) -> bool:
    found = _NEXT_WORD.match(text, at)
    return found is None or found[0] in _BEGINNERS


def _begin(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _trimmed(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _span(text: str, start: int, end: int) -> Iterator[Span]:
    start, end = _begin(text, start), _trimmed(text, start, end)
    if end > start:
        yield start, end
