from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import Usage
from passerelle.domain.costs.lines import (
    CostLine,
    Meter,
    Metered,
    Place,
    TokenClass,
    Volume,
    group,
    split_cost,
    tokens_by_class,
    total_nano,
)
from passerelle.domain.costs.price_book import OWN_MODEL, Price, Rate
from passerelle.domain.costs.pricing import cost_nano

DOLLAR = 1_000_000_000
PRICE = Price(Rate(DOLLAR), Rate(4 * DOLLAR), cached_input=Rate(DOLLAR // 10))
ONE = Metered(
    usecase="handbook",
    route="openai/gpt",
    day="2026-03-02",
    user="per_ada",
    usage=Usage(input_tokens=1_000, output_tokens=100, cached_input_tokens=400),
    cost_nano=cost_nano(Usage(1_000, 100, 400), PRICE),
    accepted=True,
)

rates = st.builds(
    Rate,
    st.integers(0, 100 * DOLLAR),
    st.just(()) | st.just(((200, 3 * DOLLAR), (5_000, 7))),
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
usages = st.builds(Usage, *[st.integers(0, 10_000)] * 5)
costs = st.integers(0, 10**13)
exchanges = st.builds(
    Metered,
    usecase=st.sampled_from(["", "handbook", "claims"]),
    route=st.sampled_from(["", "openai/gpt", "own/model"]),
    day=st.sampled_from(["2026-03-02", "2026-03-03"]),
    user=st.sampled_from(["ada", "bob"]),
    usage=usages,
    cost_nano=st.none() | costs,
    purpose=st.sampled_from(["live", "rehearsal"]),
    answered=st.booleans(),
    accepted=st.booleans(),
)


def line(lines: tuple[CostLine, ...], token_class: TokenClass) -> CostLine:
    (found,) = [each for each in lines if each.token_class is token_class]
    return found


def test_a_known_bill_is_taken_apart() -> None:
    meter = Meter()
    meter.add(ONE, PRICE)
    lines = meter.lines()
    place = Place("handbook", "openai/gpt", "2026-03-02", "live")
    assert lines == (
        CostLine(place, TokenClass.INPUT, 1, 600, 600_000),
        CostLine(place, TokenClass.CACHED_INPUT, 1, 400, 40_000),
        CostLine(place, TokenClass.OUTPUT, 1, 100, 400_000),
    )


@given(costs, usages, st.none() | prices)
def test_classes_add_up_to_the_cost_whatever_the_price_says(
    cost: int, usage: Usage, price: Price | None
) -> None:
    shares = split_cost(cost, usage, price)
    assert sum(shares.values()) == cost
    assert all(share > 0 for share in shares.values())


@given(usages, prices)
def test_an_unchanged_price_gives_each_class_its_own_cost_to_the_nano_dollar(
    usage: Usage, price: Price
) -> None:
    shares = split_cost(cost_nano(usage, price), usage, price)
    for each, tokens in tokens_by_class(usage).items():
        alone = {
            TokenClass.INPUT: price.input,
            TokenClass.CACHED_INPUT: price.cached_input or price.input,
            TokenClass.CACHE_WRITE: price.cache_write or price.input,
            TokenClass.OUTPUT: price.output,
            TokenClass.REASONING: price.reasoning or price.output,
        }[each].at(usage.input_tokens)
        assert abs(shares.get(each, 0) - tokens * alone / 1_000_000) <= 1.001


@given(st.lists(st.tuples(exchanges, st.none() | prices), max_size=30))
def test_lines_and_volumes_add_up_to_what_was_metered(
    metered: list[tuple[Metered, Price | None]],
) -> None:
    meter = Meter()
    for exchange, price in metered:
        meter.add(exchange, price)
    known = [each.cost_nano for each, _ in metered if each.cost_nano is not None]
    volumes = list(meter.volumes())
    whole = sum((volume for _, volume in volumes), Volume())
    assert total_nano(meter.lines()) == whole.cost_nano == sum(known)
    assert whole.unknown_prices == len(metered) - len(known)
    assert whole.requests == len(metered)
    for each in TokenClass:
        tokens = sum(found.tokens for found in meter.lines() if found.token_class is each)
        assert tokens == sum(tokens_by_class(one.usage).get(each, 0) for one, _ in metered)
    for axis in ("usecase", "route", "day", "purpose"):
        assert sum((volume for _, volume in group(volumes, axis)), Volume()) == whole


def test_the_same_exchanges_give_the_same_lines_in_any_order() -> None:
    several = [replace(ONE, day=f"2026-03-{day:02}", cost_nano=day) for day in range(1, 9)]
    first, second = Meter(), Meter()
    for each in several:
        first.add(each, PRICE)
    for each in reversed(several):
        second.add(each, PRICE)
    assert first.lines() == second.lines()


def test_left_over_nano_dollars_go_to_the_largest_remainder_then_in_the_order_of_classes() -> None:
    equal = Price(Rate(DOLLAR), Rate(DOLLAR))
    assert split_cost(3, Usage(10, 10), equal) == {TokenClass.INPUT: 2, TokenClass.OUTPUT: 1}
    assert split_cost(10, Usage(10, 20), equal) == {TokenClass.INPUT: 3, TokenClass.OUTPUT: 7}


def test_unknown_price_is_shown_as_unknown_with_its_count_and_never_as_zero() -> None:
    meter = Meter()
    meter.add(ONE, PRICE)
    meter.add(replace(ONE, cost_nano=None), None)
    found = [each for each in meter.lines() if each.token_class is TokenClass.INPUT]
    assert [(each.requests, each.tokens, each.cost_nano) for each in found] == [
        (1, 600, 600_000),
        (1, 600, None),
    ]
    ((_, volume),) = meter.volumes()
    assert (volume.requests, volume.unknown_prices, volume.cost_nano) == (2, 1, ONE.cost_nano)


def test_free_tokens_cost_zero_and_are_no_unknown() -> None:
    meter = Meter()
    meter.add(replace(ONE, cost_nano=0), OWN_MODEL)
    assert line(meter.lines(), TokenClass.INPUT).cost_nano == 0
    ((_, volume),) = meter.volumes()
    assert volume.unknown_prices == 0


@pytest.mark.parametrize("price", [None, OWN_MODEL], ids=["no price today", "free today"])
def test_cost_that_todays_prices_do_not_explain_stays_whole(price: Price | None) -> None:
    meter = Meter()
    meter.add(ONE, price)
    assert line(meter.lines(), TokenClass.UNSPLIT).cost_nano == ONE.cost_nano
    assert line(meter.lines(), TokenClass.OUTPUT).tokens == 100
    assert total_nano(meter.lines()) == ONE.cost_nano


def test_fee_for_a_request_has_a_line_without_tokens() -> None:
    price = replace(PRICE, request_nano=5_000)
    meter = Meter()
    meter.add(replace(ONE, cost_nano=cost_nano(ONE.usage, price)), price)
    found = line(meter.lines(), TokenClass.REQUEST)
    assert (found.requests, found.tokens, found.cost_nano) == (1, 0, 5_000)


def test_grouping_puts_the_dearest_first() -> None:
    meter = Meter()
    meter.add(replace(ONE, usecase="cheap", cost_nano=1), PRICE)
    meter.add(replace(ONE, usecase="dear", cost_nano=9), PRICE)
    meter.add(replace(ONE, usecase="also cheap", cost_nano=1), PRICE)
    names = [name for name, _ in group(meter.volumes(), "usecase")]
    assert names == ["dear", "also cheap", "cheap"]
