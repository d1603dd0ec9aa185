import pytest

from passerelle.core.text.readings import read, sentence_at

TEXT = "The gateway checks keys. It does not store keys, ever.\n\nLimits: 5 km."


def test_a_reading_knows_where_each_word_stands() -> None:
    reading = read(TEXT)
    assert [TEXT[each.start : each.end] for each in reading.sentences] == [
        "The gateway checks keys.",
        "It does not store keys, ever.",
        "Limits: 5 km.",
    ]
    assert reading.places["key"] == (0, 1)
    assert ("check", "key") in reading.pairs
    assert " does not store keys ever " in reading.plain
    assert [each.value for each in reading.quantities] == [5000]
    assert (5000.0, "m") in reading.values


def test_a_text_is_read_once() -> None:
    assert read(TEXT) is read(TEXT)


@pytest.mark.parametrize(
    ("sentence", "negated"),
    [
        ("It does not yet support groups.", {"support"}),
        ("It doesn't support groups.", {"support"}),
        ("It is no longer supported.", {"longer", "support"}),
        ("There are no groups.", {"group"}),
        ("It is not only fast.", set()),
        ("It supports groups.", set()),
    ],
)
def test_a_negation_reaches_the_next_content_word(sentence: str, negated: set[str]) -> None:
    assert sentence_at(sentence, 0, len(sentence)).negated == negated
