"""E-mail addresses, numbers of people and their dates of birth: what has a form or a checksum."""

import re
from collections.abc import Iterator
from string import ascii_letters, digits

from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails import identifiers
from passerelle.domain.guardrails.glance import Glance, without
from passerelle.domain.guardrails.tails import LATIN, last_number
from passerelle.domain.guardrails.urls import credentials

_ASCII_LOCAL_PART = ascii_letters + digits + ".!#$%&'*+_{}~-"
_LOCAL_PART = _ASCII_LOCAL_PART + LATIN
_LONGEST_LOCAL_PART = 64
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,24}")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,40}+(?![\w:])", re.ASCII)
_NEITHER_DIGIT_NOR_AT = without(f"{digits}@")
_GROUPS = 8
_GROUP = 4
_FILLED_WITH_GAP = range(3, _GROUPS)


class PersonalData:
    """Finds what has a form of its own: e-mail, phone, payment card (Luhn), IBAN (mod 97), US
    SSN, IP address, sign-in details in a URL; and by the words before it: date of birth,
    passport, driver's licence, medical record, health plan, account. Names and postal
    addresses are not claimed.
    """

    name = "personal_data"
    whole = False
    reach = 420
    lookback = identifiers.LOOKBACK

    def may_find(self, glance: Glance) -> bool:
        """All but e-mail and sign-in details have a digit."""
        telling = glance.telling and glance.telling.translate(None, _NEITHER_DIGIT_NOR_AT)
        if not telling:
            return False
        return b"@" in telling or identifiers.may_find(glance.text) or _may_be_ipv6(glance.text)

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        found = list(identifiers.number_findings(text, start))
        if "@" in text:
            found += _emails(text, start)
            if "://" in text:
                found += credentials(text, start)
        if _may_be_ipv6(text):
            found += _ipv6(text, start)
        return tuple(found)

    def open_from(self, text: str) -> int:
        tail = text[-self.reach :]
        return len(text) - len(tail) + last_number(tail, widest=identifiers.WIDEST)


def _emails(text: str, start: int) -> Iterator[Finding]:
    at = text.find("@", start)
    while at >= 0:
        before = text[max(0, at - _LONGEST_LOCAL_PART) : at]
        allowed = _ASCII_LOCAL_PART if before.isascii() else _LOCAL_PART
        local = before[len(before.rstrip(allowed)) :].lstrip(".'*!#-")
        domain = _DOMAIN.match(text, at + 1) if local else None
        if domain and at - len(local) >= start:
            yield Finding("email", at - len(local), domain.end())
        at = text.find("@", at + 1)


def _may_be_ipv6(text: str) -> bool:
    return "::" in text or text.count(":") >= _GROUPS - 1


def _ipv6(text: str, start: int) -> Iterator[Finding]:
    for found in _IPV6.finditer(text, start):
        if _is_ipv6(found[0]):
            yield Finding("ip_address", found.start(), found.end())


def _is_ipv6(address: str) -> bool:
    """Eight groups, or fewer with one '::'; `::1` and what may be a name in code are not meant."""
    groups = address.split(":")
    filled = [group for group in groups if group]
    if any(len(group) > _GROUP for group in filled) or not any(c.isdigit() for c in address):
        return False
    if "::" not in address:
        return len(filled) == len(groups) == _GROUPS
    once = address.count("::") == 1 and ":::" not in address
    return once and len(filled) in _FILLED_WITH_GAP
