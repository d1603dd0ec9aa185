"""Names that must not be mentioned, however they are written."""

import re
from collections.abc import Iterable

from passerelle.core.text.normalise import WIDEST, normalise
from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails.glance import ALPHANUMERIC, Glance, table, without

# What stands for a letter in a disguised name; the folding has dealt with other scripts.
_STANDS_FOR = {
    "a": "a4@", "b": "b8", "c": "c(", "e": "e3", "g": "g9", "i": "i1!|", "l": "l1!|",
    "o": "o0", "s": "s5$", "t": "t7+", "z": "z2",
}  # fmt: skip
_GAP = r"[\s._\-]{0,2}"
_BETWEEN_LETTERS = r"[\s._\-*~|/,]{1,2}"
_NOT_BEFORE = r"(?<![^\W_].)"  # stands after the first letter, so that a search may skip to it
_NOT_AFTER = r"(?![^\W_])"
_WITHOUT_WORD_BOUNDS = 0x2E80  # from here on scripts that put no space between words
_GAPS = re.compile(r"[\s._\-*~/,]+")
_SHORTEST_DISGUISED = 4
_SHORTEST_SPELLED_OUT = 3

# One letter for all that may stand for one another; what may stand between letters goes.
_LETTER_OF = {
    sign: "i" if letter == "l" else letter
    for letter, signs in _STANDS_FOR.items()
    for sign in signs
}
_SQUASHED = table(
    lambda character: _LETTER_OF.get(character.lower(), character.lower()), beyond_ascii=None
)
_MEANT_FOR_LETTERS = "".join(sign for sign in _LETTER_OF if not sign.isalnum())
_LEFT_OUT = bytes(set(range(128)) & set(without(ALPHANUMERIC + _MEANT_FOR_LETTERS)))
_LETTER_OR_GAP = b"|"
_MOST_NEEDLES = 40
_AROUND_A_NAME = "!?.,;:'\"-_ "
_CLEARLY_WRITTEN = re.compile(rf"(?:[^\W_]|[\x00-\x7f](?<![{re.escape(_MEANT_FOR_LETTERS)}]))*")

_Units = tuple[str, ...]
_Tree = dict[str, "_Tree"]
_END = ""


class Competitors:
    """Finds configured names as whole words: any case, width, script look-alike, accent or
    invisible character; as `acm3`, `a c m e` and `a.c.m.e`; with or without the spaces and
    hyphens inside.

    A disguise keeps at least half of the letters, so that numbers are not names.
    """

    name = "competitors"
    whole = False
    lookback = 2 * WIDEST

    def __init__(self, names: Iterable[str]) -> None:
        written = {normalise(name).text.strip().strip(_AROUND_A_NAME) for name in names} - {""}
        plain = set(map(_units, written))
        self._plain = _Names(plain)
        self._disguised = _Names(_disguised(plain) | _spelled_out(plain))
        self.reach = WIDEST * (1 + max(self._plain.widest, self._disguised.widest))
        self._needles = _needles(written)

    def may_find(self, glance: Glance) -> bool:
        """The letters of a name follow one another once all that may part them is left out."""
        folded = glance.folded
        if self._needles is None or _LETTER_OR_GAP in folded:
            return True
        squashed = folded.translate(_SQUASHED, _LEFT_OUT)
        return any(needle in squashed for needle in self._needles)

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        shift = max(0, start - self.lookback)
        folded = normalise(text[shift:] if shift else text)
        spans = self._plain.spans(folded.text)
        spans += [
            (first, end)
            for first, end in self._disguised.spans(folded.text)
            if _keeps_its_letters(folded.text[first:end])
        ]
        found = (folded.span(first, end) for first, end in spans)
        return tuple(
            Finding("competitor", first + shift, end + shift)
            for first, end in found
            if first + shift >= start
        )

    def open_from(self, text: str) -> int:
        shift = max(0, len(text) - self.reach)
        folded = normalise(text[shift:])
        begun = (self._plain.begun(folded.text), self._disguised.begun(folded.text))
        return shift + folded.origin(min(begun))


