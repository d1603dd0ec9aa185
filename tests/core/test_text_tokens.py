import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.text.tokens import STOP_WORDS, content_words, stem, words


def test_words_are_folded_and_keep_numbers_and_identifiers_whole() -> None:
    assert words("The API_KEY costs 1,000.50 USD, doesn't it?") == [
        "the",
        "api_key",
        "costs",
        "1,000.50",
        "usd",
        "doesn't",
        "it",
    ]


def test_words_of_other_scripts_are_folded_too() -> None:
    assert words("Straße ﬁn don’t ÉTÉ") == ["strasse", "fin", "don't", "été"]


def test_content_words_leave_out_stop_words() -> None:
    assert content_words("What does the gateway do with a request?") == ["gateway", "request"]


@pytest.mark.parametrize(
    "family",
    [
        "notice notices noticed noticing",
        "run runs running",
        "stop stops stopped stopping",
        "study studies studied studying",
        "policy policies",
        "use uses used using",
        "create created creates creating",
        "city cities",
        "class classes",
        "box boxes",
        "quick quickly",
        "ledger ledgers ledger's",
        "agree agreed agrees agreeing",
        "call called calling calls",
        "go goes going",
        "make makes making",
    ],
)
def test_forms_of_one_word_share_a_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [("thing", "the"), ("string", "stred"), ("king", "ked"), ("bus", "bu"), ("red", "ring")],
)
def test_words_that_only_look_like_forms_are_kept_apart(first: str, second: str) -> None:
    assert stem(first) != stem(second)


def test_identifiers_and_numbers_are_not_stemmed() -> None:
    assert [stem(word) for word in ("gpt4s", "max_tokens", "1990s")] == [
        "gpt4s",
        "max_tokens",
        "1990s",
    ]


@given(st.text(max_size=200))
def test_content_words_are_stems_of_words_in_order(text: str) -> None:
    assert content_words(text) == [stem(word) for word in words(text) if word not in STOP_WORDS]
