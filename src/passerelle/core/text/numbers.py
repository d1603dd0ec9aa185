"""Numbers, with their units and dates, brought to one form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

DATE_UNITS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905 - reads as a list of names
)
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_MONTH_STARTS = frozenset(month[:3] for month in DATE_UNITS)
_DIGIT = re.compile(r"\d")
_ISO = re.compile(r"(?<![\d-])(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_DAY_FIRST = re.compile(
    rf"(?<![\d.,])(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTHS})\b\.?", re.IGNORECASE
)
_MONTH_FIRST = re.compile(
    rf"\b({_MONTHS})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?(?![\d.,:]\d|\d)", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?P<before>[$€£¥]\s?)?"
    r"(?<![\w.,])(?P<sign>[-−])?(?P<digits>\d{1,3}(?:(?:,| , )\d{3}){1,5}(?:\.\d{1,9})?"
    r"|\d{1,18}(?:(?:\.| \. )\d{1,9})?|\.\d{1,9})(?!\d)"
    r"(?:\s?(?P<scale>hundred|thousand|million|billion|trillion|mn|bn|tn|[kKM](?![\w]))(?!\w))?"
    r"(?:[\s-]?(?P<unit>[^\W\d_]{1,14}|[%°€£$]))?"
)
_WORD_NUMBER = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    r"(?:-(?:one|two|three|four|five|six|seven|eight|nine))?|dozen)"
    r"(?:\s(dozen|hundred|thousand|million|billion|trillion))?\b(?:[\s-]([a-z]{1,14}))?",
    re.IGNORECASE,
)
_ONES = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"  # noqa: SIM905 - reads as a list of names
        " sixteen seventeen eighteen nineteen".split(),
        range(1, 20),
        strict=True,
    )
)
_TENS = dict(
    zip(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(),  # noqa: SIM905 - as above
        range(20, 100, 10),
        strict=True,
    )
)
_SPELLED = frozenset({*_ONES, *_TENS, "dozen"} - {"one"})
_SCALES = {
    "dozen": 12.0,
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
}
_CURRENCIES = {"$": "usd", "€": "eur", "£": "gbp", "¥": "jpy"}
_UNITS: dict[str, tuple[str, float]] = {
    name: (unit, factor)
    for names, unit, factor in (
        ("% percent pct", "percent", 1),
        ("dollar dollars usd $", "usd", 1),
        ("euro euros eur €", "eur", 1),
        ("pound pounds gbp £", "gbp", 1),
        ("mm millimetre millimetres millimeter millimeters", "m", 1e-3),
        ("cm centimetre centimetres centimeter centimeters", "m", 1e-2),
        ("m metre metres meter meters", "m", 1),
        ("km kilometre kilometres kilometer kilometers", "m", 1e3),
        ("inch inches", "m", 0.0254),
        ("ft feet foot", "m", 0.3048),
        ("mi mile miles", "m", 1609.344),
        ("mg milligram milligrams", "g", 1e-3),
        ("g gram grams gramme grammes", "g", 1),
        ("kg kilogram kilograms", "g", 1e3),
        ("tonne tonnes", "g", 1e6),
        ("ms millisecond milliseconds", "s", 1e-3),
        ("s sec secs second seconds", "s", 1),
        ("min mins minute minutes", "s", 60),
        ("h hr hrs hour hours", "s", 3600),
        ("day days", "s", 86_400),
        ("week weeks", "s", 604_800),
        ("year years", "year", 1),
        ("month months", "month", 1),
        ("kb", "byte", 1e3),
        ("mb", "byte", 1e6),
        ("gb", "byte", 1e9),
        ("° degrees degree", "degree", 1),
    )
    for name in names.split()
}
_ROUNDING = 0.5
_CLOSE = 1e-9
_TABLE_SCALES = (1e3, 1e6, 1e9, 1e-3, 1e-6, 1e-9)
_NEAR = 0.002
_TELLING = 100
"""Numbers from here on have three digits or more."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a text in base units: 1.5 km is 1500 m, 8 December is 8 of `december`."""

    value: float
    unit: str
    """Empty when none was recognised."""
    margin: float
    """Half a unit of the last digit for a number with decimals or a scale, for such are often
    rounded: 1.5 km may stand for 1,450 to 1,550 m. 0 for other numbers.
    """
    start: int
    end: int
    counted: str = ""
    """The word behind the number, folded, where it is no unit: `cups` in `six cups`."""

    def agrees(self, other: "Quantity") -> bool:
        """Can both be one number, written as exactly as each of them is?

        An unknown unit agrees with any, and three or more equal digits agree at any
        scale, since tables state theirs elsewhere (`in millions`).
        """
        if self.unit != other.unit and self.unit and other.unit:
            return False
        apart = abs(self.value - other.value)
        if apart <= self.margin or apart <= other.margin or apart <= _CLOSE * abs(self.value):
            return True
        if abs(self.value) < _TELLING or abs(other.value) < _TELLING:
            return False
        ratio = self.value / other.value
        return not _NEAR < ratio < 1 / _NEAR and any(
            abs(ratio - scale) < _CLOSE * scale for scale in _TABLE_SCALES
        )


