"""How well a use case answers its cases."""

import asyncio
from collections.abc import Sequence

import msgspec
from litestar.params import FromPath, FromQuery

from passerelle.adapters.api.figures import Estimate, show_estimate
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.adapters.api.usecases import view_of
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation import runs, summaries
from passerelle.domain.evaluation.scorers import Judged, Unit
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.improve.scores import Scored, list_runs, score_run


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over the cases."""

    id: str
    model: str
    dataset: str
    release: str
    prompt: str
    started_at_ms: int
    finished_at_ms: int | None
    """Null while some case has no trial."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What an answerer reaches that knows nothing."""

    name: str
    estimate: Estimate


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over one group of cases."""

    metric: str
    title: str
    meaning: str
    unit: Unit
    higher_is_better: bool
    slice: str
    """Empty for all cases."""
    estimate: Estimate
    baselines: list[Baseline]


class FailedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was not answered rightly."""

    id: str
    slice: str
    provenance: str
    question: str
    reference: str
    answerable: bool
    documents: list[str]
    answer: str
    cited_documents: list[str]
    cited: bool
    refused: bool
    support: Support
    status: int
    token_f1: float
    exchange_id: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run and what it amounts to."""

    usecase: str
    run: Run
    runs: list[Run]
    """The last ones, newest first, unfinished ones included."""
    cases: int
    """Asked in this run."""
    unasked: int
    """That came after it."""
    scores: list[Score]
    failed: list[FailedCase]
    cost_nano_usd: int
    """Of the trials whose price is known."""
    unpriced: int
    seed: int


async def show_evaluation(
    granted: Granted, parts: ApiParts, *, usecase: FromPath[str], run: FromQuery[str] = ""
) -> Evaluation:
    """The last finished run, or the named one, with intervals, groups and failed cases."""
    view_of(granted, parts, usecase)
    kept, dataset = parts.promotion.runs, parts.promotion.dataset(usecase)
    # A second of arithmetic.
    scored = await asyncio.to_thread(score_run, granted, kept, dataset, run_id=run)
    return _evaluation(scored, list_runs(granted, kept, usecase))


def _evaluation(scored: Scored, known: Sequence[runs.Run]) -> Evaluation:
    found = scored.evaluation
    return Evaluation(
        usecase=found.run.usecase,
        run=_run(found.run),
        runs=[_run(each) for each in known],
        cases=len(found.judged),
        unasked=len(scored.unasked),
        scores=[_score(score) for score in found.scores],
        failed=[_failed(each) for each in found.judged if not each.right],
        cost_nano_usd=found.cost_nano_usd,
        unpriced=found.unpriced,
        seed=found.seed,
    )


def _run(run: runs.Run) -> Run:
    return Run(
        id=run.id,
        model=run.model_name,
        dataset=run.dataset,
        release=run.release,
        prompt=run.prompt,
        started_at_ms=run.started_at_ms,
        finished_at_ms=run.finished_at_ms,
    )


def _score(score: summaries.Score) -> Score:
    return Score(
        metric=score.metric.name,
        title=score.metric.title,
        meaning=score.metric.meaning,
        unit=score.metric.unit,
        higher_is_better=score.metric.higher_is_better,
        slice=score.slice,
        estimate=show_estimate(score.estimate),
        baselines=[
            Baseline(name=each.name, estimate=show_estimate(each.estimate))
            for each in score.baselines
        ],
    )


def _failed(judged: Judged) -> FailedCase:
    case, trial = judged.case, judged.trial
    return FailedCase(
        id=case.id,
        slice=case.slice,
        provenance=case.provenance,
        question=case.question,
        reference=case.reference,
        answerable=case.answerable,
        documents=list(case.documents),
        answer=trial.answer,
        cited_documents=list(trial.cited_documents),
        cited=judged.cited,
        refused=trial.refused,
        support=trial.support,
        status=trial.status,
        token_f1=judged.token_f1,
        exchange_id=trial.exchange_id,
    )


ROUTES = (read("/evaluations/{usecase:str}", Permission.EVALUATION_READ, show_evaluation),)
