"""Keys, tokens and passwords: what opens a door."""

import math
import re
import string
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails import urls
from passerelle.domain.guardrails.checksums import checksum_62
from passerelle.domain.guardrails.glance import Glance, without
from passerelle.domain.guardrails.tails import last_token

LONGEST_BLOCK = 16_384
"""Characters of a private key in PEM form: room for 16,384-bit RSA."""
LONGEST_TOKEN = 640
LONGEST_JWT = 6_144


def _anywhere(form: str) -> re.Pattern[str]:
    """Matches at every beginning, also inside another match: group 1 is what was found."""
    return re.compile(rf"(?<![A-Za-z0-9_-])(?=({form}))")


_PRIVATE_KEY = r"(?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_BLOCK_BEGINS = re.compile(rf"-(?=(----BEGIN {_PRIVATE_KEY}))")
_BLOCK_ENDS = re.compile(rf"-(?=(----END {_PRIVATE_KEY}))")
_BLOCK_MARK = "-----BEGIN "
_LONGEST_MARK = 80

# A mark that stands in the text, the kind, the form. Sources: the issuers' documentation.
_FORMS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("AKIA", "aws_key", _anywhere(r"AKIA[A-Z2-7]{16}(?![A-Za-z0-9])")),
    ("ASIA", "aws_key", _anywhere(r"ASIA[A-Z2-7]{16}(?![A-Za-z0-9])")),
    ("ghp_", "github_token", _anywhere(r"ghp_[A-Za-z0-9]{36,255}")),
    ("gho_", "github_token", _anywhere(r"gho_[A-Za-z0-9]{36,255}")),
    ("ghu_", "github_token", _anywhere(r"ghu_[A-Za-z0-9]{36,255}")),
    ("ghs_", "github_token", _anywhere(r"ghs_[A-Za-z0-9]{36,255}")),
    ("ghr_", "github_token", _anywhere(r"ghr_[A-Za-z0-9]{36,255}")),
    ("github_pat_", "github_token", _anywhere(r"github_pat_[A-Za-z0-9_]{22,255}")),
    ("glpat-", "gitlab_token", _anywhere(r"glpat-[A-Za-z0-9_-]{20,100}")),
    ("xox", "slack_token", _anywhere(r"xox[abeoprs]-[A-Za-z0-9-]{10,250}")),
    ("hooks.slack", "slack_webhook", _anywhere(r"hooks\.slack\.com/services/[\dA-Za-z/]{20,99}")),
    ("AIza", "google_key", _anywhere(r"AIza[A-Za-z0-9_-]{35}")),
    ("ya29.", "google_token", _anywhere(r"ya29\.[A-Za-z0-9_-]{20,500}")),
    ("k_live_", "stripe_key", _anywhere(r"[rs]k_live_[A-Za-z0-9]{16,247}")),
    ("k_test_", "stripe_key", _anywhere(r"[rs]k_test_[A-Za-z0-9]{16,247}")),
    ("sk-ant-", "anthropic_key", _anywhere(r"sk-ant-[A-Za-z0-9_-]{20,250}")),
    ("npm_", "npm_token", _anywhere(r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])")),
    ("hf_", "hugging_face_token", _anywhere(r"hf_[A-Za-z0-9]{30,100}")),
    (
        "eyJ",
        "jwt",
        _anywhere(r"eyJ[A-Za-z0-9_-]{8,512}+\.eyJ[A-Za-z0-9_-]{8,4096}+\.[A-Za-z0-9_-]{0,1024}+"),
    ),
)
_MARKS = (*(mark.encode() for mark, _, _ in _FORMS), b"sk-")
_SK = _anywhere(r"sk-(?!ant-)[A-Za-z0-9_-]{20,250}")
_OWN_KEY = re.compile(
    r"(sk-[a-z][a-z0-9]{1,15}-[0-9A-Za-z]{8}-[0-9A-Za-z]{32})-([0-9A-Za-z]{6})(?![A-Za-z0-9])"
)
_WORDS = (
    "passwor[dt]", "passwd", "pwd", "passphrase", "secret", "token", "credential", "api[_-]?key",
    "access[_-]?key", "auth[_-]?key", "private[_-]?key", "account[_-]?key",
)  # fmt: skip
_SIGNS = ("passw", "passp", "pwd", "secret", "token", "credential", "key")
_NEITHER_DIGIT_NOR_SYMBOL = without(string.digits + "!#$%&*+=?@\\^|~")
_ASSIGNED = re.compile(
    rf"[{''.join(sorted({word[0] for word in _WORDS}))}]"
    rf"(?=(?:{'|'.join(f'(?<={word[0]}){word[1:]}' for word in _WORDS)})s?[\"'`]?"
    r"\s{0,3}(?:=>|:=|==?|:| is )\s{0,3}[\"'`]?"
    r"(?P<value>[^\x00-\x20\"'`,;<>(){}\[\]\x7f-\U0010ffff]{6,512}))"
)
_FEWEST_CHARACTERS = 6
_PLACEHOLDER = re.compile(
    r"(?i)(?:x{4,}|\*{3,}|\.{3,}|\$|%|your|my|example|changeme|change_me|placeholder|dummy|redacted"
    r"|none|null|true|false|undefined|os\.|env|process\.|config|settings|https?:|self\.|secrets\.)"
)
_FEWEST_BITS = 2.5
_FEWEST_BITS_OF_LONG = 3.0
_LONG = 20


