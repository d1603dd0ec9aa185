"""Folding a text to what it reads as."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.text.normalise import _FOLDING, WIDEST, normalise


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ACME", "acme"),
        ("Аcmе Cоrp", "acme corp"),  # Cyrillic A, e and o
        ("Ａｃｍｅ", "acme"),
        ("𝐀𝐜𝐦𝐞", "acme"),
        ("ⓐⓒⓜⓔ", "acme"),
        ("🅰cme", "acme"),
        ("Ácmé", "acme"),
        ("a\u200bc\u00adm\u2060e", "acme"),
        ("\U000e0041cme", "acme"),
        ("a\u00a0b", "a b"),
        ("Straße", "strasse"),
        ("“it’s”", '"it\'s"'),
        ("ﬁne", "fine"),
    ],
)
def test_text_folds_to_what_it_reads_as(written: str, read: str) -> None:
    assert normalise(written).text == read


def test_digits_are_left_alone_since_only_the_word_says_what_they_stand_for() -> None:
    assert normalise("4cm3 in 2024").text == "4cm3 in 2024"


def test_span_leads_back_to_the_original_place() -> None:
    original = "see ﬁne А\u200bcme!"
    folded = normalise(original)
    start = folded.text.index("acme")
    first, end = folded.span(start, start + 4)
    assert original[first:end] == "А\u200bcme"


def test_many_invisible_characters_in_a_row_read_as_spaces() -> None:
    assert normalise("ac" + "\u200b" * 8 + "me").text == "acme"
    assert normalise("ac" + "\u200b" * 10 + "me").text == "ac  me"


def folded_one_by_one(text: str) -> str:
    """By the letters alone, whichever way `normalise` takes for a text."""
    plain = text.isascii() and "\0" not in text
    return "".join(character.lower() if plain else _FOLDING[ord(character)] for character in text)


@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("aB`' É’–ßΣσς\u0130\u212a\u13a0\uab70"))
    )
)
def test_few_and_many_foreign_characters_fold_alike(text: str) -> None:
    for padded in (text, text + " a plain sentence" * 20):
        folded = folded_one_by_one(padded)
        if "\0" not in folded:
            assert normalise(padded).text == folded


def test_every_letter_folds_alike_alone_and_among_plain_ones() -> None:
    for start in range(0x80, 0x11000, 20):
        text = "Plain text " + "".join(map(chr, range(start, start + 20)))
        folded = folded_one_by_one(text)
        if "\0" not in folded:
            assert normalise(text).text == folded


@given(st.text())
def test_places_never_go_back_and_stay_inside(text: str) -> None:
    folded = normalise(text)
    places = [folded.origin(place) for place in range(len(folded.text) + 1)]
    assert places == sorted(places)
    assert places[-1] == len(text)
    assert len(places) == 1 or places[-2] < len(text)


@given(st.text(alphabet=st.sampled_from("aЖ\u200b\u0301é İß1 ")))
def test_a_beginning_folds_to_a_beginning(text: str) -> None:
    whole = normalise(text).text
    for place in range(len(text)):
        assert whole.startswith(normalise(text[:place]).text)


@given(st.text(alphabet=st.sampled_from("ab\u200b\u0301"), max_size=80))
def test_folded_neighbours_stand_near_each_other(text: str) -> None:
    folded = normalise(text)
    places = [folded.origin(place) for place in range(len(folded.text))]
    assert all(after - before <= WIDEST for before, after in pairwise(places))
