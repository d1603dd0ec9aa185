"""From many trials to figures that know how sure they are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from passerelle.core.statistics.bootstrap import bootstrap, bootstrap_mean, quantile
from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.estimates import Estimate
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Run, Trial
from passerelle.domain.evaluation.scorers import (
    METRICS,
    Judged,
    Metric,
    Summary,
    judge,
    trivial,
    value,
)

SEED = 7
DRAWS = 2000
OVERALL = ""
"""Slice of the scores over all cases."""
_OF_SLICES = ("right", "token_f1", "cited", "decided")
_PLACES = {Summary.MEDIAN: 0.5, Summary.TAIL: 0.95}


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an answerer reaches that knows nothing."""

    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Score:
    """One metric over one slice."""

    metric: Metric
    slice: str
    """Empty for all cases."""
    estimate: Estimate
    """`n` counts the cases that the metric says something about; NaN when there is none."""
    baselines: tuple[Baseline, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run with its cases, its trials and what they amount to."""

    run: Run
    dataset: Dataset
    judged: tuple[Judged, ...]
    """In the order of the dataset; without the cases that have no trial yet."""
    scores: tuple[Score, ...]
    """Overall first, then slice by slice."""
    seed: int

    def score(self, name: str, slice_: str = OVERALL) -> Estimate:
        """The figure of that name. Raises KeyError when there is none."""
        for each in self.scores:
            if each.metric.name == name and each.slice == slice_:
                return each.estimate
        raise KeyError(name)

    @property
    def cost_nano_usd(self) -> int:
        """Of all trials whose price is known."""
        return sum(each.trial.cost_nano_usd or 0 for each in self.judged)

    @property
    def unpriced(self) -> int:
        """Trials whose price nobody knows."""
        return sum(each.trial.cost_nano_usd is None for each in self.judged)


def evaluated(
    run: Run, dataset: Dataset, trials: Sequence[Trial], *, seed: int = SEED
) -> Evaluation:
    """Scores what has been asked so far; trials of other cases are left out.

    Raises ValueError when the run was made on another version of the dataset.
    """
    if run.dataset != dataset.version:
        raise ValueError("the run was made on another version of the dataset")
    known = {trial.case_id: trial for trial in trials}
    judged = tuple(judge(case, known[case.id]) for case in dataset.cases if case.id in known)
    return Evaluation(run, dataset, judged, _scores(judged, seed), seed)


def _scores(judged: Sequence[Judged], seed: int) -> tuple[Score, ...]:
    scores = _of_group(OVERALL, judged, METRICS, seed)
    of_slices = [metric for metric in METRICS if metric.name in _OF_SLICES]
    for name in dict.fromkeys(each.case.slice for each in judged):
        group = [each for each in judged if each.case.slice == name]
        scores += _of_group(name, group, of_slices, seed)
    return tuple(scores)


def _of_group(
    name: str, judged: Sequence[Judged], metrics: Sequence[Metric], seed: int
) -> list[Score]:
    blind = {
        answerer: [judge(each.case, trial) for each, trial in zip(judged, trials, strict=True)]
        for answerer, trials in trivial([each.case for each in judged]).items()
    }
    return [
        Score(
            metric,
            name,
            summarise(metric, judged, seed=seed),
            tuple(
                Baseline(answerer, summarise(metric, rows, seed=seed))
                for answerer, rows in blind.items()
                if metric.has_baseline
            ),
        )
        for metric in metrics
    ]


def summarise(metric: Metric, judged: Sequence[Judged], *, seed: int = SEED) -> Estimate:
    """Wilson for shares, bootstrap over cases for everything else."""
    values = [found for each in judged if (found := value(metric, each)) is not None]
    if metric.summary is Summary.SHARE:
        return wilson(sum(map(bool, values)), len(values))
    if not values:
        return Estimate(math.nan, math.nan, math.nan, 0, f"bootstrap 95%, {DRAWS} draws")
    if metric.summary is Summary.MEAN:
        return bootstrap_mean(values, draws=DRAWS, seed=seed)
    place = _PLACES[metric.summary]
    return bootstrap(lambda rows: quantile(sorted(rows), place), values, draws=DRAWS, seed=seed)
