"""What at the end of a text may still become part of a finding?"""

import calendar
import string

LATIN = "".join(chr(code) for code in range(0xC0, 0x250) if chr(code).isalpha())
GRAPHIC = string.ascii_letters + string.digits + string.punctuation + LATIN
"""Characters that a finding without spaces is made of; other scripts end it."""

MONTHS = (
    *(name.lower() for name in calendar.month_name[1:]),
    "sept",
    *(name.lower() for name in calendar.month_abbr[1:]),
)
"""English, the longer forms first."""
_LINKS = frozenset({"of", "x", "ext", "ext."})
_LONGEST_GROUP = 4


def last_token(text: str) -> int:
    """Where the last run of graphic characters starts: the text's length after a space."""
    return len(text.rstrip(GRAPHIC))


def last_number(text: str, *, widest: int) -> int:
    """Where the last number, date or account starts that may go on after the text.

    Such findings are tokens with digits, months, short groups of capitals and
    links, with one space between them, at most `widest` characters in all.
    """
    token = begins = at = last_token(text)
    lowest = max(0, len(text) - widest)
    while at > lowest and text[at - 1] == " ":
        end = at - 1
        at = last_token(text[:end])
        if _may_begin(text[at:end]):
            begins = at
        elif not _may_link(text[at:end]):
            break
    return min(token, max(begins, lowest))


def _may_begin(token: str) -> bool:
    return any(digit in token for digit in string.digits) or token.strip(".,").lower() in MONTHS


def _may_link(token: str) -> bool:
    capitals = len(token) <= _LONGEST_GROUP and token.isalpha() and token.isupper()
    return capitals or token.lower() in _LINKS
