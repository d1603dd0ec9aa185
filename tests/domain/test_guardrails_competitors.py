"""Names of competitors, plain and in disguise."""

import pytest

from passerelle.domain.guardrails.competitors import Competitors

GUARD = Competitors(["Acme", "Acme Corp", "Open Bridge", "AT&T", "Zorg", "IBX", "华桥"])


def found(text: str) -> set[str]:
    return {text[finding.start : finding.end] for finding in GUARD.findings(text)}


@pytest.mark.parametrize(
    "mention",
    [
        "Acme", "ACME", "Аcmе", "Ａｃｍｅ", "Ácme", "ⓐcme", "A\u200bcme", "4cme", "Acm3", "@cme",
        "a c m e", "a.c.m.e", "A-C-M-E", "a c m 3", "Acme Corp", "acme-corp", "acmecorp",
        "Open Bridge", "OpenBridge", "open_bridge", "0pen-Br1dge", "AT&T", "att", "z0rg", "I B X",
        "华桥",
    ],
)  # fmt: skip
def test_name_is_found_however_it_is_written(mention: str) -> None:
    assert mention in found(f"better than {mention}, is it?")
    assert mention in found(mention)


def test_name_is_found_inside_a_text_without_spaces() -> None:
    assert found("我们用华桥手机") == {"华桥"}


@pytest.mark.parametrize(
    "text",
    ["acmes", "pacme", "mac me", "ac me", "at t-shirt", "at t", "18x", "1bx", "2019",
     "open the bridge",      "acne", "A C M", "Zo rg", "ib x"],
)  # fmt: skip
def test_what_is_no_mention_is_left_alone(text: str) -> None:
    assert found(f"we saw {text} there") == set()


def test_longer_name_is_found_as_a_whole_and_a_longer_word_hides_no_name() -> None:
    assert "Acme Corp" in found("the Acme Corp way")
    assert found("the Acme Corporate way") == {"Acme"}


def test_many_names_are_found_by_one_pattern() -> None:
    names = [f"brand{chr(97 + n % 26)}{n}x" for n in range(200)]
    guard = Competitors(names)
    text = "nothing here " * 20 + names[77]
    assert [text[f.start : f.end] for f in guard.findings(text)][:1] == [names[77]]


def test_no_names_find_nothing() -> None:
    assert Competitors([]).findings("Acme") == ()
    assert Competitors([]).open_from("Acme") == 4