def quantities(text: str) -> list[Quantity]:
    """All numbers of the text in order; `one` is left out, for it is mostly a pronoun."""
    tokens = text.lower().replace("-", " ").split()
    found: list[Quantity] = []
    if _DIGIT.search(text):
        dated = "-" in text or not _MONTH_STARTS.isdisjoint([token[:3] for token in tokens])
        found += _dates(text) if dated else ()
        rest = _blanked(text, found) if found else text
        found += [_number(match) for match in _NUMBER.finditer(rest)]
    if not _SPELLED.isdisjoint(tokens):
        found += [_in_words(match) for match in _WORD_NUMBER.finditer(text)]
    return sorted(found, key=_start) if len(found) > 1 else found


def _blanked(text: str, found: list[Quantity]) -> str:
    """The text with spaces for what was found, so that nothing is read twice."""
    parts: list[str] = []
    at = 0
    for each in sorted(found, key=_start):
        parts += [text[at : each.start], " " * (each.end - max(at, each.start))]
        at = max(at, each.end)
    return "".join([*parts, text[at:]])


def _start(quantity: Quantity) -> int:
    return quantity.start


def _dates(text: str) -> Iterator[Quantity]:
    for match in _ISO.finditer(text):
        if 1 <= int(match[2]) <= len(DATE_UNITS):
            unit = DATE_UNITS[int(match[2]) - 1]
            yield Quantity(float(match[1]), "", 0.0, match.start(), match.end(1))
            yield Quantity(float(match[3]), unit, 0.0, match.start(2), match.end())
    for match in _DAY_FIRST.finditer(text):
        yield Quantity(float(match[1]), _month(match[2]), 0.0, *match.span())
    for match in _MONTH_FIRST.finditer(text):
        if match[1] != "may":
            yield Quantity(float(match[2]), _month(match[1]), 0.0, *match.span())


def _month(name: str) -> str:
    return next(month for month in DATE_UNITS if month.startswith(name[:3].lower()))


def _number(match: re.Match[str]) -> Quantity:
    digits = match["digits"].replace(",", "").replace(" ", "")  # tokenised text has both
    scale = _SCALES[match["scale"].lower()] if match["scale"] else 1.0
    unit, factor = _unit(match["unit"] or "")
    if match["before"]:
        unit, factor = _CURRENCIES[match["before"].strip()], 1.0
    decimals = len(digits.partition(".")[2])
    sign = -1.0 if match["sign"] else 1.0
    end = match.end("unit") if unit and not match["before"] else match.end("digits")
    value = sign * float(digits) * scale * factor
    exact = decimals == 0 and not match["scale"]
    margin = 0.0 if exact else _ROUNDING * 10.0**-decimals * scale * factor
    counted = "" if unit else (match["unit"] or "").lower()
    return Quantity(value, unit, margin, match.start(), end, counted)


def _in_words(match: re.Match[str]) -> Quantity:
    tens, _, ones = match[1].lower().partition("-")
    count = _TENS.get(tens, _ONES.get(tens, 12)) + _ONES.get(ones, 0)
    scale = _SCALES[match[2].lower()] if match[2] else 1.0
    unit, factor = _unit(match[3] or "")
    end = match.end(3) if unit else match.end(2) if match[2] else match.end(1)
    counted = "" if unit else (match[3] or "").lower()
    value, margin = count * scale * factor, _ROUNDING * scale * factor if match[2] else 0.0
    return Quantity(value, unit, margin, match.start(), end, counted)


def _unit(word: str) -> tuple[str, float]:
    return _UNITS.get(word if word in _UNITS else word.lower(), ("", 1.0))
