"""How much of a correct answer stands in an answer? By words; meaning is not looked at."""

import re
import string
from collections import Counter
from collections.abc import Sequence

from passerelle.core.text.tokens import content_words

_MARKER = re.compile(r"[ \t]*\[\d+\]")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_NOT_ROUGE = re.compile(r"[^a-z0-9]+")
_EXACT = re.compile(r"[\d_]")
HALF = 0.5


def without_markers(answer: str) -> str:
    """The answer without its `[n]`: they are ours and in no reference."""
    return _MARKER.sub("", answer)


def token_f1(answer: str, reference: str) -> float:
    """F1 over words, 0 to 1; two empty texts agree, one empty text agrees with none.

    Source: Rajpurkar et al. 2016, the SQuAD evaluation script: lower case, without
    punctuation and articles, repeated words counted as often as they occur in both.
    """
    said, wanted = _squad_tokens(answer), _squad_tokens(reference)
    if not said or not wanted:
        return float(said == wanted)
    shared = (Counter(said) & Counter(wanted)).total()
    return _harmonic(shared / len(said), shared / len(wanted))


def rouge_l(answer: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words, 0 to 1; 0 when one is empty.

    Source: Lin 2004, section 3.1, with the tokens of the rouge-score package (no
    stemming; only a-z and 0-9 are word characters).
    """
    said, wanted = _rouge_tokens(answer), _rouge_tokens(reference)
    if not said or not wanted:
        return 0.0
    common = longest_common_subsequence(said, wanted)
    return _harmonic(common / len(said), common / len(wanted))


def covered(answer: str, reference: str) -> float:
    """Share of the reference's content words, by stem, that stand in the answer."""
    wanted = set(content_words(reference))
    return len(wanted & set(content_words(answer))) / len(wanted) if wanted else 0.0


def holds(answer: str, reference: str) -> bool:
    """Does the answer say what the reference says, as far as words can tell?

    Every number and identifier (words with a digit or an underscore) and at least
    half of all content words must stand in it. It may say more.
    """
    exact = {word for word in content_words(reference) if _EXACT.search(word)}
    return exact <= set(content_words(answer)) and covered(answer, reference) >= HALF


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length. Source: Hyyrö 2004, bit-parallel: one addition for each item of `second`."""
    places: dict[str, int] = {}
    for place, item in enumerate(first):
        places[item] = places.get(item, 0) | 1 << place
    everywhere = (1 << len(first)) - 1
    unmatched = everywhere
    for item in second:
        matches = unmatched & places.get(item, 0)
        unmatched = ((unmatched + matches) | (unmatched - matches)) & everywhere
    return len(first) - unmatched.bit_count()


def _squad_tokens(text: str) -> list[str]:
    return _ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _rouge_tokens(text: str) -> list[str]:
    return _NOT_ROUGE.sub(" ", text.lower()).split()


def _harmonic(precision: float, recall: float) -> float:
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0
