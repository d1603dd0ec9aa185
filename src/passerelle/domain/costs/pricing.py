"""From usage to money, in integers."""

from passerelle.core.values.chat import Usage
from passerelle.domain.costs.price_book import Price

_MILLION = 1_000_000


def cost_nano(usage: Usage, price: Price) -> int:
    """Cost in nano-USD: exact sums, rounded once at the end, halves to even.

    Finer classes are taken out of the total that includes them; where a provider
    reports more of a finer class than its total, the finer class counts and the
    rest is 0.
    """
    size = usage.input_tokens
    fine_input = usage.cached_input_tokens + usage.cache_write_tokens
    cached = price.cached_input or price.input
    written = price.cache_write or price.input
    reasoning = price.reasoning or price.output
    # In nano-USD times a million tokens, so that nothing is lost before the one division.
    exact = (
        max(0, usage.input_tokens - fine_input) * price.input.at(size)
        + usage.cached_input_tokens * cached.at(size)
        + usage.cache_write_tokens * written.at(size)
        + max(0, usage.output_tokens - usage.reasoning_tokens) * price.output.at(size)
        + usage.reasoning_tokens * reasoning.at(size)
    )
    return price.request_nano + _half_even(exact, _MILLION)


def estimate_nano(price: Price, *, input_tokens: int, output_tokens: int) -> int:
    """The most that a call of this size can cost, rounded up: what a reservation sets aside."""
    inputs = (price.input, price.cached_input, price.cache_write)
    outputs = (price.output, price.reasoning)
    dearest_input = max(rate.highest for rate in inputs if rate is not None)
    dearest_output = max(rate.highest for rate in outputs if rate is not None)
    exact = input_tokens * dearest_input + output_tokens * dearest_output
    return price.request_nano - (-exact // _MILLION)


def token_ceiling(text: str) -> int:
    """A number of tokens that the text cannot exceed: its bytes.

    Byte-level tokenisers, which all current chat models use, never make more
    tokens than bytes. English has about a quarter of it.
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))
