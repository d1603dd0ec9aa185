"""Cost → a month with more users, from what this organisation's own users did."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.evidence import Grade
from passerelle.core.values.ids import Digest
from passerelle.core.values.money import NANO
from passerelle.domain.costs.lines import LIVE, Metered, Volume
from passerelle.domain.costs.price_book import Price, PriceBook
from passerelle.domain.costs.pricing import cost_nano
from passerelle.domain.costs.projection import DAYS_OF_MONTH, Projection, project
from passerelle.domain.costs.resampling import DRAWS
from passerelle.domain.costs.traffic import Traffic
from passerelle.domain.identity.grants import Granted
from passerelle.domain.readiness.economy import (
    CALIBRATED_FACT,
    DRAWBACKS_FACT,
    PROJECTION_DAYS,
)
from passerelle.stories.justify.evidence import Finding
from passerelle.stories.justify.meter import MeterParts, Window, exchanges, today
from passerelle.stories.justify.probes.economy import PROJECTION


@dataclass(frozen=True, slots=True)
class ProjectedCosts:
    """A projection, and what was left out of its sample."""

    projection: Projection
    window: Window
    priced_as: str
    """`provider/model` whose price was put on the recorded tokens; empty for recorded costs."""
    price_book: str
    left_out: Mapping[str, Volume]
    """By purpose: rehearsals and other requests of our own, at recorded costs."""
    unfinished: str
    """ISO date of a day left out because it is not over; empty when none was."""


def project_costs(
    granted: Granted,
    parts: MeterParts,
    *,
    users: int,
    seed: int,
    window: Window | None = None,
    priced_as: str = "",
    days: int = DAYS_OF_MONTH,
    draws: int = DRAWS,
) -> ProjectedCosts:
    """A month with so many users who behave like those in the ledger.

    Live requests only. Today is left out once another day was seen: it is not over. With
    `priced_as` the recorded tokens are priced anew, which tells what a paid model would
    cost where a free one was tried; tokens that were never used, as of a refused request,
    stay free. Raises `NothingToProject`, and `InvalidRequest` for a price nobody knows.
    """
    window = window or Window()
    price = _price(priced_as, parts.prices) if priced_as else None
    traffic, left_out = Traffic(), dict[str, Volume]()
    for _, exchange in exchanges(granted, parts, window):
        if exchange.purpose != LIVE:
            known = left_out.get(exchange.purpose, Volume())
            left_out[exchange.purpose] = known + exchange.volume
        else:
            traffic.add(exchange if price is None else _repriced(exchange, price))
    now, seen = today(parts.clock, window.time_zone), traffic.days()
    unfinished = now if now in seen and len(seen) > 1 else ""
    sample = traffic.without(unfinished).sample()
    return ProjectedCosts(
        projection=project(sample, users=users, seed=seed, days=days, draws=draws),
        window=window,
        priced_as=priced_as,
        price_book=parts.prices.dated,
        left_out=left_out,
        unfinished=unfinished,
    )


def projection_finding(projected: ProjectedCosts, release: Digest) -> Finding:
    """Evidence for readiness: USD a month, and what its sample is worth.

    Raises `InvalidRequest` for a projection over several use cases: evidence is about one.
    """
    projection, usecase = projected.projection, projected.window.usecase
    if not usecase:
        raise InvalidRequest("Evidence is about one use case: project the costs of one.")
    month, cautions = projection.month, projection.cautions
    drawbacks: list[JsonValue] = [f"{each.message} {each.advice}" for each in cautions]
    facts: dict[str, JsonValue] = {
        "users": projection.users,
        "days": projection.days,
        "p50_nano_usd": projection.p50.nano,
        "users_seen": projection.users_seen,
        "days_seen": projection.days_seen,
        "requests_seen": round(projection.sample.requests),
        "priced_as": projected.priced_as,
        "price_book": projected.price_book,
        "seed": projection.seed,
        "draws": projection.draws,
        "digest": projection.digest,
        "weaknesses": [each.weakness.value for each in cautions],
        CALIBRATED_FACT: not cautions,
        DRAWBACKS_FACT: drawbacks,
    }
    return Finding(
        kind=PROJECTION,
        usecase=usecase,
        release=release,
        days=PROJECTION_DAYS,
        grade=Grade.DEMO if cautions else Grade.BEFORE_AFTER,
        facts=facts,
        estimate=None if month is None else _in_dollars(month),
    )


def _in_dollars(nano: Estimate) -> Estimate:
    return replace(nano, value=nano.value / NANO, low=nano.low / NANO, high=nano.high / NANO)


def _price(route: str, prices: PriceBook) -> Price:
    provider, _, model = route.partition("/")
    price = prices.price(provider, model)
    if price is None:
        raise InvalidRequest(
            f"Nobody knows the price of {route!r}; write provider/model as in the settings.",
            param="priced_as",
        )
    return price


def _repriced(exchange: Metered, price: Price) -> Metered:
    used = exchange.usage.input_tokens or exchange.usage.output_tokens
    return replace(exchange, cost_nano=cost_nano(exchange.usage, price) if used else 0)
