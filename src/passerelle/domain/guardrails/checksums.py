"""Is this number what it looks like? Check digits and ranges that issuers publish."""

import zlib

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BRANDS = (  # first digits from, to; lengths. Source: ISO/IEC 7812-1 register as brands publish it
    ("4", "4", {13, 16, 19}),
    ("51", "55", {16}),
    ("2221", "2720", {16}),
    ("34", "34", {15}),
    ("37", "37", {15}),
    ("30", "30", {14, 16, 19}),
    ("36", "36", {14, 16, 19}),
    ("38", "39", {14, 16, 19}),
    ("3528", "3589", {16, 17, 18, 19}),
    ("6011", "6011", {16, 17, 18, 19}),
    ("62", "62", {16, 17, 18, 19}),
    ("644", "659", {16, 17, 18, 19}),
)
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def is_luhn(digits: str) -> bool:
    """The check digit of payment cards. Source: ISO/IEC 7812-1, annex B."""
    backwards = [int(digit) for digit in reversed(digits)]
    return (sum(backwards[::2]) + sum(_DOUBLED[digit] for digit in backwards[1::2])) % 10 == 0


def is_card_brand(digits: str) -> bool:
    """First digits and length fit a brand of cards, so that one in ten numbers does not pass."""
    return any(
        len(digits) in lengths and first <= digits[: len(first)] <= last
        for first, last, lengths in _BRANDS
    )


def iban_length(country: str) -> int:
    """Characters of an IBAN of the country; 0 when it has none. Source: SWIFT IBAN registry."""
    return _IBAN_LENGTHS.get(country, 0)


def is_iban(characters: str) -> bool:
    """Upper case, no spaces; length and check digits. Source: ISO 13616-1, modulus 97."""
    if len(characters) != iban_length(characters[:2]):
        return False
    number = "".join(str(int(character, 36)) for character in characters[4:] + characters[:4])
    return int(number) % 97 == 1


def is_ssn(area: str, group: str, serial: str) -> bool:
    """Numbers that the US Social Security Administration may have given out."""
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def checksum_62(text: str) -> str:
    """CRC-32 as 6 digits of base 62, the end of this gateway's own API keys."""
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE_62[digit] + digits
    return digits
