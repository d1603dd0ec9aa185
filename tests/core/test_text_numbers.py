import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.text.numbers import Quantity, quantities


def found(text: str) -> list[tuple[float, str]]:
    return [(round(each.value, 6), each.unit) for each in quantities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5 and -7", [(1234.5, ""), (-7, "")]),
        ("3.5% or 4 percent", [(3.5, "percent"), (4, "percent")]),
        ("$2 million, 2 million dollars", [(2e6, "usd"), (2e6, "usd")]),
        ("1.5 km is 1500 m", [(1500, "m"), (1500, "m")]),
        ("two hours, 120 minutes", [(7200, "s"), (7200, "s")]),
        ("twenty-five years", [(25, "year")]),
        ("two dozen eggs, five hundred", [(24, ""), (500, "")]),
        ("8 December 1922", [(8, "december"), (1922, "")]),
        ("December 8th, 1922", [(8, "december"), (1922, "")]),
        ("on 1922-12-08", [(1922, ""), (8, "december")]),
        ("Sept. 3", [(3, "september")]),
        ("it may 12 times fail", [(12, "")]),
        ("one of them", []),
        ("no number", []),
        ("", []),
    ],
)
def test_numbers_are_brought_to_base_units(text: str, expected: list[tuple[float, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1,000 m", "1 km"),
        ("1.5 km", "1,480 m"),
        ("two weeks", "14 days"),
        ("5 euros", "5"),
        ("$1.2 million", "1,200,000"),
        ("$25,867 million", "25,867"),
        ("8 December", "December 8th"),
        ("5 percent", "5%"),
    ],
)
def test_one_number_in_two_forms_agrees(first: str, second: str) -> None:
    (one,), (other,) = quantities(first), quantities(second)
    assert one.agrees(other)
    assert other.agrees(one)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1,000 m", "2 km"),
        ("1922", "1923"),
        ("5 euros", "5 dollars"),
        ("8 December", "8 November"),
        ("3.5%", "3.7%"),
        ("2 million", "3 million"),
        ("5", "5,000"),
        ("-4", "4"),
    ],
)
def test_different_numbers_do_not_agree(first: str, second: str) -> None:
    (one,), (other,) = quantities(first), quantities(second)
    assert not one.agrees(other)
    assert not other.agrees(one)


def test_a_number_knows_what_it_counts_where_no_unit_follows() -> None:
    assert [each.counted for each in quantities("six Cups in 3 days")] == ["cups", ""]


def test_spans_point_at_the_number() -> None:
    text = "It cost $5 on 3 May, or 40 km away."
    assert [text[each.start : each.end] for each in quantities(text)] == ["$5", "3 May", "40 km"]


@given(st.text(alphabet="0123456789.,- $%kmMay:/", max_size=60))
def test_any_text_is_read_and_every_number_agrees_with_itself(text: str) -> None:
    for each in quantities(text):
        assert isinstance(each, Quantity)
        assert 0 <= each.start < each.end <= len(text)
        assert each.agrees(each)


def test_a_long_text_takes_time_in_proportion() -> None:
    assert len(quantities("1,234 " * 20_000)) == 20_000
    assert len(quantities("on 12 May, " * 20_000)) == 20_000
    assert quantities("1" * 300_000) == []
