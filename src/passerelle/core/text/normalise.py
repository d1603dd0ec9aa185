"""The letters that a reader sees, whatever code points draw them."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

# Letters of other scripts, and symbols, that pass for Latin ones. Chosen by shape.
# Source: Unicode Technical Standard 39, confusables; ours is a small part of it.
_LOOK_ALIKES = {
    "a": "аɑαᴀ", "b": "вЬьϐʙ", "c": "сϲᴄ", "d": "ԁᴅ", "e": "еєεᴇ℮", "f": "ғꜰ",
    "g": "ɡցɢ", "h": "һнʜ", "i": "іιıɪ", "j": "јϳᴊ", "k": "кκᴋ", "l": "ӏʟǀ",
    "m": "мᴍ", "n": "пηɴո", "o": "оοσօᴏ", "p": "рρᴘ", "q": "ԛ", "r": "гʀ",
    "s": "ѕꜱ", "t": "тτᴛ", "u": "υսᴜ", "v": "νѵᴠ", "w": "ԝωᴡ", "x": "хχ",
    "y": "уүγʏ", "z": "ᴢ",
    "'": "‘’ʼ′`´", '"': "“”„″", "-": "‐‑‒–—−", "/": "∕⁄", ".": "․",
}  # fmt: skip
_FOLDED = {other: letter for letter, others in _LOOK_ALIKES.items() for other in others}
_ENCLOSED = ((0x1F130, 26), (0x1F150, 26), (0x1F170, 26))  # squared and circled letters
_TAGS = range(0xE0020, 0xE007F)  # invisible copies of ASCII
_INVISIBLE = "\0"
_INVISIBLE_KEPT_TOGETHER = 8
_MOST_REMEMBERED = 20_000
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_SAMPLE = 256
_FEW = 24
_LONG_RUN = re.compile(f"(?<={_INVISIBLE * _INVISIBLE_KEPT_TOGETHER}){_INVISIBLE}")

WIDEST = _INVISIBLE_KEPT_TOGETHER + 1
"""Most characters of the original for one of the folded text: itself and invisible ones."""


class _Folding(dict[int, str]):
    """Code point to what it reads as, worked out once for each."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code)) or _INVISIBLE
        if len(self) < _MOST_REMEMBERED:
            self[code] = folded
        return folded


def _fold(character: str) -> str:
    code = ord(character)
    if code in _TAGS:
        return chr(code - 0xE0000).lower()
    for first, count in _ENCLOSED:
        if first <= code < first + count:
            return chr(ord("a") + code - first)
    letters = unicodedata.normalize("NFKD", character).casefold()
    return "".join(_plain(letter) for letter in letters)


def _plain(letter: str) -> str:
    if letter in _FOLDED:
        return _FOLDED[letter]
    category = unicodedata.category(letter)
    if category in {"Mn", "Me", "Cf"}:  # accents, enclosing marks, zero width and direction marks
        return ""
    return " " if category == "Zs" else letter


_FOLDING = _Folding()


class Normalised:
    """A text folded to what it reads as, with the way back to the original places."""

    __slots__ = ("_ends", "original", "text")

    def __init__(self, original: str, text: str) -> None:
        self.original = original
        self.text = text
        self._ends: list[int] | None = None

    def origin(self, place: int) -> int:
        """The original place of a character of `text`; the original's length at the end."""
        if place >= len(self.text):
            return len(self.original)
        if self.original.isascii() and len(self.text) == len(self.original):
            return place
        if self._ends is None:
            self._ends = list(accumulate(_widths(self.original)))
        return bisect_right(self._ends, place)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original span of `text[start:end]`, not empty."""
        return self.origin(start), self.origin(end - 1) + 1


def _widths(original: str) -> Iterator[int]:
    run = 0
    for character in original:
        folded = _FOLDING[ord(character)]
        run = run + 1 if folded == _INVISIBLE else 0
        if run:
            yield int(run > _INVISIBLE_KEPT_TOGETHER)
        else:
            yield len(folded)


def normalise(text: str) -> Normalised:
    """Case, width, accents, invisible characters, look-alikes and fancy letters are folded away.

    Folds character by character, so a piece of a text folds to a piece of the folded
    text. Invisible characters are left out, but after the eighth in a row they read as
    spaces: what hides behind more is not one word, and no word grows without bound.
    Digits and symbols that stand for letters are left alone: whether a `4` is an `a`
    depends on the word. Nearly free for ASCII, 10 to 40 ns a character for other texts.
    """
    if text.isascii() and _INVISIBLE not in text:
        return Normalised(text, text.lower())
    folded = _folded(text)
    if _INVISIBLE in folded:
        folded = _LONG_RUN.sub(" ", folded).replace(_INVISIBLE, "")
    return Normalised(text, folded)


def _folded(text: str) -> str:
    """Few characters beyond ASCII, as in most Western texts, are replaced one by one."""
    if len(_BEYOND_ASCII.findall(text, 0, _SAMPLE)) > _FEW:
        return text.translate(_FOLDING)
    others = {character: _FOLDING[ord(character)] for character in _BEYOND_ASCII.findall(text)}
    if len(others) > _FEW or any(folded != folded.lower() for folded in others.values()):
        return text.translate(_FOLDING)
    text = text.replace("`", _FOLDING[ord("`")])
    for character, folded in others.items():
        text = text.replace(character, folded)
    return text.lower()
