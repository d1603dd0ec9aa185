"""passerelle check, sign, waive, promote, compare: demo or product?"""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer

from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data, UseCase
from passerelle.cli.output import (
    NO,
    explained,
    fail,
    print_json,
    print_report_table,
    print_table,
    say,
)
from passerelle.core.reports.report import Cell, Quantity, Table
from passerelle.core.reports.report import Unit as ReportUnit
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.checks import Result
from passerelle.domain.readiness.claims import CLAIMS, Comparison, Measure, Unit
from passerelle.domain.readiness.gate import CHECKS
from passerelle.domain.readiness.signoffs import REQUIRED, SIGNING_ROLES, Meaning, Standing
from passerelle.stories.justify.check import ReadinessReport
from passerelle.stories.justify.go_live import NotReady
from passerelle.wiring.installation import Told, opened_store, read_installation
from passerelle.wiring.readiness import ReadinessDesk

SIGNS: Mapping[str, str] = {
    "pass": "ok",
    "waived": "waived",
    "not_applicable": "-",
}


def check(
    usecase: Annotated[str, typer.Argument(help="Name of a use case.")] = "",
    *,
    show_list: Annotated[
        bool, typer.Option("--list", help="List the checks; look at nothing.")
    ] = False,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what is missing; exit status 0 product, 1 demo, 2 when it could not be told."""
    if show_list:
        _list_checks(as_json=as_json)
        return
    with explained(as_json=as_json):
        if not usecase:
            raise InvalidRequest("Name a use case, or give --list.")
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            report = ReadinessDesk(installation, store, as_key).check(usecase)
    if as_json:
        print_json(_document(report))
    else:
        _print(report)
    raise typer.Exit(report.judgement.exit_code)


def sign(
    usecase: UseCase,
    *,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(SIGNING_ROLES)}.")],
    meaning: Annotated[Meaning, typer.Option(help="What the signature says.")],
    reason: Annotated[str, typer.Option(help="In the signer's own words.")],
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Sign for a role; bound to the release and the evidence as they are now."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = ReadinessDesk(installation, store, as_key)
            signoff = asyncio.run(desk.sign(usecase, role, meaning=meaning, reason=reason))
    if as_json:
        print_json(signoff)
    else:
        say(f"{signoff.role}: {signoff.meaning} of {usecase} for {signoff.stage}, {signoff.id}.")


def waive(
    usecase: UseCase,
    check_id: Annotated[str, typer.Argument(metavar="CHECK", help="Such as CAP-01.")],
    *,
    reason: Annotated[str, typer.Option(help="Shown with the check and kept for ever.")],
    days: Annotated[int, typer.Option(min=1, help="How long it holds.")] = 30,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Go on without a check for a while: only the role that owns it may."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = ReadinessDesk(installation, store, as_key)
            evidence = asyncio.run(desk.waive(usecase, check_id, reason=reason, days=days))
    if as_json:
        print_json(evidence)
    else:
        say(f"{check_id} of {usecase} is waived for {days} days.")


def promote(
    usecase: UseCase,
    *,
    to: Annotated[Stage, typer.Option("--to", help="The stage to enter, or to go back to.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the move.")] = "",
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Move a use case to another stage; exit status 1 while something is missing."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = ReadinessDesk(installation, store, as_key)
            try:
                move = asyncio.run(desk.promote(usecase, to, reason=reason))
            except NotReady as refusal:
                missing = {
                    "checks": [each.check.id for each in refusal.blockers],
                    "signatures": [each.role for each in refusal.unsigned],
                }
                fail(refusal, as_json=as_json, status=NO, more=missing)
    if as_json:
        print_json(move)
    else:
        say(f"{usecase} was at {move.before} and is at {move.to}.")


def compare(
    first: Annotated[Stage, typer.Argument(help="A stage.")],
    second: Annotated[Stage, typer.Argument(help="Another stage.")],
    *,
    usecase: Annotated[
        str, typer.Option(help="Name of a use case; may be left out where there is one.")
    ] = "",
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put two stages side by side: what is said of them, and what was measured."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = ReadinessDesk(installation, store, as_key)
            found = desk.compare(usecase, first=first, second=second)
    if as_json:
        print_json(found)
    else:
        print_report_table(_compared(found))


def _list_checks(*, as_json: bool) -> None:
    rows = [
        (each.id, each.family.value, each.severity.value, each.owner, each.title) for each in CHECKS
    ]
    names = ("id", "family", "severity", "owner", "title")
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table("Checks", names, rows)


def _print(report: ReadinessReport) -> None:
    say(report.line)
    say(f"{report.usecase}: from {report.stage} to {report.target}, release {report.release}\n")
    for result in report.judgement.results:
        say(f"{_sign(result):<6}  {result.check.id}  {result.check.title}")
        say(f"                {result.decision.evidence}")
        if not result.holds:
            say(f"                → {result.check.owner}: {result.check.remediation}")
    say("\nSignatures")
    needed = REQUIRED.get(report.target, ())
    for each in report.signatures:
        must = "needed" if each.role in needed else "not needed yet"
        reasons = f": {' '.join(each.reasons)}" if each.reasons else ""
        sign_ = "ok" if each.standing is Standing.FRESH else ""
        say(f"{sign_:<6}  {each.role} ({must}): {each.standing}{reasons}")


def _sign(result: Result) -> str:
    return SIGNS.get(result.outcome, "FAIL" if result.blocks else "warn")


def _document(report: ReadinessReport) -> dict[str, object]:
    return {
        "verdict": report.judgement.verdict,
        "line": report.line,
        "usecase": report.usecase,
        "stage": report.stage,
        "target": report.target,
        "release": report.release,
        "checks": [
            {
                "id": each.check.id,
                "outcome": each.outcome,
                "family": each.check.family,
                "severity": each.check.severity,
                "title": each.check.title,
                "evidence": each.decision.evidence,
                "estimate": each.decision.estimate,
                "why": each.check.why,
                "remediation": each.check.remediation,
                "owner": each.check.owner,
            }
            for each in report.judgement.results
        ],
        "signatures": report.signatures,
        "unsigned": [each.role for each in report.unsigned],
    }


def _compared(found: Comparison) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for dimension, claim in CLAIMS.items():
        said = (claim.says(found.first), claim.says(found.second))
        rows.append((dimension.value, "(as people say)", *said))
        rows += [
            ("", each.name, _cell(each, each.first), _cell(each, each.second))
            for each in found.of(dimension)
        ]
    return Table(
        f"{found.usecase}: {found.first} and {found.second}",
        ("", "", found.first.value, found.second.value),
        tuple(rows),
    )


def _cell(measure: Measure, figure: Estimate | Money | int | str | None) -> Cell:
    if figure is None:
        return "" if measure.unit is Unit.WORDS else "not measured"
    if isinstance(figure, Estimate):
        return Quantity(figure, ReportUnit(measure.unit.value))
    return figure
