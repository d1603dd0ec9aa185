"""What was spent, on what and by whom, and what a month would cost."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar.params import FromQuery, QueryParameter

from passerelle.adapters.api.figures import Estimate, show_estimate, show_known
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.core.values.money import Money
from passerelle.domain.costs import lines, projection
from passerelle.domain.costs.lines import Axis, TokenClass
from passerelle.domain.costs.samples import Weakness
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.justify.meter import CostReport, Window, cost_report
from passerelle.stories.justify.project import ProjectedCosts, project_costs

SEED = 7
LONGEST = 366
"""Days looked back."""
MOST_USERS = 1_000_000
DAY_MS = 86_400_000


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """Requests, and what they cost."""

    requests: int
    answered: int
    accepted: int
    """Answered, backed by the documents, and flagged by nobody."""
    unknown_prices: int
    """Requests whose cost nobody knows; the cost leaves them out."""
    cost_nano_usd: int


class NamedVolume(Volume, frozen=True, kw_only=True):
    """A volume and what it belongs to."""

    name: str


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one class of tokens at one place."""

    usecase: str
    route: str
    day: str
    purpose: str
    token_class: TokenClass
    requests: int
    tokens: int
    cost_nano_usd: int | None


class UnitCosts(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-USD for a unit, of live requests whose price is known."""

    per_request: Estimate
    per_user: Estimate
    per_accepted: Estimate


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was spent; the lines add up to the total to the nano-dollar."""

    days: int
    """Looked back; 0 for everything."""
    first_ms: int | None
    last_ms: int | None
    total_nano_usd: int
    volume: Volume
    lines: list[CostLine]
    by_usecase: list[NamedVolume]
    by_route: list[NamedVolume]
    by_day: list[NamedVolume]
    """Oldest first."""
    by_purpose: list[NamedVolume]
    users: list[NamedVolume]
    """Live requests, dearest user first."""
    units: UnitCosts
    price_book: str
    time_zone: str
    balanced: bool
    """Lines, volumes and users agree with the entries of the ledger."""


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that makes the projection wide."""

    name: str
    share: Estimate
    value: Estimate | None


class Caution(msgspec.Struct, frozen=True, kw_only=True):
    """Why the projection deserves less trust, and what to do."""

    weakness: Weakness
    message: str
    advice: str


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """A month with so many users who use it as those seen did."""

    users: int
    days: int
    p10_nano_usd: int | None
    """Null, as P90, while fewer than two users or two days were seen."""
    p50_nano_usd: int
    p90_nano_usd: int | None
    month: Estimate | None
    """P50 with P5 and P95."""
    inputs: list[Driver]
    sources: list[Driver]
    cautions: list[Caution]
    users_seen: int
    days_seen: int
    requests_seen: int
    priced_as: str
    price_book: str
    left_out: list[NamedVolume]
    """By purpose: rehearsals and other requests of our own."""
    unfinished: str
    """A day left out because it is not over; empty when none was."""
    seed: int
    draws: int
    digest: str


async def show_costs(
    granted: Granted,
    parts: ApiParts,
    *,
    usecase: FromQuery[str] = "",
    days: Annotated[int, QueryParameter(ge=0, le=LONGEST)] = 30,
    time_zone: FromQuery[str] = "UTC",
) -> Costs:
    """Costs of the last days by use case, route, day, user and class of tokens."""
    window = _window(parts, usecase=usecase, days=days, time_zone=time_zone)
    report = await asyncio.to_thread(cost_report, granted, parts.metering, window)
    return _costs(report, days)


async def show_projection(
    granted: Granted,
    parts: ApiParts,
    *,
    users: Annotated[int, QueryParameter(ge=1, le=MOST_USERS)],
    usecase: FromQuery[str] = "",
    priced_as: FromQuery[str] = "",
    seed: Annotated[int, QueryParameter(ge=0, le=2**31)] = SEED,
    time_zone: FromQuery[str] = "UTC",
) -> Projection:
    """A month with so many users, with its interval and what would narrow it."""
    window = Window(usecase=usecase, time_zone=time_zone)
    projected = await asyncio.to_thread(
        project_costs,
        granted,
        parts.metering,
        users=users,
        seed=seed,
        window=window,
        priced_as=priced_as,
    )
    return _projection(projected)


def _window(parts: ApiParts, *, usecase: str, days: int, time_zone: str) -> Window:
    since_ms = parts.clock.now_ms() - days * DAY_MS if days else None
    return Window(usecase=usecase, since_ms=since_ms, time_zone=time_zone)


def _costs(report: CostReport, days: int) -> Costs:
    return Costs(
        days=days,
        first_ms=report.first_ms,
        last_ms=report.last_ms,
        total_nano_usd=report.total.nano,
        volume=_volume(report.volume),
        lines=[_line(line) for line in report.lines],
        by_usecase=_by(report, "usecase"),
        by_route=_by(report, "route"),
        by_day=sorted(_by(report, "day"), key=lambda each: each.name),
        by_purpose=_by(report, "purpose"),
        users=[_named(each.user, each.volume) for each in report.users],
        units=UnitCosts(
            per_request=show_estimate(report.units.per_request),
            per_user=show_estimate(report.units.per_user),
            per_accepted=show_estimate(report.units.per_accepted),
        ),
        price_book=report.price_book,
        time_zone=report.window.time_zone,
        balanced=report.balanced,
    )


def _by(report: CostReport, axis: Axis) -> list[NamedVolume]:
    return [_named(name, volume) for name, volume in lines.group(report.volumes, axis)]


def _line(line: lines.CostLine) -> CostLine:
    return CostLine(
        **line.place._asdict(),
        token_class=line.token_class,
        requests=line.requests,
        tokens=line.tokens,
        cost_nano_usd=line.cost_nano,
    )


def _volume(volume: lines.Volume) -> Volume:
    return Volume(
        requests=volume.requests,
        answered=volume.answered,
        accepted=volume.accepted,
        unknown_prices=volume.unknown_prices,
        cost_nano_usd=volume.cost_nano,
    )


def _named(name: str, volume: lines.Volume) -> NamedVolume:
    return NamedVolume(name=name, **msgspec.structs.asdict(_volume(volume)))


def _projection(projected: ProjectedCosts) -> Projection:
    found = projected.projection
    return Projection(
        users=found.users,
        days=found.days,
        p10_nano_usd=_nano(found.p10),
        p50_nano_usd=found.p50.nano,
        p90_nano_usd=_nano(found.p90),
        month=show_known(found.month),
        inputs=_drivers(found.inputs),
        sources=_drivers(found.sources),
        cautions=msgspec.convert(found.cautions, list[Caution], from_attributes=True),
        users_seen=found.users_seen,
        days_seen=found.days_seen,
        requests_seen=round(found.sample.requests),
        priced_as=projected.priced_as,
        price_book=projected.price_book,
        left_out=[_named(purpose, volume) for purpose, volume in projected.left_out.items()],
        unfinished=projected.unfinished,
        seed=found.seed,
        draws=found.draws,
        digest=found.digest,
    )


def _nano(money: Money | None) -> int | None:
    return None if money is None else money.nano


def _drivers(drivers: Sequence[projection.Driver]) -> list[Driver]:
    return [
        Driver(name=each.name, share=show_estimate(each.share), value=show_known(each.value))
        for each in drivers
    ]


ROUTES = (
    read("/costs", Permission.COST_READ, show_costs),
    read("/projection", Permission.COST_READ, show_projection),
)
