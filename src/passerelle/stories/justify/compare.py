"""Two stages side by side: what is said of them, and what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from passerelle.core.statistics.bootstrap import bootstrap_mean
from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from passerelle.core.values.scope import Stage
from passerelle.core.values.verdicts import Outcome
from passerelle.domain.evaluation.scorers import METRICS, Judged, judge
from passerelle.domain.evaluation.summaries import summarise
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Entry
from passerelle.domain.readiness.claims import Comparison, Dimension, Measure, Unit
from passerelle.stories.justify.candidates import Inquiry, ReadinessParts, known
from passerelle.stories.justify.probes.evaluation import dataset_of
from passerelle.stories.justify.traffic import Seen, live_exchanges

SEED = 7
DRAWS = 1_000
FEWEST_PEOPLE = 5
"""From so many people on, their requests are drawn together; below, one by one."""
ANSWERED = 200
_METRICS = {metric.name: metric for metric in METRICS}
_SHOWN = (("right", Unit.SHARE), ("token_f1", Unit.SCORE), ("rouge_l", Unit.SCORE))
_ACTED = (Outcome.REDACTED, Outcome.BLOCKED)

Figure = Estimate | Money | int | str | None
Cell = tuple[Dimension, str, Unit, Figure]


def compare(
    granted: Granted, parts: ReadinessParts, usecase: str, *, first: Stage, second: Stage
) -> Comparison:
    """Measures both stages over everything that the ledger and the newest evaluations hold.

    Raises `NotFound` for an unknown use case, `InvalidRequest` for a stage compared
    with itself or one that answers nothing.
    """
    granted.require(Permission.READINESS_READ)
    if first is second or Stage.RETIRED in (first, second):
        raise InvalidRequest("Compare two different stages that answer.", param="second")
    organisation = granted.principal.scope.organisation
    candidate = known(parts, usecase)
    now_ms = parts.clock.now_ms()
    sides = [
        _side(Inquiry(parts, candidate, organisation, stage, stage, now_ms))
        for stage in (first, second)
    ]
    measures = tuple(
        Measure(dimension, name, unit, figure, other[3])
        for (dimension, name, unit, figure), other in zip(*sides, strict=True)
    )
    return Comparison(usecase, first, second, measures)


@dataclass(frozen=True, slots=True)
class _Traffic:
    """Live exchanges of one stage."""

    rows: Sequence[tuple[Entry, Seen]]

    @property
    def people(self) -> list[str]:
        return [entry.principal for entry, _ in self.rows]

    @property
    def costs(self) -> list[tuple[str, int]]:
        """Person and nano-USD, of exchanges whose price is known."""
        return [
            (entry.principal, seen.cost_nano_usd)
            for entry, seen in self.rows
            if seen.cost_nano_usd is not None
        ]


def _side(inquiry: Inquiry) -> list[Cell]:
    rows = [
        (entry, seen)
        for entry, seen in live_exchanges(
            inquiry.parts.ledger, inquiry.usecase, organisation=inquiry.organisation, since_ms=0
        )
        if seen.stage == inquiry.stage
    ]
    traffic = _Traffic(rows)
    return [
        *_goal(inquiry, traffic),
        *_data(inquiry, traffic),
        *_security(inquiry, traffic),
        *_cost(traffic),
        *_evaluation(inquiry),
    ]


def _goal(inquiry: Inquiry, traffic: _Traffic) -> list[Cell]:
    kpi = inquiry.candidate.charter.kpi
    seen = [each for _, each in traffic.rows]
    judged = [each for each in seen if each.judged]
    return [
        (Dimension.GOAL, f"{kpi.name}, in {kpi.unit}", Unit.WORDS, None),
        _share(Dimension.GOAL, "requests answered", [each.status == ANSWERED for each in seen]),
        _share(Dimension.GOAL, "answers supported", [not each.unsupported for each in judged]),
    ]


def _data(inquiry: Inquiry, traffic: _Traffic) -> list[Cell]:
    index = inquiry.candidate.index
    served = inquiry.stage in inquiry.candidate.setups and index is not None
    records = index.documents() if served and index is not None else None
    return [
        (Dimension.DATA, "live requests", Unit.COUNT, len(traffic.rows) or None),
        (
            Dimension.DATA,
            "people and services asking",
            Unit.COUNT,
            len(set(traffic.people)) or None,
        ),
        (
            Dimension.DATA,
            "documents",
            Unit.COUNT,
            None if records is None else sum(each.status == "indexed" for each in records),
        ),
        (
            Dimension.DATA,
            "passages",
            Unit.COUNT,
            None if records is None else sum(each.passages for each in records),
        ),
    ]


def _security(inquiry: Inquiry, traffic: _Traffic) -> list[Cell]:
    policy = inquiry.candidate.at(inquiry.stage).policy
    seen = [each for _, each in traffic.rows]
    acted = [any(guard.outcome in _ACTED for guard in each.guards) for each in seen]
    unread = [guard.outcome is Outcome.NOT_SCANNED for each in seen for guard in each.guards]
    return [
        (Dimension.SECURITY, "texts that a guard cannot check", Unit.WORDS, policy.unscanned),
        (Dimension.SECURITY, "unsupported answers", Unit.WORDS, policy.unsupported),
        _share(Dimension.SECURITY, "requests in which a guard acted", acted),
        _share(Dimension.SECURITY, "texts not checked", unread),
    ]


def _cost(traffic: _Traffic) -> list[Cell]:
    costs = traffic.costs
    people = [person for person, _ in costs]
    nano = [float(cost) for _, cost in costs]
    groups = people if len(set(people)) >= FEWEST_PEOPLE else None
    mean = bootstrap_mean(nano, groups=groups, draws=DRAWS, seed=SEED) if nano else None
    total = Money(sum(cost for _, cost in costs)) if costs else None
    return [
        (Dimension.COST, "cost of a request, mean", Unit.NANO_USD, mean),
        (Dimension.COST, "spent so far", Unit.MONEY, total),
    ]


def _evaluation(inquiry: Inquiry) -> list[Cell]:
    judged = _judged(inquiry)
    scores: list[Cell] = [
        (
            Dimension.EVALUATION,
            _METRICS[name].title,
            unit,
            summarise(_METRICS[name], judged) if judged else None,
        )
        for name, unit in _SHOWN
    ]
    return scores


def _judged(inquiry: Inquiry) -> list[Judged]:
    """Of the last finished run of exactly what the stage serves."""
    if inquiry.stage not in inquiry.candidate.setups:
        return []
    runs = inquiry.parts.runs.list(inquiry.usecase, organisation=inquiry.organisation)
    ours = (
        run for run in runs if run.finished_at_ms is not None and run.release == inquiry.release
    )
    run = next(ours, None)
    if run is None:
        return []
    cases = {case.id: case for case in dataset_of(inquiry).cases}
    trials = inquiry.parts.runs.trials(run.id)
    return [judge(cases[trial.case_id], trial) for trial in trials if trial.case_id in cases]


def _share(dimension: Dimension, name: str, holds: Sequence[bool]) -> Cell:
    return dimension, name, Unit.SHARE, wilson(sum(holds), len(holds)) if holds else None
