"""The same cases answered twice: which broke, which mended, and is the difference real?"""

from dataclasses import dataclass

from passerelle.core.statistics.bootstrap import paired_bootstrap
from passerelle.core.statistics.paired import mcnemar
from passerelle.core.values.estimates import Estimate
from passerelle.domain.evaluation.runs import Run
from passerelle.domain.evaluation.scorers import METRICS, Judged, Metric, value
from passerelle.domain.evaluation.summaries import DRAWS, SEED, Evaluation

_COMPARED = ("right", "token_f1", "rouge_l", "covered", "cited", "decided", "cost")


@dataclass(frozen=True, slots=True)
class Difference:
    """How a metric moved, in its own unit."""

    metric: Metric
    estimate: Estimate
    """Mean of second − first over the pairs; an interval without 0 is a real difference."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, case by case."""

    first: Run
    """What is in place."""
    second: Run
    """What might take its place."""
    pairs: int
    """Cases that are the same in both datasets and were asked in both runs."""
    unpaired: tuple[str, ...]
    """Ids of cases that only one of the two has, or whose text has changed."""
    broken: tuple[str, ...]
    """Ids of cases that were right and no longer are."""
    mended: tuple[str, ...]
    """Ids of cases that were not right and now are."""
    p_value: float
    """Exact McNemar test of broken against mended."""
    differences: tuple[Difference, ...]
    seed: int

    @property
    def flipped(self) -> tuple[str, ...]:
        """Broken and mended together."""
        return self.broken + self.mended


def compare(first: Evaluation, second: Evaluation, *, seed: int = SEED) -> Comparison:
    """Pairs the two by case; what cannot be paired is named, not guessed."""
    before = {each.case.id: each for each in first.judged}
    after = {each.case.id: each for each in second.judged}
    pairs = [
        (before[name], after[name])
        for name in before
        if name in after and before[name].case == after[name].case
    ]
    paired = {one.case.id for one, _ in pairs}
    broken = tuple(one.case.id for one, two in pairs if one.right and not two.right)
    mended = tuple(one.case.id for one, two in pairs if two.right and not one.right)
    return Comparison(
        first=first.run,
        second=second.run,
        pairs=len(pairs),
        unpaired=tuple(name for name in {**before, **after} if name not in paired),
        broken=broken,
        mended=mended,
        p_value=mcnemar(len(broken), len(mended)),
        differences=tuple(
            _difference(metric, pairs, seed) for metric in METRICS if metric.name in _COMPARED
        ),
        seed=seed,
    )


def _difference(metric: Metric, pairs: list[tuple[Judged, Judged]], seed: int) -> Difference:
    values = [(value(metric, one), value(metric, two)) for one, two in pairs]
    known = [(one, two) for one, two in values if one is not None and two is not None]
    return Difference(
        metric,
        paired_bootstrap(
            [two for _, two in known], [one for one, _ in known], draws=DRAWS, seed=seed
        ),
    )
