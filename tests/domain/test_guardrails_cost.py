"""Hostile texts cost in proportion to their length."""

import time
from collections.abc import Callable

import pytest

from passerelle.domain.guardrails.competitors import Competitors
from passerelle.domain.guardrails.glance import Glance
from passerelle.domain.guardrails.guards import Guard
from passerelle.domain.guardrails.injection import Injection
from passerelle.domain.guardrails.personal_data import PersonalData
from passerelle.domain.guardrails.secrets import Secrets

SMALL = 20_000
TIMES = 8
MOST = 30
"""Linear cost is 8 times as much, quadratic cost 64 times."""
SLACK_SECONDS = 0.01
"""For what is too short to time."""
GUARDS: tuple[Guard, ...] = (
    PersonalData(),
    Secrets(),
    Competitors(["Acme", "Acme Corp", "Open Bridge", "aaaa"]),
    Injection(),
    Injection(indirect=True),
)
HOSTILE = {
    "one letter": "a",
    "digits": "1",
    "digits and spaces": "1 ",
    "digits and hyphens": "12-",
    "open numbers": "+1 (",
    "at signs": "@",
    "addresses cut off": "a@a.",
    "colons": "a:",
    "urls": "://a:",
    "key marks": "sk-",
    "jwt marks": "eyJaaaaaaaa.",
    "block marks": "-----BEGIN PRIVATE KEY-----",
    "assignments": "password = ",
    "triggers": "ignore all your ",
    "tells": "repeat your ",
    "letters spelled out": "a c m ",
    "invisible": "a\u200b",
    "marks": "<[",
    "base 64": "aWdub3Jl",
    "births": "born 1 ",
    "lines": "\n",
    "zero": "\0",
    "accents": "e\u0301",
    "cards": "4111 1111 1111 1111 ",
    "areas": "(1",
    "disguises": "$a1 ",
    "tokens": "a1" * 10 + " ",
    "far digits": "1" + " ." * 300,
    "quotes": "’a",
}


def seconds(check: Callable[[str], object], text: str) -> float:
    """Processor time, best of three, so that a busy machine does not decide."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        check(text)
        best = min(best, time.process_time() - begun)
    return best


@pytest.mark.parametrize("seed", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "guard", GUARDS, ids=["personal_data", "secrets", "competitors", "injection", "indirect"]
)
def test_hostile_text_costs_in_proportion_to_its_length(guard: Guard, seed: str) -> None:
    small = (seed * SMALL)[:SMALL]
    most = MOST * seconds(guard.findings, small) + SLACK_SECONDS
    assert seconds(guard.findings, small * TIMES) < most


@pytest.mark.parametrize("seed", HOSTILE.values(), ids=HOSTILE.keys())
def test_first_look_costs_in_proportion_to_the_length(seed: str) -> None:
    def look(text: str) -> None:
        glance = Glance(text)
        for guard in GUARDS:
            guard.may_find(glance)

    small = (seed * SMALL)[:SMALL]
    assert seconds(look, small * TIMES) < MOST * seconds(look, small) + SLACK_SECONDS


@pytest.mark.parametrize("guard", GUARDS[:3], ids=["personal_data", "secrets", "competitors"])
@pytest.mark.parametrize("seed", HOSTILE.values(), ids=HOSTILE.keys())
def test_looking_at_the_end_costs_the_same_for_any_length(guard: Guard, seed: str) -> None:
    small = (seed * SMALL)[:SMALL]
    most = MOST * seconds(guard.open_from, small) + SLACK_SECONDS
    assert seconds(guard.open_from, small * TIMES) < most
