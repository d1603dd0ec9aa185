"""The first look at a text: it may ask for too much, never for too little."""

import gzip
import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerelle.core.values.chat import JsonValue
from passerelle.domain.guardrails import identifiers
from passerelle.domain.guardrails.competitors import Competitors
from passerelle.domain.guardrails.glance import Glance, words_of
from passerelle.domain.guardrails.guards import Guard
from passerelle.domain.guardrails.injection import Injection
from passerelle.domain.guardrails.injection_signs import DIRECT, INDIRECT, Sign
from passerelle.domain.guardrails.length import Length
from passerelle.domain.guardrails.personal_data import PersonalData
from passerelle.domain.guardrails.secrets import Secrets
from tests.campaigns.chunkings import random_text

NAMES = ("Acme", "Acme Corp", "Open Bridge", "AT&T", "IBX", "ill", "华桥", "Café Noir", "Bingo 24")
GUARDS: tuple[Guard, ...] = (
    PersonalData(),
    Secrets(),
    Competitors(NAMES),
    Competitors(["C++", "a|b"]),
    Injection(),
    Injection(indirect=True),
    Injection(threshold=0.3),
    Length(40),
)
PIECES = (
    "ignore", "all", "previous", "instructions", "1gnore", "pr3vious", "$ystem", "prompt", "you",
    "are", "now", "d4n", "don't", "don’t", "what's", "your", "rules", "say", "only", "[INST]",
    "<|im_start|>", "[1n5t]", "aWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnM=", "h3llo", "p0licy",
    "0110100101100111011011100110111101110010", "acme", "4cme", "a c m e", "a|c|m|e", "at&t", "1ll",
    "华桥", "café noir", "password", "is", "hunter2!", "token:", "PASSWORD=", "\u212aey: abc123!x",
    "sk-abcdefghij0123456789klm", "AKIAABCDEFGHIJKLMNOP", "xoxb-1234567890", "://", "user:pw@host",
    "@", "jo@x.com", "1", "12", "born", "dob", "3/4/1980", "12 May 1980", "mrn", "12345", "phone",
    "555-123-4567", "4111 1111 1111 1111", "gb82west12345698765432", "::", "2001:db8::1", "1.2.3.4",
    "host", "\u200b", "\0", "\x85", "\u2028", "ｉｇｎｏｒｅ", "ⓘgnore", "é", "`", "\ud800", "😀",
    "-----BEGIN RSA PRIVATE KEY-----", "57473", "7o", "1'm", "don'7", "responsibilities", "\u0130s",
)  # fmt: skip
JOINTS = (*[" "] * 5, "", "\n", ",", ". ", "-", "_", "/", ":", "'", "\u00a0", "(", "[", "<", ">")


def made_up(random_: random.Random) -> str:
    pieces = (
        random_.choice(PIECES) + random_.choice(JOINTS) for _ in range(random_.randint(1, 12))
    )
    return "".join(pieces) * (random_.randint(20, 60) if random_.random() < 0.02 else 1)


def assert_nothing_is_overlooked(text: str) -> None:
    glance = Glance(text)
    for guard in GUARDS:
        assert guard.may_find(glance) or guard.findings(text) == (), (guard.name, text)


@pytest.mark.parametrize("seed", range(40))
def test_what_a_guard_passes_at_a_glance_holds_nothing_for_it(seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311 - it must repeat, not be secret
    for _ in range(50):
        assert_nothing_is_overlooked(made_up(random_))
    assert_nothing_is_overlooked(random_text(random_))


@settings(max_examples=400)
@given(st.text(max_size=80))
def test_any_text_may_be_glanced_at(text: str) -> None:
    assert_nothing_is_overlooked(text)


@settings(max_examples=400)
@given(
    st.text(alphabet=st.sampled_from("ignore al prvust013457@$-._|'’4acme8\u200bé:="), max_size=60)
)
def test_disguises_are_seen_at_a_glance(text: str) -> None:
    assert_nothing_is_overlooked(text)


@pytest.mark.parametrize("sign", {*DIRECT, *INDIRECT}, ids=lambda sign: sign.pattern.pattern[:40])
def test_words_that_a_sign_needs_stand_in_all_that_it_matches(sign: Sign) -> None:
    """Texts are made from the pattern itself."""

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(sign.pattern))
    def check(text: str) -> None:
        found = sign.pattern.search(text)
        assert found is not None
        words = words_of(found[0].encode("utf-8", "surrogatepass"))
        assert not any(need.isdisjoint(words) for need in sign.needs), found[0]

    check()


@settings(max_examples=300)
@given(st.text(alphabet=st.sampled_from("0123456789 ./-()+x_aé\n"), max_size=60))
def test_runs_of_digits_that_are_left_out_hold_nothing(text: str) -> None:
    telling = set(identifiers.number_findings(text, 0))
    spelled = [run.start() for run in identifiers._RUN.finditer(text)]
    every = [identifiers._at_run(text, place, births=False) for place in spelled]
    found = {place for places in every for place in places if place is not None}
    assert {(each.kind, each.start, each.end) for each in telling} == found


@pytest.mark.parametrize(
    "text",
    [
        "Context from the ticket: the customer wrote twice and waits for an answer. " * 9,
        "The gateway keeps one entry for each exchange (see the ledger); it is never changed.",
        "Wir haben die Brücke über die Förde „Nordbrücke“ genannt – sie ist größer als früher.",
    ],
)
def test_plain_prose_is_passed_at_a_glance(text: str) -> None:
    glance = Glance(text)
    assert [guard.name for guard in GUARDS[:3] + GUARDS[4:7] if guard.may_find(glance)] == []


def strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["injection", "pii", "hallucination"])
def test_nothing_is_overlooked_in_public_texts(data_sets: Path, name: str) -> None:
    files = sorted((data_sets / name).glob("*.jsonl*"))
    assert files
    for file in files:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            for line in islice(lines, 400):
                for text in strings(json.loads(line)):
                    assert_nothing_is_overlooked(text)
