"""Usage → cost: the ledger's exchanges, added up without losing a nano-dollar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from passerelle.core.values.chat import Usage
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from passerelle.core.values.verdicts import Support
from passerelle.domain.costs.lines import (
    LIVE,
    CostLine,
    Meter,
    Metered,
    Place,
    Volume,
    total_nano,
)
from passerelle.domain.costs.price_book import Price, PriceBook
from passerelle.domain.costs.resampling import forecast
from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Entry, Ledger, LedgerUnreadable
from passerelle.domain.ledger.events import EXCHANGE_ENDED

PAGE = 500
"""Entries read at a time."""
SEED = 7
UNIT_DRAWS = 1_000
_ANSWERED = 200


@dataclass(frozen=True, slots=True)
class MeterParts:
    """What metering needs."""

    ledger: Ledger
    flags: FlagBox
    prices: PriceBook
    clock: Clock


@dataclass(frozen=True, slots=True)
class Window:
    """Which exchanges are looked at; the whole of the organisation's when nothing is set."""

    usecase: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    """Exclusive."""
    time_zone: str = "UTC"
    """IANA name: it decides what a day is."""


@dataclass(frozen=True, slots=True)
class UserCost:
    """What one user made, live requests only."""

    user: str
    volume: Volume


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Nano-USD for a unit, live requests of known price only; the intervals draw whole users."""

    per_request: Estimate
    per_user: Estimate
    """For a user over the whole time of the report."""
    per_accepted: Estimate
    """Everything spent, for each answer that was backed and not flagged; NaN without any."""


@dataclass(frozen=True, slots=True)
class CostReport:
    """What was spent, on what, by whom. The lines add up to the total to the nano-dollar."""

    window: Window
    first_ms: int | None
    last_ms: int | None
    """Of the oldest and the newest exchange; None when there is none."""
    total: Money
    """Straight from the entries: the sum of every recorded cost."""
    volume: Volume
    lines: tuple[CostLine, ...]
    volumes: tuple[tuple[Place, Volume], ...]
    """By use case, route, day and purpose; `costs.lines.group` puts them together."""
    users: tuple[UserCost, ...]
    """Dearest first."""
    units: UnitCosts
    price_book: str
    """The book whose proportions share recorded costs out by token class."""

    @property
    def balanced(self) -> bool:
        """Do lines, volumes and users agree with the entries?"""
        spent = self.total.nano
        live = sum(volume.cost_nano for place, volume in self.volumes if place.purpose == LIVE)
        return (
            total_nano(self.lines) == spent
            and self.volume.cost_nano == spent
            and sum(user.volume.cost_nano for user in self.users) == live
        )


@dataclass(frozen=True, slots=True)
class _Grounding:
    support: Support = Support.NOT_SCANNED


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts of an exchange that cost anything to know; what an entry lacks has its default."""

    status: int = 0
    code: str = ""
    provider: str = ""
    model: str = ""
    purpose: str = LIVE
    end_user: str = ""
    cost_nano_usd: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_estimated: bool = False
    grounding: _Grounding = field(default_factory=_Grounding)


def cost_report(granted: Granted, parts: MeterParts, window: Window | None = None) -> CostReport:
    """Adds the organisation's exchanges up in one pass over the pages of the ledger.

    Raises `LedgerUnreadable` at a damaged entry: a sum that leaves it out would be wrong.
    """
    granted.require(Permission.COST_READ)
    window = window or Window()
    meter, users, spent = Meter(), dict[str, Volume](), 0
    first_ms: int | None = None
    last_ms: int | None = None
    for at_ms, exchange in exchanges(granted, parts, window):
        meter.add(exchange, price_of(exchange, parts.prices))
        spent += exchange.cost_nano or 0
        first_ms = at_ms if first_ms is None else min(first_ms, at_ms)
        last_ms = at_ms if last_ms is None else max(last_ms, at_ms)
        if exchange.purpose == LIVE:
            users[exchange.user] = users.get(exchange.user, Volume()) + exchange.volume
    volumes = tuple(meter.volumes())
    return CostReport(
        window=window,
        first_ms=first_ms,
        last_ms=last_ms,
        total=Money(spent),
        volume=sum((volume for _, volume in volumes), Volume()),
        lines=meter.lines(),
        volumes=volumes,
        users=tuple(
            UserCost(user, volume)
            for user, volume in sorted(
                users.items(), key=lambda item: (-item[1].cost_nano, item[0])
            )
        ),
        units=_units(list(users.values())),
        price_book=parts.prices.dated,
    )


