"""Public list prices of model providers, from a data package, without any network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from passerelle.core.values.clock import Clock
from passerelle.core.values.money import NANO
from passerelle.domain.costs.price_book import FREE, OWN_MODEL, Price, Rate

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

_THOUSAND = 1_000
_DAY_MS = 86_400_000
_REMEMBERED = 4_096


@dataclass(frozen=True, slots=True)
class ListedProvider:
    """How a provider of the settings is found in the list: by its address, or by a given name."""

    base_url: str = ""
    list_name: str = ""
    """The list's own id, such as `openai`; wins over the address."""


@dataclass(slots=True)
class PriceList:
    """Implements `PriceBook`. The package is loaded at the first price that is not our own.

    A provider is priced only when its address or its name is in the list: a
    self-hosted server that offers a model of the same name has an unknown price,
    not a foreign one. Prices that change by date or hour are taken at the time of
    asking.
    """

    clock: Clock
    own: frozenset[str] = frozenset({"extractive", "replay"})
    """Names of providers whose models run here and cost nothing by the token."""
    providers: Mapping[str, ListedProvider] = field(default_factory=dict)
    _models: dict[tuple[str, str], "ModelInfo | None"] = field(default_factory=dict)
    _prices: dict[int, tuple["ModelPrice", Price | None]] = field(default_factory=dict)

    @property
    def dated(self) -> str:
        return _name_of_day(self.clock.now_ms() // _DAY_MS)

    @property
    def edition(self) -> str:
        return _edition()

    def price(self, provider: str, model: str) -> Price | None:
        if provider in self.own:
            return OWN_MODEL
        key = (provider, model)
        if key not in self._models:
            if len(self._models) >= _REMEMBERED:  # callers may choose these names
                self._models.clear()
            self._models[key] = self._find(provider, model)
        entry = self._models[key]
        return None if entry is None else self._converted(entry.get_prices(self._now()))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_ms() / 1_000, UTC)

    def _find(self, provider: str, model: str) -> "ModelInfo | None":
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - half a second

        listed = self.providers.get(provider, ListedProvider(list_name=provider))
        name = listed.list_name or None
        try:
            address = None if name else listed.base_url
            _, found = get_snapshot().find_provider_model(model, None, name, address)
        except LookupError:
            return None
        return found

    def _converted(self, listed: "ModelPrice") -> Price | None:
        # Kept by identity: the list's own objects live as long as the process.
        known = self._prices.get(id(listed))
        if known is None:
            known = self._prices[id(listed)] = (listed, convert(listed))
        return known[1]


def convert(listed: "ModelPrice") -> Price | None:
    """The list's price in integers; None when nothing is sold by the token."""
    if listed.input_mtok is None and listed.output_mtok is None:
        return None
    return Price(
        input=_rate(listed.input_mtok) or FREE,
        output=_rate(listed.output_mtok) or FREE,
        cached_input=_rate(listed.cache_read_mtok),
        cache_write=_rate(listed.cache_write_mtok),
        reasoning=_rate(listed.output_reasoning_mtok),
        request_nano=_per_request(listed.requests_kcount),
    )


def _rate(listed: "Decimal | TieredPrices | None") -> Rate | None:
    if listed is None:
        return None
    if isinstance(listed, Decimal):
        return Rate(_nano(listed))
    steps = tuple((tier.start, _nano(tier.price)) for tier in listed.tiers)
    return Rate(_nano(listed.base), steps)


def _per_request(listed: "Decimal | TieredPrices | None") -> int:
    base = listed if isinstance(listed, Decimal) or listed is None else listed.base
    return 0 if base is None else _nano(base / _THOUSAND)


def _nano(usd: Decimal) -> int:
    # A few listed prices carry the noise of binary fractions (0.18000000000000002).
    return int((usd * NANO).quantize(Decimal(1), ROUND_HALF_EVEN))


@lru_cache(maxsize=1)
def _edition() -> str:
    return f"genai-prices {version('genai-prices')}"


@lru_cache(maxsize=2)
def _name_of_day(day: int) -> str:
    moment = datetime.fromtimestamp(day * _DAY_MS / 1_000, UTC)
    return f"{_edition()}, {moment:%Y-%m-%d}"
