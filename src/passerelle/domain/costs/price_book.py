"""What a model's tokens are sold for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rate:
    """Nano-USD for a million tokens, by the size of the whole input."""

    nano: int
    """Below the first threshold."""
    steps: tuple[tuple[int, int], ...] = ()
    """(input tokens, nano): above so many input tokens, the rate of all tokens; ascending."""

    def at(self, input_tokens: int) -> int:
        """The rate for a request with so many input tokens."""
        nano = self.nano
        for threshold, above in self.steps:
            if input_tokens > threshold:
                nano = above
        return nano

    @property
    def highest(self) -> int:
        """The dearest step."""
        return max(self.nano, *(nano for _, nano in self.steps)) if self.steps else self.nano


FREE = Rate(0)


@dataclass(frozen=True, slots=True)
class Price:
    """Rates by token class; a class without its own rate is sold as the class around it."""

    input: Rate
    output: Rate
    cached_input: Rate | None = None
    cache_write: Rate | None = None
    reasoning: Rate | None = None
    request_nano: int = 0
    """Nano-USD for each request, whatever its length."""


OWN_MODEL = Price(FREE, FREE)
"""Models that run inside this process cost nothing by the token."""


class PriceBook(Protocol):
    """Prices of one day."""

    @property
    def dated(self) -> str:
        """Which list and which day, such as `genai-prices 0.2.3, 2026-11-24`."""
        ...

    @property
    def edition(self) -> str:
        """Which list, without the day: part of a release, which no new morning changes."""
        ...

    def price(self, provider: str, model: str) -> Price | None:
        """The price of a model at a provider of the settings; None when it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class FixedPrices:
    """A price book of agreed prices, by provider and model."""

    dated: str
    prices: Mapping[tuple[str, str], Price]

    @property
    def edition(self) -> str:
        return self.dated

    def price(self, provider: str, model: str) -> Price | None:
        return self.prices.get((provider, model))
