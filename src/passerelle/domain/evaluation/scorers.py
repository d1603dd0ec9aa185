"""From one case and its trial to what was good about it, and what each figure means."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.overlap import (
    covered,
    holds,
    rouge_l,
    token_f1,
    without_markers,
)
from passerelle.domain.evaluation.runs import Trial

ANSWERED = 200


class Unit(StrEnum):
    """What a figure counts."""

    SHARE = "share"
    """Of cases, 0 to 1."""
    SCORE = "score"
    """Mean over cases, 0 to 1."""
    MILLISECONDS = "ms"
    NANO_USD = "nano_usd"


class Summary(StrEnum):
    """How the values of many cases become one figure."""

    SHARE = "share"
    MEAN = "mean"
    MEDIAN = "median"
    TAIL = "95th percentile"


@dataclass(frozen=True, slots=True)
class Judged:
    """One case with its trial; text scores are 0 where nothing was answered."""

    case: Case
    trial: Trial
    right: bool
    """Answerable: it was answered, and the answer holds the reference. Else: it was refused."""
    token_f1: float
    rouge_l: float
    covered: float
    cited: bool
    """It cites at least one of the case's documents."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure says."""

    name: str
    """Stable, for machines."""
    title: str
    meaning: str
    unit: Unit
    summary: Summary
    higher_is_better: bool = True
    has_baseline: bool = True
    """A trivial answerer can be scored the same way."""


METRICS: tuple[Metric, ...] = (
    Metric(
        "right",
        "Right answers",
        "Share of all cases: an answerable one was answered with every number and identifier and"
        " at least half of the content words of its reference; an unanswerable one was refused.",
        Unit.SHARE,
        Summary.SHARE,
    ),
    Metric(
        "token_f1",
        "Token F1",
        "Answerable cases: words shared with the reference, as SQuAD counts them.",
        Unit.SCORE,
        Summary.MEAN,
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "Answerable cases: longest common subsequence with the reference.",
        Unit.SCORE,
        Summary.MEAN,
    ),
    Metric(
        "covered",
        "Reference covered",
        "Answerable cases: share of the reference's content words that stand in the answer.",
        Unit.SCORE,
        Summary.MEAN,
    ),
    Metric(
        "cited",
        "Citation correct",
        "Answerable cases with documents: the answer cites at least one of them.",
        Unit.SHARE,
        Summary.SHARE,
    ),
    Metric(
        "answered",
        "Answerable answered",
        "Answerable cases that were not refused.",
        Unit.SHARE,
        Summary.SHARE,
    ),
    Metric(
        "refused",
        "Unanswerable refused",
        "Unanswerable cases that were refused.",
        Unit.SHARE,
        Summary.SHARE,
    ),
    Metric(
        "decided",
        "Refusal decided rightly",
        "All cases: refused exactly when unanswerable.",
        Unit.SHARE,
        Summary.SHARE,
    ),
    Metric(
        "grounded",
        "Grounded answers",
        "Answers that could be checked: every claim is supported by a retrieved passage.",
        Unit.SHARE,
        Summary.SHARE,
        has_baseline=False,
    ),
    Metric(
        "latency",
        "Latency, median",
        "From question to checked answer, the model included.",
        Unit.MILLISECONDS,
        Summary.MEDIAN,
        higher_is_better=False,
        has_baseline=False,
    ),
    Metric(
        "latency_tail",
        "Latency, 95th percentile",
        "From question to checked answer, the model included.",
        Unit.MILLISECONDS,
        Summary.TAIL,
        higher_is_better=False,
        has_baseline=False,
    ),
    Metric(
        "cost",
        "Cost of a case, mean",
        "Cases whose price is known.",
        Unit.NANO_USD,
        Summary.MEAN,
        higher_is_better=False,
        has_baseline=False,
    ),
)
"""In the order in which they are shown; the first decides whether a case broke."""

_VALUES: dict[str, Callable[[Judged], float | None]] = {
    "right": lambda each: each.right,
    "token_f1": lambda each: each.token_f1 if each.case.answerable else None,
    "rouge_l": lambda each: each.rouge_l if each.case.answerable else None,
    "covered": lambda each: each.covered if each.case.answerable else None,
    "cited": lambda each: each.cited if each.case.documents else None,
    "answered": lambda each: not each.trial.refused if each.case.answerable else None,
    "refused": lambda each: None if each.case.answerable else each.trial.refused,
    "decided": lambda each: each.trial.refused is not each.case.answerable,
    "grounded": lambda each: _grounded(each.trial),
    "latency": lambda each: each.trial.latency_ms,
    "latency_tail": lambda each: each.trial.latency_ms,
    "cost": lambda each: each.trial.cost_nano_usd,
}


def value(metric: Metric, judged: Judged) -> float | None:
    """The case's value, 0 or 1 for shares; None where the metric says nothing about it."""
    return _VALUES[metric.name](judged)


def judge(case: Case, trial: Trial) -> Judged:
    """Scores one trial."""
    said = "" if trial.refused or trial.status != ANSWERED else without_markers(trial.answer)
    right = bool(said) and holds(said, case.reference) if case.answerable else trial.refused
    return Judged(
        case=case,
        trial=trial,
        right=right,
        token_f1=token_f1(said, case.reference),
        rouge_l=rouge_l(said, case.reference),
        covered=covered(said, case.reference),
        cited=bool(said) and not set(case.documents).isdisjoint(trial.cited_documents),
    )


def trivial(cases: Sequence[Case]) -> dict[str, tuple[Trial, ...]]:
    """What answerers would say that know nothing: a score must beat theirs to mean anything."""
    named = Counter(document for case in cases for document in case.documents)
    usual = tuple(document for document, _ in named.most_common(1))
    return {
        "always refuse": tuple(_said(case, "", (), refused=True) for case in cases),
        "repeat the question": tuple(
            _said(case, case.question, usual, refused=False) for case in cases
        ),
    }


def _said(case: Case, answer: str, cited: tuple[str, ...], *, refused: bool) -> Trial:
    return Trial(
        case_id=case.id,
        answer=answer,
        cited_documents=cited,
        support=Support.NOT_SCANNED,
        grounding_score=0.0,
        latency_ms=0.0,
        cost_nano_usd=0,
        refused=refused,
        status=ANSWERED,
        exchange_id="",
    )


def _grounded(trial: Trial) -> bool | None:
    if trial.refused or trial.support is Support.NOT_SCANNED:
        return None
    return trial.support is Support.SUPPORTED
