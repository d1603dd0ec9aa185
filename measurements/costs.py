"""Do our costs agree with recorded usages that somebody else has priced?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from genai_prices import Usage as ListedUsage
from genai_prices import calc_price

from measurements.datasets import rows
from measurements.report import Report, Table
from passerelle.adapters.sources.price_list import PriceList
from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.chat import Usage
from passerelle.core.values.clock import SystemClock
from passerelle.core.values.money import NANO
from passerelle.domain.costs.pricing import cost_nano

SOURCE = "pydantic/genai-prices 47df840a5ab1 (recorded usages with prices)"
OURS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
}
"""The list's token classes → ours; all others we cannot tell apart."""
HALF_NANO = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Priced:
    """One usage, priced by the recorder for one provider."""

    row: int
    """Place of the recording in its file; one recording is priced for several providers."""
    model: str
    provider: str
    usage: Mapping[str, int]
    recorded: Decimal
    """Nano-USD."""


def measure(data: Path) -> Report:
    """Compares with the recorded prices and with the list's own calculation of today."""
    priced = list(_priced(data))
    prices = PriceList(SystemClock())
    to_record, to_list = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for each in priced:
        ours = _our_cost(prices, each)
        theirs = _their_cost(each)
        to_record[_against_record(each, ours, theirs)].append(each.row)
        to_list[_against_list(each, ours, theirs)].append(each.row)
    n = len({each.row for each in priced})
    note = (
        f"{len(priced)} prices of {n} recordings, most priced for several providers. A cost agrees "
        "when it is within half a nano-dollar, the rounding of our one division. The record was "
        "priced with the list of its day, ours and 'the list's own calculation' with "
        f"{prices.dated}."
    )
    return Report(
        "costs",
        (
            _table("Our cost against the recorded price", to_record, n, note),
            _table("Our cost against the list's own calculation", to_list, n, ""),
        ),
        (SOURCE,),
    )


def _priced(data: Path) -> Iterator[Priced]:
    recordings = rows(data, "prices/recorded_usages_with_prices.jsonl")
    for number, row in enumerate(recordings):
        for extracted in row["extracted"]:
            for one in extracted["extractors"]:
                if "input_price" in one and "model" in row:
                    yield Priced(
                        number, row["model"], one["provider_id"], extracted["usage"], _total(one)
                    )


def _total(one: Mapping[str, Any]) -> Decimal:
    parts = Decimal(one["input_price"]) + Decimal(one["output_price"])
    return Decimal(one.get("total_price", parts)) * NANO


def _our_cost(prices: PriceList, each: Priced) -> int | None:
    price = prices.price(each.provider, each.model)
    counts = {ours: each.usage.get(theirs, 0) for theirs, ours in OURS.items()}
    usage = msgspec.convert(counts, Usage)
    return None if price is None else cost_nano(usage, price)


def _their_cost(each: Priced) -> Decimal | None:
    try:
        found = calc_price(
            ListedUsage(**each.usage),
            each.model,
            provider_id=each.provider,
            genai_request_timestamp=datetime.now(UTC),
        )
    except LookupError:
        return None
    return found.total_price * NANO


def _against_record(each: Priced, ours: int | None, theirs: Decimal | None) -> str:
    if ours is not None and abs(ours - each.recorded) <= HALF_NANO:
        return "agrees"
    if theirs is not None and abs(theirs - each.recorded) > HALF_NANO:
        return "the list has changed its price since the recording"
    return _against_list(each, ours, theirs)


def _against_list(each: Priced, ours: int | None, theirs: Decimal | None) -> str:
    if ours is None or theirs is None:
        return (
            "both know no price"
            if ours is None and theirs is None
            else "only one of us knows a price"
        )
    if abs(ours - theirs) <= HALF_NANO:
        return "agrees"
    fine = sorted(key for key, count in each.usage.items() if count and key not in OURS)
    return f"classes we do not carry: {', '.join(fine)}" if fine else "unexplained"


def _table(title: str, causes: Mapping[str, list[int]], n: int, note: str) -> Table:
    order = sorted(causes, key=lambda cause: (cause != "agrees", -len(causes[cause]), cause))
    found = tuple(
        (cause, len(causes[cause]), wilson(len(set(causes[cause])), n)) for cause in order
    )
    columns = ("outcome", "prices", "share of recordings with such a price (wilson 95 %)")
    return Table(title, columns, found, note)
