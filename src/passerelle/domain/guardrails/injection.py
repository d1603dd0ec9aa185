"""Text that tries to take over the instructions: a score from phrases and marks."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from passerelle.core.text.normalise import normalise
from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails.injection_signs import (
    DIRECT,
    INDIRECT,
    PUNCTUATION,
    Sign,
)

DEFAULT_THRESHOLD = 0.5

_ENCODED = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{16,4096}={0,2}")
_BITS = re.compile(r"(?:[01]{8}[ ,]?){5,512}")
_DISGUISED_LETTER = re.compile(r"[a-z][013457@$]|[013457@$][a-z]")
_LETTERS = str.maketrans("013457@$", "oieastas")
_DECODED_WEIGHT = 0.3
_MOST_ENCODED = 16
_FLOOD_WORDS = 120
_FLOOD_DIFFERENT = 0.15
_FLOOD = Sign("flooding", 0.6, frozenset(), re.compile(r"\A"))


@dataclass(frozen=True, slots=True)
class Match:
    """A sign that was seen, with its place in the folded text."""

    sign: Sign
    start: int
    end: int


class Injection:
    """Scores override of instructions, false roles, forged delimiters, requests for the prompt,
    forced answers and hidden payloads. Signs count once each; the score is the chance that one
    of them is right, as if they were independent: 1 - (1 - w1)(1 - w2)...

    `indirect` is for documents and tool results, where any instruction to the assistant is
    out of place; a person may well say how to answer.
    """

    name = "injection"
    whole = True
    reach = 0
    lookback = 0

    def __init__(self, *, threshold: float = DEFAULT_THRESHOLD, indirect: bool = False) -> None:
        self.threshold = threshold
        self._signs = INDIRECT if indirect else DIRECT

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        folded = normalise(text)
        matches = list(self._matches(folded.text, text))
        if _combined(matches) < self.threshold:
            return ()
        found = []
        for match in matches:
            first, end = folded.span(match.start, max(match.start + 1, match.end))
            if first >= start:
                found.append(Finding(match.sign.kind, first, end))
        return tuple(found)

    def open_from(self, text: str) -> int:
        """Nothing is settled before the end: any word may still tip the score."""
        del text
        return 0

    def score(self, text: str) -> float:
        """0 to 1; texts at or above the threshold are findings."""
        return _combined(list(self._matches(normalise(text).text, text)))

    def _matches(self, folded: str, original: str) -> Iterator[Match]:
        tokens = folded.translate(PUNCTUATION).split()
        yield from self._seen(folded, set(tokens))
        if _is_flood(folded):
            yield Match(_FLOOD, 0, min(len(folded), 1))
        if _DISGUISED_LETTER.search(folded):
            plain = folded.translate(_LETTERS)
            yield from self._seen(plain, set(plain.translate(PUNCTUATION).split()) - set(tokens))
        for first, end, hidden in _payloads(original):
            inside = normalise(hidden).text
            for match in self._seen(inside, set(inside.translate(PUNCTUATION).split())):
                sign = Sign("encoded_payload", _DECODED_WEIGHT, frozenset(), match.sign.pattern)
                yield Match(match.sign, min(first, len(folded)), min(end, len(folded)))
                yield Match(sign, min(first, len(folded)), min(end, len(folded)))

    def _seen(self, folded: str, words: set[str]) -> Iterator[Match]:
        for sign in self._signs:
            if not sign.triggers or not sign.triggers.isdisjoint(words):
                found = sign.pattern.search(folded)
                if found:
                    yield Match(sign, *found.span())


def _combined(matches: list[Match]) -> float:
    doubt = 1.0
    for sign in {match.sign.pattern: match.sign for match in matches}.values():
        doubt *= 1.0 - sign.weight
    return 1.0 - doubt


def _is_flood(folded: str) -> bool:
    """The same few tokens over and over, as texts that wear out a model's attention do."""
    tokens = folded[: 12 * _FLOOD_WORDS].split()[:_FLOOD_WORDS]
    return len(tokens) == _FLOOD_WORDS and len(set(tokens)) < _FLOOD_DIFFERENT * _FLOOD_WORDS


def _payloads(text: str) -> Iterator[tuple[int, int, str]]:
    """Readable text behind base 64 and binary digits, with its place."""
    for count, found in enumerate(_ENCODED.finditer(text)):
        if count == _MOST_ENCODED:
            return
        hidden = _decoded(found[0])
        if hidden:
            yield found.start(), found.end(), hidden
    if "0" in text and "1" in text:
        found_bits = _BITS.search(text)
        if found_bits:
            bits = "".join(character for character in found_bits[0] if character in "01")
            letters = (chr(int(bits[place : place + 8], 2)) for place in range(0, len(bits), 8))
            yield found_bits.start(), found_bits.end(), "".join(letters)


def _decoded(token: str) -> str:
    whole = token.rstrip("=")
    try:
        hidden = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return hidden if hidden.isprintable() or "\n" in hidden else ""
