from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as ListedUsage
from genai_prices import calc_price
from genai_prices.data import providers

from passerelle.adapters.sources.price_list import ListedProvider, PriceList, convert
from passerelle.core.values.chat import Usage
from passerelle.core.values.clock import SetClock
from passerelle.core.values.money import NANO
from passerelle.domain.costs.price_book import OWN_MODEL, PriceBook
from passerelle.domain.costs.pricing import cost_nano

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CLOCK = SetClock(int(NOON.timestamp() * 1_000))
BY_ADDRESS = {
    "main": ListedProvider("https://api.openai.com/v1"),
    "cheap": ListedProvider("https://api.groq.com/openai/v1"),
    "azure": ListedProvider("https://anything.openai.azure.com/openai/v1"),
    "house": ListedProvider("http://127.0.0.1:8000/v1"),
    "proxy": ListedProvider("http://127.0.0.1:8000/v1", list_name="anthropic"),
}


def price_list() -> PriceList:
    return PriceList(CLOCK, providers=BY_ADDRESS)


def test_a_provider_is_found_by_its_address() -> None:
    price = price_list().price("main", "gpt-4o-mini")
    assert price is not None
    assert (price.input.nano, price.output.nano) == (150_000_000, 600_000_000)
    assert price.cached_input is not None
    assert price.cached_input.nano == 75_000_000
    assert price_list().price("azure", "gpt-4o-mini") is not None
    assert price_list().price("cheap", "llama-3.1-8b-instant") is not None


def test_the_same_model_on_a_server_of_ones_own_has_no_price() -> None:
    assert price_list().price("house", "gpt-4o-mini") is None


def test_a_given_name_wins_over_the_address() -> None:
    assert price_list().price("proxy", "claude-sonnet-4-5") is not None


def test_models_of_our_own_are_free_and_unknown_models_have_no_price() -> None:
    book: PriceBook = price_list()
    assert book.price("extractive", "extractive") == OWN_MODEL
    assert book.price("replay", "gpt-4o") == OWN_MODEL
    assert book.price("main", "no-such-model") is None
    assert book.price("nobody", "gpt-4o") is None


def test_the_list_and_the_day_are_named() -> None:
    assert price_list().dated.startswith("genai-prices ")
    assert price_list().dated.endswith(", 2026-06-01")


def test_edition_is_the_same_on_every_day() -> None:
    first, later = price_list(), price_list()
    later.clock = SetClock(first.clock.now_ms() + 40 * 86_400_000)
    assert first.dated != later.dated
    assert first.edition == later.edition
    assert first.dated.startswith(first.edition)


def test_a_price_that_changes_on_a_date_is_taken_of_the_day() -> None:
    changing = [
        (provider, model)
        for provider in providers
        for model in provider.models
        if isinstance(model.prices, list)
        and len(model.prices) > 1
        and hasattr(model.prices[-1].constraint, "start_date")
        and convert(model.prices[-1].prices) != convert(model.prices[0].prices)
    ]
    provider, model = changing[0]
    assert isinstance(model.prices, list)
    start = getattr(model.prices[-1].constraint, "start_date", None)
    assert start is not None
    clock = SetClock(
        int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) * 1_000
    )
    book = PriceList(clock)
    after = book.price(provider.id, model.id)
    clock.advance(seconds=-1)
    assert after == convert(model.prices[-1].prices)
    assert book.price(provider.id, model.id) != after


def test_no_listed_rate_moves_by_a_nano_dollar_when_it_becomes_an_integer() -> None:
    seen = 0
    for model in (model for provider in providers for model in provider.models):
        listed = model.get_prices(NOON)
        price = convert(listed)
        if price is not None and isinstance(listed.input_mtok, Decimal):
            seen += 1
            assert abs(price.input.nano - listed.input_mtok * NANO) < Decimal("0.001")
    assert seen > 1_000


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "o3-mini"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
        ("mistral", "mistral-large-latest"),
        ("groq", "llama-3.1-8b-instant"),
    ],
)
@pytest.mark.parametrize("size", [1, 999, 150_001, 250_001])
def test_costs_agree_with_the_list_s_own_calculation(provider: str, model: str, size: int) -> None:
    usage = Usage(size, 777, cached_input_tokens=size // 3, cache_write_tokens=size // 7)
    price = price_list().price(provider, model)
    assert price is not None
    theirs = calc_price(
        ListedUsage(
            input_tokens=size,
            output_tokens=777,
            cache_read_tokens=size // 3,
            cache_write_tokens=size // 7,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=NOON,
    )
    assert abs(theirs.total_price * NANO - cost_nano(usage, price)) <= Decimal("0.5")
