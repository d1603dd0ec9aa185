"""What a text is made of, looked at once for all guards.

Tables over bytes cost a third of a nanosecond a character where patterns cost ten, so
a guard asks here first whether there can be anything to find.
"""

import string
from collections.abc import Callable, Iterator

from passerelle.core.text.normalise import normalise

ALPHANUMERIC = string.ascii_letters + string.digits
SHORTEST_RUN = 15
"""Characters of a `Glance.runs`: what is shorter is no token, and few words are as long."""
_EVERYDAY = string.ascii_letters + ".,;:'\"()-_/`<>[]{}"
_CONTROLS = bytes(range(33)) + b"\x7f"
_SPACES_BEYOND_ASCII = ("\x85", "\u2028", "\u2029")  # all others are folded
_ASCII = 128
_SPACE = ord(" ")


def table(made_of: Callable[[str], str], *, beyond_ascii: str | None = " ") -> bytes:
    """A table for `bytes.translate`: what each ASCII character becomes.

    The bytes of all other characters become one character, or stay with None.
    """
    beyond = range(_ASCII, 256) if beyond_ascii is None else [ord(beyond_ascii)] * _ASCII
    return bytes([*(ord(made_of(chr(code))) for code in range(_ASCII)), *beyond])


def without(characters: str) -> bytes:
    """What to leave out, so that nothing but the characters is left."""
    return bytes(set(range(256)) - set(characters.encode()))


_WORDS = table(lambda each: each.lower() if each in ALPHANUMERIC else " ")
_NOT_TELLING = _EVERYDAY.encode() + _CONTROLS + bytes(range(_ASCII, 256))
_IN_RUNS = table(lambda each: "x" if each in f"{ALPHANUMERIC}+-./_" else " ")
_RUN = b"x" * SHORTEST_RUN


class Glance:
    """A text and its bytes. All that is said of it may be more than is there, never less."""

    __slots__ = ("_folded", "_runs", "data", "telling", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8", "surrogatepass")
        self.telling = self.data.translate(None, _NOT_TELLING)
        """ASCII characters in order, without letters, spaces and everyday punctuation: most
        texts have few of them, and no number, address or password is without.
        """
        self._folded: bytes | None = None
        self._runs: list[bytes] | None = None

    @property
    def folded(self) -> bytes:
        """The normal form as bytes, all that is white space in ASCII.

        Capitals may be left where nothing else is folded.
        """
        if self._folded is None:
            plain = self.text.isascii() and "\0" not in self.text
            self._folded = self.data if plain else _folded(self.text)
        return self._folded

    @property
    def runs(self) -> list[bytes]:
        """Long stretches of ASCII letters, digits and `+-./_`, as they stand in the text."""
        if self._runs is None:
            self._runs = list(_runs(self.data))
        return self._runs


def _runs(data: bytes) -> Iterator[bytes]:
    marked = data.translate(_IN_RUNS)
    at = marked.find(_RUN)
    while at >= 0:
        end = marked.find(b" ", at)
        yield data[at:] if end < 0 else data[at:end]
        at = marked.find(_RUN, end) if end >= 0 else end


def _folded(text: str) -> bytes:
    folded = normalise(text).text
    for space in _SPACES_BEYOND_ASCII:
        folded = folded.replace(space, " ")
    return folded.encode("utf-8", "surrogatepass")


def words_of(folded: bytes) -> set[bytes]:
    """Runs of ASCII letters and digits, in lower case."""
    return set(folded.translate(_WORDS).split())
