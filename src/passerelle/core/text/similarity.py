"""Words that differ by a slip of the finger."""

from collections.abc import Iterable, Mapping

SHORTEST = 4
"""Shorter words have too many neighbours for a slip to be told from another word."""
LONGEST = 24
"""Longer words are no words that people type."""


def slips(word: str) -> frozenset[str]:
    """The word and all that is left of it without one letter.

    Two words with a common slip are one letter apart (added, lost, replaced or swapped with
    its neighbour), or at most two. Source: Garbe 2012, symmetric delete spelling correction.
    """
    return frozenset((word, *(word[:at] + word[at + 1 :] for at in range(len(word)))))


def neighbourhood(words: Iterable[str], *, shortest: int = SHORTEST) -> Mapping[str, str]:
    """Slip → word, for finding words one letter away; the first of several wins."""
    found: dict[str, str] = {}
    for word in words:
        if shortest <= len(word) <= LONGEST:
            for slip in slips(word):
                found.setdefault(slip, word)
    return found


def nearest(word: str, known: Mapping[str, str], *, shortest: int = SHORTEST) -> str | None:
    """A word of the neighbourhood a slip away; None for strangers, short and overlong words."""
    if not shortest <= len(word) <= LONGEST:
        return None
    return next((known[slip] for slip in sorted(slips(word)) if slip in known), None)
