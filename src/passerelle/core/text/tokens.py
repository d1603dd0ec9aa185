"""Words, and the words that carry meaning."""

import re
import unicodedata

# Decimals stay whole, `don't` too, and identifiers such as `api_key`.
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+(?:['’]\w+)*")
_STOP_WORDS = (
    "a about above after again all also am an and any are aren't as at be because been before"
    " being below between both but by can can't cannot could couldn't did didn't do does doesn't"
    " doing don't down during each either else etc few for from further get gets got had hadn't"
    " has hasn't have haven't having he he'd he'll he's her here here's hers herself him himself"
    " his how how's i i'd i'll i'm i've if in into is isn't it it's its itself just let let's may"
    " me might more most much must mustn't my myself no nor not of off on once one's only or other"
    " ought our ours ourselves out over own per please same shall shan't she she'd she'll she's"
    " should shouldn't so some such than that that's the their theirs them themselves then there"
    " there's these they they'd they'll they're they've this those through to too under until up"
    " upon us very via was wasn't we we'd we'll we're we've were weren't what what's when when's"
    " where where's which while who who's whom whose why why's will with within won't would"
    " wouldn't yet you you'd you'll you're you've your yours yourself yourselves"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that say how, not what; negations among them, for they are checked apart."""

_KEPT = 65_536
_stems: dict[str, str] = {}
_SHORTEST = 3
_VOWEL = re.compile(r"[aeiouy]")


def words(text: str) -> list[str]:
    """Words in order, NFKC and case-folded; punctuation between words is dropped."""
    if text.isascii():
        return _WORD.findall(text.lower())
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))


def content_words(text: str) -> list[str]:
    """Stems of the words in order, stop words left out."""
    known = _stems
    result = []
    for word in words(text):
        if word not in STOP_WORDS:
            found = known.get(word)
            result.append(found if found is not None else stem(word))
    return result


def stem(word: str) -> str:
    """A light English stem: one for `notice`, `notices` and `noticed`; not itself a word.

    Words with digits or underscores stay as they are.
    """
    found = _stems.get(word)
    if found is None:
        found = _stem(word)
        if len(_stems) >= _KEPT:
            _stems.clear()
        _stems[word] = found
    return found


def _stem(word: str) -> str:
    word = word.removesuffix("'s").replace("'", "")
    if len(word) < _SHORTEST or not word.isalpha():
        return word
    word = _without_plural(word)
    word = _without_ending(word)
    if word.endswith("ly") and len(word) > 5:  # noqa: PLR2004 - `only` and `fly` stay
        word = word[:-2]
    word = word.removesuffix("e")
    if word.endswith("y") and len(word) > _SHORTEST and word[-2] not in "aeiou":
        word = word[:-1] + "i"
    return word


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - `dies` stays
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and len(word) > _SHORTEST and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word: str) -> str:
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest == word:
            continue
        if len(rest) < _SHORTEST - 1 or not _VOWEL.search(rest):
            return word
        if rest.endswith("e"):
            return rest + "e" if ending == "ed" else rest
        if rest[-1] == rest[-2] and rest[-1] not in "lsz":
            return rest[:-1]
        return rest
    return word
