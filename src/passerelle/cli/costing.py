"""passerelle cost: what was spent, and what a month would cost."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data
from passerelle.cli.output import explained, print_json, print_table, say, warn
from passerelle.core.reports.report import Unit, quantity_text
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from passerelle.domain.costs.lines import Axis, CostLine, Volume, group
from passerelle.domain.readiness.checks import counted
from passerelle.stories.justify.meter import CostReport
from passerelle.stories.justify.project import ProjectedCosts
from passerelle.wiring.costing import CostDesk, Span
from passerelle.wiring.installation import Told, opened_store, read_installation

app = typer.Typer(help="Costs: report, project.", no_args_is_help=True)
SEED = 7


class By(StrEnum):
    """What the lines of a report are put together by."""

    USECASE = "usecase"
    ROUTE = "route"
    DAY = "day"
    PURPOSE = "purpose"
    CLASS = "class"
    USER = "user"


AXES: Mapping[By, Axis] = {
    By.USECASE: "usecase",
    By.ROUTE: "route",
    By.DAY: "day",
    By.PURPOSE: "purpose",
}

Since = Annotated[str, typer.Option(help="First day, such as 2026-11-01.")]
Until = Annotated[str, typer.Option(help="Last day.")]
Zone = Annotated[str, typer.Option(help="Time zone that decides when a day begins.")]


@app.command()
def report(
    *,
    usecase: Annotated[str, typer.Option(help="Only this use case.")] = "",
    by: Annotated[By, typer.Option(help="What to put lines together by.")] = By.USECASE,
    since: Since = "",
    until: Until = "",
    time_zone: Zone = "UTC",
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what was spent, on what and by whom; sums equal the ledger to the nano-dollar."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        span = Span(usecase, _day(since, "--since"), _day(until, "--until"), time_zone)
        with opened_store(installation) as store:
            found = CostDesk(installation, store, as_key).report(span)
    if as_json:
        print_json(_report_document(found))
        return
    volume = found.volume
    say(f"{found.total} for {volume.requests:,} requests, {volume.answered:,} answered.")
    if volume.unknown_prices:
        say(f"{volume.unknown_prices:,} of them have no known price and are left out.")
    say()
    if by is By.CLASS:
        _print_classes(found.lines)
    else:
        _print_volumes(by, _grouped(found, by))
    units = found.units
    say("\nLive requests whose price is known, whole users drawn again:")
    for name, estimate in (
        ("request", units.per_request),
        ("user", units.per_user),
        ("accepted answer", units.per_accepted),
    ):
        say(f"  per {name:<16} {_dollars(estimate)}")
    agrees = "agree with the ledger" if found.balanced else "DO NOT agree with the ledger"
    say(f"\nLines, volumes and users {agrees}. Prices: {found.price_book}.")


@app.command()
def project(
    usecase: Annotated[
        str, typer.Argument(help="Name of a use case; may be left out where there is one.")
    ] = "",
    *,
    users: Annotated[int, typer.Option(min=1, help="How many users there would be.")],
    priced_as: Annotated[
        str, typer.Option(help="Price recorded tokens as provider/model, such as openai/gpt-5.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="Days of the month.")] = 30,
    since: Since = "",
    until: Until = "",
    time_zone: Zone = "UTC",
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = SEED,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Project a month from what users did; keeps the projection as evidence."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = CostDesk(installation, store, as_key)
            span = Span(
                desk.only(usecase), _day(since, "--since"), _day(until, "--until"), time_zone
            )
            found, evidence = asyncio.run(
                desk.project(span, users=users, days=days, priced_as=priced_as, seed=seed)
            )
    if as_json:
        print_json({"projected": found, "evidence": evidence.id})
        return
    _print_projection(found)
    say(f"\nKept as evidence {evidence.id}.")


def _print_projection(found: ProjectedCosts) -> None:
    projection = found.projection
    seen = f"{counted(projection.users_seen, 'user')} on {counted(projection.days_seen, 'day')}"
    say(f"{projection.users:,} users, {projection.days} days: P50 {projection.p50}, from {seen}")
    if projection.p10 is not None and projection.p90 is not None:
        say(f"P10 {projection.p10}, P90 {projection.p90}")
    else:
        say("P10 and P90 are not known.")
    for title, drivers in (("Inputs", projection.inputs), ("Sources", projection.sources)):
        if drivers:
            rows = [
                (each.name, quantity_text(each.share, Unit.SHARE), _value(each.name, each.value))
                for each in drivers
            ]
            say()
            print_table(title, ("what", "share of the width", "seen"), rows)
    for caution in projection.cautions:
        warn(f"\nWarning: {caution.message}\n  {caution.advice}")
    if found.left_out:
        left = ", ".join(f"{each.requests:,} {name}" for name, each in found.left_out.items())
        say(f"\nLeft out, for they are our own: {left}.")
    if found.unfinished:
        say(f"Left out, for the day is not over: {found.unfinished}.")
    priced = f"as {found.priced_as}" if found.priced_as else "as recorded"
    say(f"Priced {priced}, {found.price_book}; seed {projection.seed}.")


def _value(name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    if name.startswith("cost"):
        return _dollars(estimate)
    return quantity_text(estimate, Unit.SCORE)


def _dollars(estimate: Estimate) -> str:
    return quantity_text(estimate, Unit.NANO_USD)


def _grouped(found: CostReport, by: By) -> Iterable[tuple[str, Volume]]:
    if by in AXES:
        return group(found.volumes, AXES[by])
    return [(each.user, each.volume) for each in found.users]


def _print_volumes(by: By, rows: Iterable[tuple[str, Volume]]) -> None:
    cells = [
        (
            name or "(none)",
            f"{each.requests:,}",
            f"{each.answered:,}",
            f"{each.accepted:,}",
            f"{each.unknown_prices:,}",
            str(Money(each.cost_nano)),
        )
        for name, each in rows
    ]
    headings = (by.value, "requests", "answered", "accepted", "no price", "cost")
    print_table(f"Cost by {by.value}", headings, cells)


def _print_classes(lines: Iterable[CostLine]) -> None:
    rows = [
        (
            line.place.usecase,
            line.place.route,
            line.place.day,
            line.place.purpose,
            line.token_class.value,
            f"{line.tokens:,}",
            "not known" if line.cost_nano is None else str(Money(line.cost_nano)),
        )
        for line in lines
    ]
    headings = ("use case", "route", "day", "purpose", "class", "tokens", "cost")
    print_table("Cost by token class", headings, rows)


def _report_document(found: CostReport) -> dict[str, object]:
    return {
        "total": found.total,
        "volume": found.volume,
        "balanced": found.balanced,
        "first_ms": found.first_ms,
        "last_ms": found.last_ms,
        "volumes": [place._asdict() | {"volume": volume} for place, volume in found.volumes],
        "lines": [
            line.place._asdict()
            | {
                "class": line.token_class,
                "requests": line.requests,
                "tokens": line.tokens,
                "cost_nano": line.cost_nano,
            }
            for line in found.lines
        ],
        "users": found.users,
        "units": found.units,
        "price_book": found.price_book,
    }


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("a day such as 2026-11-01", param_hint=option) from error
