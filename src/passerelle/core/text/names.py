"""Words that name somebody or something, told by their capitals."""

import re

from passerelle.core.text.tokens import STOP_WORDS, stem

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def name_stems(sentence: str) -> frozenset[str]:
    """Stems of capitalised words of one sentence that are no stop words.

    Its first word counts only where the next one is capitalised too, or where it holds
    more than one capital, for any word may begin a sentence. English and its likes only.
    """
    found = _WORD.findall(sentence)
    stems: set[str] = set()
    for place, word in enumerate(found):
        if not word[0].isupper() or (place == 0 and not _surely(found)):
            continue
        stems.update(_parts(word))
    return frozenset(stems)


def _surely(found: list[str]) -> bool:
    first = found[0]
    follows = len(found) > 1 and found[1][0].isupper()
    return follows or sum(map(str.isupper, first)) > 1


def _parts(word: str) -> list[str]:
    parts = word.casefold().replace("’", "'").split("-")
    return [stem(part) for part in parts if part and part not in STOP_WORDS]
