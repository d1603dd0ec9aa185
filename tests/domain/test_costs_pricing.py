from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import Usage
from passerelle.domain.costs.price_book import OWN_MODEL, FixedPrices, Price, Rate
from passerelle.domain.costs.pricing import cost_nano, estimate_nano, token_ceiling

DOLLAR = 1_000_000_000
rates = st.builds(
    Rate,
    st.integers(0, 100 * DOLLAR),
    st.lists(st.tuples(st.integers(1, 500_000), st.integers(0, 100 * DOLLAR)), max_size=2).map(
        lambda steps: tuple(sorted(steps))
    ),
)
prices = st.builds(
    Price,
    rates,
    rates,
    st.none() | rates,
    st.none() | rates,
    st.none() | rates,
    st.integers(0, DOLLAR),
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    plain, cached, written, seen, thought = (draw(st.integers(0, 300_000)) for _ in range(5))
    return Usage(plain + cached + written, seen + thought, cached, written, thought)


def test_a_known_bill() -> None:
    price = Price(Rate(3 * DOLLAR), Rate(15 * DOLLAR), Rate(3 * DOLLAR // 10))
    usage = Usage(input_tokens=1_000, output_tokens=100, cached_input_tokens=400)
    assert cost_nano(usage, price) == 600 * 3_000 + 400 * 300 + 100 * 15_000


def test_a_class_without_its_own_rate_costs_what_its_total_costs() -> None:
    price = Price(Rate(DOLLAR), Rate(2 * DOLLAR))
    fine = Usage(1_000, 500, 300, 200, 400)
    assert cost_nano(fine, price) == cost_nano(Usage(1_000, 500), price)


def test_halves_are_rounded_to_the_even_nano_dollar() -> None:
    half = Price(Rate(500_000), Rate(0))
    assert [cost_nano(Usage(input_tokens=n), half) for n in (1, 2, 3, 5)] == [0, 1, 2, 2]


def test_a_long_input_moves_all_its_tokens_to_the_dearer_rate() -> None:
    price = Price(Rate(DOLLAR, ((200_000, 2 * DOLLAR),)), Rate(DOLLAR, ((200_000, 3 * DOLLAR),)))
    assert cost_nano(Usage(200_000, 1), price) == 200_000 * 1_000 + 1_000
    assert cost_nano(Usage(200_001, 1), price) == 200_001 * 2_000 + 3_000


def test_more_cached_tokens_than_input_tokens_never_lower_the_bill() -> None:
    price = Price(Rate(DOLLAR), Rate(DOLLAR), Rate(DOLLAR // 10))
    assert cost_nano(Usage(input_tokens=10, cached_input_tokens=40), price) == 40 * 100


def test_models_of_our_own_are_free_and_unknown_ones_have_no_price() -> None:
    assert cost_nano(Usage(10_000, 10_000), OWN_MODEL) == 0
    book = FixedPrices("2026-01-01", {("p", "m"): OWN_MODEL})
    assert (book.price("p", "m"), book.price("p", "other")) == (OWN_MODEL, None)


@given(usages(), prices)
def test_integers_agree_with_decimal_arithmetic(usage: Usage, price: Price) -> None:
    size = usage.input_tokens
    cached, written = usage.cached_input_tokens, usage.cache_write_tokens
    exact = (
        Decimal(size - cached - written) * price.input.at(size)
        + Decimal(cached) * (price.cached_input or price.input).at(size)
        + Decimal(written) * (price.cache_write or price.input).at(size)
        + Decimal(usage.output_tokens - usage.reasoning_tokens) * price.output.at(size)
        + Decimal(usage.reasoning_tokens) * (price.reasoning or price.output).at(size)
    ) / 1_000_000
    rounded = int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))
    assert cost_nano(usage, price) == price.request_nano + rounded


@given(usages(), prices)
def test_what_is_reserved_covers_any_call_of_that_size(usage: Usage, price: Price) -> None:
    reserved = estimate_nano(
        price, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
    )
    assert cost_nano(usage, price) <= reserved


@given(st.text())
def test_the_ceiling_of_tokens_is_the_number_of_bytes(text: str) -> None:
    assert token_ceiling(text) == len(text.encode("utf-8", "replace"))
