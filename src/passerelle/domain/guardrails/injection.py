"""Text that tries to take over the instructions: a score from phrases and marks."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from passerelle.core.text.normalise import normalise
from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails.glance import Glance, table, without, words_of
from passerelle.domain.guardrails.injection_signs import (
    DIRECT,
    INDIRECT,
    MARKS,
    PUNCTUATION,
    Sign,
)

DEFAULT_THRESHOLD = 0.5

_ENCODED = re.compile(r"[A-Za-z0-9+/]{16,4096}+={0,2}")
_SHORTEST_ENCODED = 16
_MOST_ENCODED = 16
_BITS = re.compile(r"(?:[01]{8}[ ,]?){5,512}+")
_FEWEST_BITS = 40
_LETTERS = str.maketrans("013457@$", "oieastas")
_LETTER_BYTES = bytes.maketrans(b"013457@$", b"oieastas")
_DIGITS = bytes.maketrans(b"oieast", b"013457")
_SHAPE_OF = dict.fromkeys("013457", "0") | dict.fromkeys("@$", "$")
# How letters and what may stand for them lie side by side: `a`, `0`, `$` for a sign.
_SHAPES = table(lambda each: "a" if each.isalpha() else _SHAPE_OF.get(each, " "), beyond_ascii="a")
_DISGUISED_ENDS = rb"'[57$]|1'm"
"""Of `don't`, `what's` and `i'm`."""
_MIXTURES = (b"$", b"a0", b"0a")
_NOT_BITS = without("01")
_WHITE = bytes(code for code in range(128) if chr(code).isspace())
_MARKS = re.compile(MARKS.pattern.pattern.encode(), re.IGNORECASE)
_FLOOD_WORDS = 120
_FLOOD_DIFFERENT = 18
_HIDING = Sign("hidden_payload", 0.3, frozenset(), re.compile(r"\A"))
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
        self._signs: dict[str, list[Sign]] = {}
        for sign in INDIRECT if indirect else DIRECT:
            for word in sign.triggers:
                self._signs.setdefault(word, []).append(sign)
        self._triggers = frozenset(self._signs)
        self._begun_by: dict[bytes, list[Sign]] = {}
        for word, signs in self._signs.items():
            self._begun_by.setdefault(word.split("'")[0].encode(), []).extend(signs)
        self._beginnings = frozenset(self._begun_by)
        in_digits = sorted(filter(None, map(_in_digits, self._triggers)))
        self._in_digits = re.compile(b"|".join([_DISGUISED_ENDS, *in_digits]))

    def may_find(self, glance: Glance) -> bool:
        """The signs that may stand in the text reach the threshold together."""
        folded = glance.folded
        signs = self._possible(words_of(folded))
        marked = _may_mark(folded)
        if glance.telling or folded is not glance.data:
            plain = folded.translate(_LETTER_BYTES)
            mixtures = _mixtures(folded, plain)
            marked = marked or (bool(mixtures) and _may_mark(plain))
            if not self._beginnings.isdisjoint(mixtures) or (
                mixtures and self._in_digits.search(folded)
            ):
                signs |= self._possible(words_of(plain))
        if marked:
            signs.add(MARKS)
        if signs and _chance(signs) >= self.threshold:
            return True
        return _may_hide(glance) or _may_flood(folded)

    def _possible(self, words: set[bytes]) -> set[Sign]:
        """Signs whose trigger is there, and the other words that each needs."""
        possible: set[Sign] = set()
        for word in self._beginnings & words:
            for sign in self._begun_by[word]:
                for need in sign.needs:
                    if words.isdisjoint(need):
                        break
                else:
                    possible.add(sign)
        return possible

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        folded = normalise(text)
        matches = self._matches(folded.text, text)
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
        return _combined(self._matches(normalise(text).text, text))

    def _matches(self, folded: str, original: str) -> list[Match]:
        words = _words(folded)
        matches = self._seen(folded, words)
        chunks = folded.split()
        if len(chunks) >= _FLOOD_WORDS and len(set(chunks[:_FLOOD_WORDS])) < _FLOOD_DIFFERENT:
            matches.append(Match(_FLOOD, 0, 1))
        if any(_may_be_disguised(word) for word in words):
            plain = folded.translate(_LETTERS)
            matches += self._seen(plain, _words(plain) - words)
        if (chunks and max(map(len, chunks)) >= _SHORTEST_ENCODED) or (
            "01" in folded and _BITS.search(folded)
        ):
            matches += self._hidden(original, len(folded))
        return matches

    def _seen(self, folded: str, words: set[str]) -> list[Match]:
        """The first place of each sign."""
        found: dict[Sign, Match] = {}
        for word in self._triggers & words:
            for sign in self._signs[word]:
                place = folded.find(word)
                while place >= 0:
                    match = sign.pattern.match(folded, place)
                    if match:
                        known = found.get(sign)
                        if known is None or place < known.start:
                            found[sign] = Match(sign, place, match.end())
                        break
                    place = folded.find(word, place + len(word))
        marks = MARKS.pattern.search(folded) if "<" in folded or "[" in folded else None
        if marks:
            found[MARKS] = Match(MARKS, *marks.span())
        return sorted(found.values(), key=lambda match: match.start)

    def _hidden(self, original: str, folded_length: int) -> Iterator[Match]:
        """Signs inside what base 64 and binary digits hide; the hiding itself is one more."""
        for first, end, hidden in _payloads(original):
            inside = normalise(hidden).text
            for match in self._seen(inside, _words(inside)):
                for sign in (match.sign, _HIDING):
                    yield Match(sign, min(first, folded_length - 1), min(end, folded_length))


def _words(folded: str) -> set[str]:
    return set(folded.translate(PUNCTUATION).split())


def _may_be_disguised(word: str) -> bool:
    """Letters and what may stand for letters, mixed."""
    return not word.isalpha() and not word.isdigit() and word.translate(_LETTERS).isalpha()


def _combined(matches: list[Match]) -> float:
    return _chance({match.sign for match in matches})


def _chance(signs: Iterable[Sign]) -> float:
    doubt = 1.0
    for sign in signs:
        doubt *= 1.0 - sign.weight
    return 1.0 - doubt


def _in_digits(word: str) -> bytes:
    """The word spelled in digits alone; empty where there is no digit for a letter."""
    digits = word.encode().translate(_DIGITS)
    return digits if digits.isdigit() else b""


def _mixtures(folded: bytes, plain: bytes) -> list[bytes]:
    """Words of letters and what may stand for letters, as they read in the plain text."""
    shapes = folded.translate(_SHAPES)
    found: list[bytes] = []
    for mixture in _MIXTURES:
        at = shapes.find(mixture)
        while at >= 0:
            first, end = shapes.rfind(b" ", 0, at) + 1, shapes.find(b" ", at)
            end = end if end >= 0 else len(shapes)
            found.append(plain[first:end].lower())
            at = shapes.find(mixture, end)
    return found


def _may_mark(folded: bytes) -> bool:
    if b"<" in folded or b"[" in folded:
        return _MARKS.search(folded) is not None
    return False


def _may_hide(glance: Glance) -> bool:
    if glance.runs:
        tokens = [token for run in glance.runs for token in _ENCODED.findall(run.decode())]
        if any(_decoded(token) for token in tokens[:_MOST_ENCODED]):
            return True
    if len(glance.telling) < _FEWEST_BITS:
        return False
    bits = glance.telling.translate(None, _NOT_BITS)
    return len(bits) >= _FEWEST_BITS and _BITS.search(glance.text) is not None


def _may_flood(folded: bytes) -> bool:
    if folded.isascii() and len(folded) - len(folded.translate(None, _WHITE)) < _FLOOD_WORDS - 1:
        return False
    first = folded.decode("utf-8", "surrogatepass").lower().split(None, _FLOOD_WORDS)
    return len(first) >= _FLOOD_WORDS and len(set(first[:_FLOOD_WORDS])) < _FLOOD_DIFFERENT


def _payloads(text: str) -> Iterator[tuple[int, int, str]]:
    """Readable text behind base 64 and binary digits, with its place."""
    for count, found in enumerate(_ENCODED.finditer(text)):
        if count == _MOST_ENCODED:
            break
        hidden = _decoded(found[0])
        if hidden:
            yield found.start(), found.end(), hidden
    for found in _BITS.finditer(text):
        bits = "".join(character for character in found[0] if character in "01")
        letters = (chr(int(bits[place : place + 8], 2)) for place in range(0, len(bits), 8))
        yield found.start(), found.end(), "".join(letters)


def _decoded(token: str) -> str:
    whole = token.rstrip("=")
    try:
        hidden = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return hidden if hidden.isprintable() or "\n" in hidden else ""