def exchanges(granted: Granted, parts: MeterParts, window: Window) -> Iterator[tuple[int, Metered]]:
    """(time, exchange) of the window, newest first; what is added meanwhile is not met."""
    granted.require(Permission.COST_READ)
    zone = _zone(window.time_zone)
    organisation = granted.principal.scope.organisation
    for page in _pages(parts.ledger, organisation, window):
        flagged = parts.flags.flagged([entry.subject for entry in page], organisation=organisation)
        for entry in page:
            # Clocks go back, so an entry before the window does not end the reading.
            if _within(entry.at_ms, window):
                yield entry.at_ms, _metered(entry, zone, flagged=entry.subject in flagged)


def price_of(exchange: Metered, prices: PriceBook) -> Price | None:
    """Today's price of the exchange's route."""
    provider, _, model = exchange.route.partition("/")
    return prices.price(provider, model) if model else None


def today(clock: Clock, time_zone: str) -> str:
    """ISO date of now."""
    return _day(clock.now_ms(), _zone(time_zone))


def _pages(ledger: Ledger, organisation: str, window: Window) -> Iterator[Sequence[Entry]]:
    before: int | None = None
    while True:
        page = ledger.entries(
            organisation=organisation,
            before=before,
            limit=PAGE,
            event=EXCHANGE_ENDED,
            usecase=window.usecase,
        )
        if page:
            yield page
        if len(page) < PAGE:
            return
        before = page[-1].sequence


def _within(at_ms: int, window: Window) -> bool:
    early = window.since_ms is not None and at_ms < window.since_ms
    late = window.until_ms is not None and at_ms >= window.until_ms
    return not early and not late


def _metered(entry: Entry, zone: ZoneInfo, *, flagged: bool) -> Metered:
    try:
        facts = _decode(entry.facts)
    except msgspec.DecodeError as error:
        raise LedgerUnreadable(
            f"Entry {entry.sequence} is damaged: run passerelle ledger verify."
        ) from error
    answered = facts.status == _ANSWERED and not facts.code
    backed = facts.grounding.support is Support.SUPPORTED
    return Metered(
        usecase=entry.usecase,
        route=f"{facts.provider}/{facts.model}" if facts.provider else "",
        day=_day(entry.at_ms, zone),
        user=f"{entry.principal}/{facts.end_user}" if facts.end_user else entry.principal,
        usage=Usage(
            input_tokens=facts.input_tokens,
            output_tokens=facts.output_tokens,
            cached_input_tokens=facts.cached_input_tokens,
            cache_write_tokens=facts.cache_write_tokens,
            reasoning_tokens=facts.reasoning_tokens,
            estimated=facts.usage_estimated,
        ),
        cost_nano=facts.cost_nano_usd,
        purpose=facts.purpose,
        answered=answered,
        accepted=answered and backed and not flagged,
    )


def _units(users: Sequence[Volume]) -> UnitCosts:
    priced = [volume for volume in users if volume.requests > volume.unknown_prices]

    def for_each(exposures: Sequence[float]) -> Estimate:
        rows = [
            (exposure, float(volume.cost_nano))
            for exposure, volume in zip(exposures, priced, strict=True)
        ]
        return forecast(rows, seed=SEED, draws=UNIT_DRAWS)

    return UnitCosts(
        per_request=for_each([each.requests - each.unknown_prices for each in priced]),
        per_user=for_each([1.0 for _ in priced]),
        per_accepted=for_each([each.accepted for each in priced]),
    )


def _zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidRequest(
            f"{time_zone!r} is no time zone; write one such as Europe/Paris.", param="time_zone"
        ) from error


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(quarter * 900, zone).date().isoformat()


def _day(at_ms: int, zone: ZoneInfo) -> str:
    # Every offset in use is a multiple of a quarter of an hour, so no quarter has two days.
    return _day_of_quarter(at_ms // 900_000, zone)


_decode = msgspec.json.Decoder(_Facts).decode