class Secrets:
    """Finds private keys, keys and tokens of well-known issuers, this gateway's own keys,
    JSON web tokens, passwords in URLs and values assigned to a word such as `password`.

    A value counts when it mixes letters with digits or symbols and does not repeat itself;
    words and placeholders do not.
    """

    name = "secrets"
    whole = False
    reach = LONGEST_BLOCK + _LONGEST_MARK
    lookback = 64

    def may_find(self, glance: Glance) -> bool:
        """A mark of a form stands in a long token; a value needs a word, and digit or symbol."""
        text, telling = glance.text, glance.telling
        if _BLOCK_MARK in text:
            return True
        for run in glance.runs:
            if any(mark in run for mark in _MARKS):
                return True
        if not telling:
            return False
        if b"@" in telling and "://" in text:
            return True
        return bool(telling.translate(None, _NEITHER_DIGIT_NOR_SYMBOL)) and _may_assign(text)

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        found: list[Finding] = []
        if _BLOCK_MARK in text:
            found += _blocks(text, start)
        for mark, kind, form in _FORMS:
            if mark in text:
                found += [Finding(kind, *match.span(1)) for match in form.finditer(text, start)]
        if "sk-" in text:
            found += _sk_keys(text, start)
        if "://" in text and "@" in text:
            found += urls.credentials(text, start)
        found += _assignments(text, start)
        return tuple(found)

    def open_from(self, text: str) -> int:
        begins = last_token(text)
        tail = max(0, len(text) - LONGEST_TOKEN)
        if begins < tail:
            jwt = text.find("eyJ", max(begins, len(text) - LONGEST_JWT))
            begins = tail if jwt < 0 else min(jwt, tail)
        return min(begins, _open_block(text, max(0, len(text) - self.reach)))


def _blocks(text: str, start: int) -> Iterator[Finding]:
    """A private key from its first line to its last; where that is missing, all that may be it."""
    ends = [found.end(1) for found in _BLOCK_ENDS.finditer(text, start)]
    for found in _BLOCK_BEGINS.finditer(text, start):
        limit = min(found.start() + LONGEST_BLOCK, len(text))
        place = bisect_left(ends, found.end(1) + len(_BLOCK_MARK))
        end = ends[place] if place < len(ends) and ends[place] <= limit else limit
        yield Finding("private_key", found.start(), end)


def _open_block(text: str, lowest: int) -> int:
    """Where a private key begins whose end has not come; else the text's length."""
    block = text.find(_BLOCK_MARK, lowest)
    if block < 0:
        return len(text)
    for found in _BLOCK_ENDS.finditer(text, block):
        block = text.find(_BLOCK_MARK, found.end(1) - len(_BLOCK_MARK))
    while block >= 0:
        line = text[block : block + _LONGEST_MARK]
        unfinished = len(line) < _LONGEST_MARK and "-----" not in line[len(_BLOCK_MARK) :]
        if unfinished or _BLOCK_BEGINS.match(line):
            return block
        block = text.find(_BLOCK_MARK, block + 1)
    return len(text)


def _sk_keys(text: str, start: int) -> Iterator[Finding]:
    for found in _SK.finditer(text, start):
        own = _OWN_KEY.match(text, found.start())
        if own and checksum_62(own[1]) == own[2]:
            yield Finding("passerelle_key", *own.span())
        elif _bits(found[1]) >= _FEWEST_BITS and any(c.isdigit() for c in found[1]):
            yield Finding("openai_key", *found.span(1))


def _may_assign(text: str) -> bool:
    lower = _lower(text)
    if not (":" in lower or "=" in lower or " is " in lower):
        return False
    return any(sign in lower for sign in _SIGNS)


def _lower(text: str) -> str:
    return text.replace("\u0130", "i").lower()  # the one letter that grows


def _assignments(text: str, start: int) -> Iterator[Finding]:
    lower = _lower(text)
    if not any(sign in lower for sign in _SIGNS):
        return
    for found in _ASSIGNED.finditer(lower, max(0, start - Secrets.lookback)):
        first = found.start("value")
        value = text[first : found.end("value")].rstrip(".:!?")
        if first >= start and _is_secret(value):
            yield Finding("password", first, first + len(value))


def _is_secret(value: str) -> bool:
    if len(value) < _FEWEST_CHARACTERS or _PLACEHOLDER.match(value):
        return False
    letters = any(character.isalpha() for character in value)
    digits = any(character.isdigit() for character in value)
    symbols = any(not character.isalnum() and character not in "._-/:" for character in value)
    fewest = _FEWEST_BITS if len(value) < _LONG else _FEWEST_BITS_OF_LONG
    return letters and (digits or symbols) and _bits(value) >= fewest


def _bits(value: str) -> float:
    """Shannon entropy in bits a character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())