class _Names:
    """One pattern for all names: a tree of their letters, tried at each possible first one."""

    def __init__(self, names: Iterable[_Units]) -> None:
        tree: _Tree = {}
        self.widest = 0
        for units in names:
            node = tree
            for unit in units:
                node = node.setdefault(unit, {})
            node[_END] = {}
            self.widest = max(self.widest, sum(_width(unit) for unit in units))
        self._whole = _compiled(tree, partial=False)
        self._partial = _compiled(tree, partial=True)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Every name in the text, whichever others overlap it."""
        if self._whole is None:
            return []
        return [(found.start(), found.end(1)) for found in self._whole.finditer(text)]

    def begun(self, text: str) -> int:
        """Where a name starts that the end of the text cuts off; else the text's length."""
        last = max(0, len(text) - self.widest)
        found = self._partial.search(text, last) if self._partial else None
        return found.start() if found else len(text)


def _units(name: str) -> _Units:
    """A name as pieces of a pattern: letters, and gaps that may be left out."""
    units: list[str] = []
    for character in name:
        if character.isalnum():
            units.append(re.escape(character))
        elif character in " ._-":
            units.append(_GAP)
        else:
            units.append(re.escape(character) + "?")
    return tuple(units)


def _needles(names: Iterable[str]) -> tuple[bytes, ...] | None:
    """What must stand in a squashed text; None where that cannot be told."""
    needles: set[bytes] = set()
    for name in names:
        if not _CLEARLY_WRITTEN.fullmatch(name):
            return None
        letters = "".join(character for character in name if character.isalnum())
        needles.add(letters.encode().translate(_SQUASHED))
    return tuple(needles) if len(needles) <= _MOST_NEEDLES else None


def _letters(units: _Units) -> list[str]:
    return [unit for unit in units if unit.isalnum()]


def _disguised(names: Iterable[_Units]) -> set[_Units]:
    return {
        tuple(_sort(unit) for unit in units)
        for units in names
        if len(_letters(units)) >= _SHORTEST_DISGUISED
    }


def _spelled_out(names: Iterable[_Units]) -> set[_Units]:
    spelled: set[_Units] = set()
    for units in names:
        letters = [_sort(letter) for letter in _letters(units)]
        if len(letters) >= _SHORTEST_SPELLED_OUT:
            first, *rest = letters
            spelled.add((first, *(unit for other in rest for unit in (_BETWEEN_LETTERS, other))))
    return spelled


def _sort(unit: str) -> str:
    return f"[{re.escape(_STANDS_FOR[unit])}]" if unit in _STANDS_FOR else unit


def _width(unit: str) -> int:
    return 2 if unit in {_GAP, _BETWEEN_LETTERS} else 1


def _compiled(tree: _Tree, *, partial: bool) -> re.Pattern[str] | None:
    if not tree:
        return None
    firsts = "".join(unit.strip("[]") for unit in tree)
    branches = "|".join(
        f"(?<={unit}){_bound_before(unit)}{_branch(node, unit, partial=partial)}"
        for unit, node in tree.items()
    )
    return re.compile(f"[{firsts}](?=({'(?:' + branches + ')'}))", re.DOTALL)


def _branch(tree: _Tree, last: str, *, partial: bool) -> str:
    """The rest of the names below a letter, the longest first."""
    ways = [r"\Z"] if partial else []
    ways += [
        unit + _branch(node, unit, partial=partial) for unit, node in tree.items() if unit != _END
    ]
    if _END in tree and not partial:
        ways.append(_NOT_AFTER if _has_word_bounds(last) else "")
    return f"(?:{'|'.join(ways)})"


def _bound_before(unit: str) -> str:
    return _NOT_BEFORE if _has_word_bounds(unit) else ""


def _has_word_bounds(unit: str) -> bool:
    return ord(unit.strip("[]\\")[0]) < _WITHOUT_WORD_BOUNDS


def _keeps_its_letters(found: str) -> bool:
    """At least half of what is not a gap are letters."""
    solid = _GAPS.sub("", found)
    return 2 * sum(map(str.isalpha, solid)) >= len(solid)
