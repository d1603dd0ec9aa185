"""Numbers that point to a person: what stands at a run of digits?

Every reader judges one run of digits by itself and what touches it, so that the
same number is found however its text arrives.
"""

import re
from collections.abc import Iterator
from string import ascii_letters, digits

from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails import checksums
from passerelle.domain.guardrails.contexts import said_before
from passerelle.domain.guardrails.glance import without
from passerelle.domain.guardrails.tails import MONTHS

WIDEST = 64
"""Longest finding of this module in characters, with what it looks at after its end."""
LOOKBACK = 80
"""Characters before a run of digits that a decision may depend on: its token, then its words."""

# Both begin with one digit, for a pattern that begins with one set of characters is searched
# for four times as fast. The second leaves out what no reader takes up: years, ages, amounts.
_RUN = re.compile(r"[0-9](?<![0-9]{2})")
_TELLING_RUN = re.compile(
    r"[0-9](?<![0-9]{2})(?:(?<=[A-Za-z_-][0-9])"
    r"|(?=[0-9]*+(?:[-/]|(?<=[0-9]{5})))|(?=[0-9 ./()-]{5,}?[0-9]))"
)
_EXTENT = re.compile(r"(\d++)(?:\)?[ ./-]?\(?\d++){0,8}+", re.ASCII)
_SHORTEST = 7
_CARD_GROUP = 4
_SHORTEST_CARD = 12
_SSN_AREA = 3
_NO_DIGITS = without(digits)
_ENDS = r"(?!\w)(?![-.]\d)"
_CARD = re.compile(
    r"(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1(?P<more>\d{3}))?|\d{4}([ -])\d{6}\3\d{4,5}|\d{12,19})"
    + _ENDS,
    re.ASCII,
)
_SSN = re.compile(r"(\d{3})([- ])(\d{2})\2(\d{4})(?!\w)(?![-.]\w)", re.ASCII)
_NORTH_AMERICAN = re.compile(
    r"(?:(?:\+?1|001)[ .-]?)?"
    r"(?:\(\d{3}\) ?\d{3}[ .-]?\d{4}|\d{3}([.-])\d{3}\1\d{4}|[2-9]\d{2} [2-9]\d{2}[ -]\d{4})"
    r"(?:(?: ?x| ext\.?) ?\d{1,6})?" + _ENDS,
    re.ASCII,
)
_INTERNATIONAL = re.compile(
    r"\+\d{1,15}+(?:[ .-]?\(\d{1,4}\)[ .-]?\d{1,8}+)?+(?:[ .-]\d{1,8}+){0,5}+" + _ENDS, re.ASCII
)
_TRUNK = re.compile(
    r"(?:\(0[1-9]\d{0,3}\)|00?[1-9]\d{0,3}+)(?:[ .-]\d{2,7}+){1,4}+" + _ENDS, re.ASCII
)
_LOOSE = re.compile(r"\(?\d{2,12}+\)?(?:[ .-]\d{2,8}+){0,3}+" + _ENDS, re.ASCII)
_INTERNATIONAL_DIGITS = range(8, 22)
_TRUNK_DIGITS = range(9, 15)
_LOOSE_DIGITS = range(7, 15)
_IPV4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?!\w)(?!\.\d)(?!-\w)", re.ASCII)
_BYTE = range(256)
_NOBODY = {"0", "127", "255"}  # unspecified, this machine, everybody
_SMALL = range(31)
_IBAN = re.compile(
    r"[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}"
    r"|[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?",
    re.ASCII,
)
_IBAN_DIGITS = 2
_IDENTIFIER = re.compile(r"[A-Za-z0-9]{1,15}(?:[-/][A-Za-z0-9]{1,15}){0,3}(?![\w-])", re.ASCII)
_FEWEST_DIGITS = 5
_LONGEST_PREFIX = 16
_NAMED = frozenset(
    {"medical_record", "health_plan", "passport", "driver_licence", "account", "ssn"}
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_MONTH = rf"(?i:{'|'.join(MONTHS)})"
_DATE = re.compile(
    rf"(?:\d{{1,2}}[/.-]\d{{1,2}}[/.-](?:\d{{4}}|\d{{2}})|\d{{4}}[/.-]\d{{1,2}}[/.-]\d{{1,2}}"
    rf"|{_DAY}(?: of)?[ -]{_MONTH}\.?,?[ -](?:\d{{4}}|\d{{2}}))(?!\w)",
    re.ASCII,
)
_DAY_AND_YEAR = re.compile(rf"{_DAY},? \d{{4}}(?!\w)", re.ASCII)
_MONTH_BEFORE = re.compile(rf"(?<![A-Za-z]){_MONTH}\.? \Z", re.ASCII)
_LONGEST_MONTH = 11


def may_find(text: str) -> bool:
    """Is there a run of digits that a reader would take up?"""
    return _TELLING_RUN.search(text) is not None or _speaks_of_birth(text)


def number_findings(text: str, start: int) -> Iterator[Finding]:
    """Findings at the runs of digits from `start` on; those that begin earlier are left out."""
    births = _speaks_of_birth(text)
    for run in (_RUN if births else _TELLING_RUN).finditer(text, start):
        for place in _at_run(text, run.start(), births=births):
            if place is not None and place[1] >= start:
                yield Finding(*place)


_Place = tuple[str, int, int] | None
"""Kind, start and end; None where a reader finds nothing."""


def _speaks_of_birth(text: str) -> bool:
    lower = text.lower()
    return "birth" in lower or "born" in lower or "dob" in lower


def _at_run(text: str, at: int, *, births: bool) -> Iterator[_Place]:
    """Most runs are years, ages and doses: they are left after a look at their length."""
    extent = _EXTENT.match(text, at)
    if extent is None:
        return
    end, width = extent.end(1), extent.end() - at
    part_of_word = _is_word(text, at - 1)
    if part_of_word:
        yield _iban(text, at, end)
    elif width >= _SHORTEST:
        yield from _wide(text, at, end)
    if births and not part_of_word:
        yield _date_of_birth(text, at)
    if width >= _FEWEST_DIGITS or part_of_word or "-" in text[max(0, at - 1) : end + 1]:
        yield _named(text, at)


def _wide(text: str, at: int, end: int) -> Iterator[_Place]:
    """Each reader is asked only where the length of the run lets it find something."""
    goes_on = _continues(text, at)
    if not goes_on:
        digits_first = end - at
        if digits_first == _CARD_GROUP or digits_first >= _SHORTEST_CARD:
            yield _card(text, at)
        elif digits_first == _SSN_AREA:
            yield _ssn(text, at)
        if text[end : end + 1] == ".":
            yield _ipv4(text, at)
    yield _phone(text, at, goes_on=goes_on)


def _is_word(text: str, place: int) -> bool:
    """An ASCII letter, digit or underscore stands there."""
    character = text[place : place + 1] if place >= 0 else ""
    return character.isascii() and (character.isalnum() or character == "_")


def _continues(text: str, place: int) -> bool:
    """The run is a later part of a number or of a hyphenated word."""
    return text[place - 1 : place] in {"-", ".", "/"} and _is_word(text, place - 2)


def _iban(text: str, place: int, end: int) -> _Place:
    first = place - 2
    if end - place < _IBAN_DIGITS or first < 0 or _is_word(text, first - 1):
        return None
    length = checksums.iban_length(text[first:place].upper())
    found = _IBAN.match(text, first) if length else None
    if found is None:
        return None
    characters, last = 0, first
    while characters < length and last < found.end():
        characters += text[last] != " "
        last += 1
    if _is_word(text, last) or not checksums.is_iban(_compact(text[first:last]).upper()):
        return None
    return "iban", first, last


def _card(text: str, place: int) -> _Place:
    found = _CARD.match(text, place)
    if found is None:
        return None
    ends = [found.end()]
    if found["more"]:
        ends.append(found.start("more") - 1)  # or three digits of something else behind the card
    for end in ends:
        number = _compact(text[place:end])
        if checksums.is_luhn(number) and (
            checksums.is_card_brand(number) or said_before(text, place) == "card"
        ):
            return "card", place, end
    return None


def _ssn(text: str, place: int) -> _Place:
    found = _SSN.match(text, place)
    if found and (
        (found[2] == "-" and checksums.is_ssn(found[1], found[3], found[4]))
        or said_before(text, place) == "ssn"
    ):
        return "ssn", place, found.end()
    return None


def _ipv4(text: str, place: int) -> _Place:
    found = _IPV4.match(text, place)
    if found is None or found[1] in _NOBODY:
        return None
    parts = found.groups()
    if any(int(part) not in _BYTE or (len(part) > 1 and part[0] == "0") for part in parts):
        return None
    said = said_before(text, place)
    small = all(int(part) in _SMALL for part in parts)  # reads as the number of a section
    if said == "version" or (small and said != "address"):
        return None
    return "ip_address", place, found.end()


def _phone(text: str, place: int, *, goes_on: bool) -> _Place:
    first = place - 1 if text[place - 1 : place] == "(" else place
    if first and text[first - 1] == "+":
        first -= 1
    elif goes_on:
        return None
    if _is_word(text, first - 1) or (first and text[first - 1] == "+"):
        return None
    found = _phone_number(text, first)
    return ("phone", first, found.end()) if found else None


def _phone_number(text: str, first: int) -> re.Match[str] | None:
    found = _NORTH_AMERICAN.match(text, first)
    if found:
        return found
    if text[first] == "+":
        found = _INTERNATIONAL.match(text, first)
        return found if found and _digits(found[0]) in _INTERNATIONAL_DIGITS else None
    found = _TRUNK.match(text, first)
    if found and _digits(found[0]) in _TRUNK_DIGITS:
        return found
    found = _LOOSE.match(text, first)
    if found and _digits(found[0]) in _LOOSE_DIGITS and said_before(text, first) == "phone":
        return found
    return None


def _digits(number: str) -> int:
    return len(number.encode().translate(None, _NO_DIGITS))


def _compact(number: str) -> str:
    return number.replace(" ", "").replace("-", "")


def _date_of_birth(text: str, place: int) -> _Place:
    if _continues(text, place):
        return None
    first, found = place, _DATE.match(text, place)
    if found is None:
        found = _DAY_AND_YEAR.match(text, place)
        month = found and _MONTH_BEFORE.search(text, max(0, place - _LONGEST_MONTH), place)
        if not found or not month:
            return None
        first = month.start()
    if said_before(text, first) != "date_of_birth":
        return None
    return "date_of_birth", first, found.end()


def _named(text: str, place: int) -> _Place:
    """An identifier of any form, known by the words before it."""
    prefix = text[max(0, place - _LONGEST_PREFIX) : place]
    first = place - len(prefix) + len(prefix.rstrip(ascii_letters + "-"))
    if _is_word(text, first - 1) or text[first - 1 : first] == "/":
        return None
    first += len(text[first:place]) - len(text[first:place].lstrip("-"))
    found = _IDENTIFIER.match(text, first)
    if found is None or _digits(found[0]) < _FEWEST_DIGITS:
        return None
    kind = said_before(text, first)
    return (kind, first, found.end()) if kind in _NAMED else None
