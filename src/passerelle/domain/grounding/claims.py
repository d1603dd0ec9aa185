"""An answer as claims: what it says, sentence by sentence."""

import re
from dataclasses import dataclass

from passerelle.core.text.sentences import MARKER, sentence_spans
from passerelle.core.text.tokens import STOP_WORDS

_MARKERS = re.compile(f"({MARKER})")
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")
_EMPTY_WORDS = frozenset(
    {"yes", "sure", "ok", "okay", "certainly", "course", "thanks", "sorry", "hello"}
)
_REFUSAL = re.compile(
    r"(?:i(?: am|'m) (?:sorry|afraid)[,.]? (?:but )?(?:that )?)?"
    r"(?:unfortunately,? )?(?:"
    r"i (?:do not|don't|cannot|can't|could not|couldn't|am unable to|am not able to) "
    r"(?:know|answer|find|help|say|determine|provide)"
    r"|(?:the|these|this|your) (?:provided |given |available )?"
    r"(?:documents?|passages?|contexts?|sources?|information|texts?)(?: at hand| provided)? "
    r"(?:do(?:es)?(?: not|n't)|did(?: not|n't)|contains? no)"
    r"|there is no (?:information|mention|answer))",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 2
"""Sentences; after a longer answer the words are a remark, not a refusal."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer that says something."""

    start: int
    end: int
    """Span in the answer, citations included."""
    text: str
    """Without citations."""
    cited: frozenset[int]
    """Numbers that it cites."""


def claims_of(answer: str) -> list[Claim]:
    """Sentences with at least one content word; headings, tables' rules and `Yes.` are none."""
    found = (_claim(answer[start:end], start, end) for start, end in sentence_spans(answer))
    return [claim for claim in found if _says_something(claim)]


def is_refusal(answer: str, refusal: str = "") -> bool:
    """Does the answer say that there is no answer, in these words or in common English ones?"""
    bare = answer.strip()
    if refusal and bare == refusal.strip():
        return True
    found = _REFUSAL.match(bare.replace("’", "'"))
    return found is not None and len(sentence_spans(bare)) <= _LONGEST_REFUSAL


def _claim(text: str, start: int, end: int) -> Claim:
    if "[" not in text:
        return Claim(start, end, text, frozenset())
    # Text and markers in turn; the space before a marker belongs to it.
    *parts, rest = _MARKERS.split(text)
    cited = frozenset(int(number) for each in parts[1::2] for number in _NUMBER.findall(each))
    return Claim(start, end, "".join(each.rstrip() for each in parts[::2]) + rest, cited)


def _says_something(claim: Claim) -> bool:
    if claim.text.startswith("#"):
        return False
    found = _WORD.findall(claim.text.casefold())
    return any(word not in STOP_WORDS and word not in _EMPTY_WORDS for word in found)
