"""Can we pay for it, and does it bear the load?"""

from passerelle.core.values.evidence import Evidence
from passerelle.core.values.money import NANO
from passerelle.domain.readiness.checks import (
    Check,
    Decision,
    Family,
    Severity,
    about,
    failed,
    not_applicable,
    passed,
    too_old,
)
from passerelle.domain.readiness.facts import Facts, Spending, Unknown
from passerelle.domain.readiness.loads import LOAD_BAR, read_load, shortfalls

PROJECTION_DAYS = 30
FULL_SIZE_USERS = 10_000
"""The size for which the cost must be known before anything is scaled."""
LOAD_DAYS = 90
CALIBRATED_FACT = "calibrated"
"""Fact of a projection: true when its sample is large and spread enough to be believed."""
DRAWBACKS_FACT = "warnings"
"""Fact of a projection: what is wrong with its sample, a list of sentences."""


def _priced(spending: Spending, facts: Facts) -> Decision:
    del facts
    if spending.price_known:
        return passed(f"The price of {spending.route} is known.")
    return failed(f"Nobody knows the price of {spending.route}: no budget in money holds for it.")


def _limited(spending: Spending, facts: Facts) -> Decision:
    del facts
    if spending.limited:
        return passed("There is a limit in money.")
    return failed("There is no limit for a day or a month.")


def _projected(projection: Evidence, facts: Facts) -> Decision:
    if reason := _why_void(projection, facts, days=PROJECTION_DAYS):
        return failed(f"The projection no longer counts. {reason}")
    users, middle = projection.facts.get("users"), projection.facts.get("p50_nano_usd")
    if not isinstance(users, int) or users < FULL_SIZE_USERS:
        told = "an unknown number of" if not isinstance(users, int) else f"{users:,}"
        return failed(f"The newest projection is for {told} users, not {FULL_SIZE_USERS:,}.")
    figure = projection.estimate
    if figure is not None:
        told = (
            f"{figure.value:,.2f} USD a month for {users:,} users [{figure.low:,.2f}, "
            f"{figure.high:,.2f}], n = {figure.n}, {figure.method}."
        )
    elif isinstance(middle, int):
        told = (
            f"{middle / NANO:,.2f} USD a month for {users:,} users; no interval can be given yet."
        )
    else:
        told = f"A projection of this release for {users:,} users is there, without a figure."
    return passed(told, figure)


def _calibrated(facts: Facts) -> Decision:
    projection = facts.projection
    if isinstance(projection, Unknown):
        return not_applicable("There is no projection to judge.")
    if projection.facts.get(CALIBRATED_FACT) is True:
        return passed("The sample is large and spread enough.")
    told = projection.facts.get(DRAWBACKS_FACT)
    drawbacks = " ".join(map(str, told)) if isinstance(told, list) else ""
    return failed(drawbacks or "The projection does not say that its sample can be believed.")


def _bears(load: Evidence, facts: Facts) -> Decision:
    if reason := _why_void(load, facts, days=LOAD_DAYS):
        return failed(f"The load test no longer counts. {reason}")
    figures = read_load(load.facts)
    if figures is None:
        return failed("The load test left no figures that can be read.")
    faults = shortfalls(figures)
    told = f"{figures}. {' '.join(faults)}".strip()
    return (failed if faults else passed)(told, figures.p99_ms)


def _why_void(evidence: Evidence, facts: Facts, *, days: int) -> str:
    if evidence.subject not in facts.releases:
        return "It was made on another release: a part of it has changed since."
    if evidence.expires_at_ms is not None and facts.now_ms >= evidence.expires_at_ms:
        return "It has expired."
    return too_old(evidence.at_ms, facts, days=days)


CHECKS = (
    Check(
        id="FIN-01",
        family=Family.COST,
        title="The price of the model is known",
        severity=Severity.BLOCKER,
        owner="developer",
        why="What has no price is spent without anybody seeing it.",
        remediation='Set prices = "PROVIDER" of the price list in [providers.NAME].',
        decide=about(lambda facts: facts.spending, _priced),
    ),
    Check(
        id="FIN-02",
        family=Family.COST,
        title="The cost at full size is projected",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="The bill is the surprise that ends most pilots.",
        remediation="Run passerelle cost project NAME --users 10000.",
        decide=about(lambda facts: facts.projection, _projected),
    ),
    Check(
        id="FIN-03",
        family=Family.COST,
        title="The projection's sample can be believed",
        severity=Severity.WARNING,
        owner="business_owner",
        why="A few hundred requests of one afternoon miss the truth most of the time.",
        remediation="Let more people ask on more days, then project again.",
        decide=_calibrated,
    ),
    Check(
        id="FIN-04",
        family=Family.COST,
        title="There is a budget",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="A loop in somebody's script can spend a year's money in a night.",
        remediation="Set per_day_usd or per_month_usd in [budget].",
        decide=about(lambda facts: facts.spending, _limited),
    ),
    Check(
        id="CAP-01",
        family=Family.CAPACITY,
        title=f"It bears {LOAD_BAR.rps:g} requests a second within {LOAD_BAR.p99_ms:g} ms",
        severity=Severity.BLOCKER,
        owner="developer",
        why="People give up on what is slow, and slowness comes with success.",
        remediation=f"Run passerelle loadtest NAME --rps {LOAD_BAR.rps:g} --duration 30.",
        decide=about(lambda facts: facts.load, _bears),
    ),
)
