import math

import pytest

from passerelle.core.statistics.bootstrap import bootstrap_mean
from passerelle.core.statistics.intervals import wilson
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.summaries import evaluated
from tests.domain.trials import CASES, FEE, MOON, REFUND, answered, evaluation, refused, run_of


def test_shares_are_wilson_and_means_bootstrap_over_the_cases_that_they_are_about() -> None:
    found = evaluation(answered(FEE), refused(REFUND), refused(MOON))
    assert found.score("right") == wilson(2, 3)
    assert found.score("answered") == wilson(1, 2)
    assert found.score("refused") == wilson(1, 1)
    assert found.score("decided") == wilson(2, 3)
    assert found.score("token_f1") == bootstrap_mean([1.0, 0.0], seed=found.seed)


def test_latency_is_told_by_its_median_and_its_tail() -> None:
    trials = [answered(case, latency_ms=ms) for case, ms in zip(CASES, (1, 2, 30), strict=True)]
    found = evaluation(*trials)
    assert found.score("latency").value == 2
    assert found.score("latency_tail").value == pytest.approx(27.2)
    assert found.score("latency").n == 3


def test_every_quality_score_stands_beside_what_knowing_nothing_reaches() -> None:
    found = evaluation(answered(FEE), answered(REFUND), refused(MOON))
    (right, *_) = found.scores
    assert {each.name: each.estimate.value for each in right.baselines} == {
        "always refuse": pytest.approx(1 / 3),
        "repeat the question": pytest.approx(1 / 3),  # it holds half of `refunds take ten days`
    }
    for score in found.scores:
        assert bool(score.baselines) is score.metric.has_baseline


def test_slices_are_scored_on_their_own_cases() -> None:
    found = evaluation(answered(FEE), refused(REFUND), refused(MOON))
    assert found.score("right", "facts") == wilson(1, 2)
    assert found.score("right", "far") == wilson(1, 1)
    assert math.isnan(found.score("token_f1", "far").value)
    assert found.score("token_f1", "far").n == 0
    with pytest.raises(KeyError):
        found.score("latency", "far")


def test_a_price_that_nobody_knows_is_counted_and_not_taken_for_zero() -> None:
    found = evaluation(answered(FEE), answered(REFUND, cost_nano_usd=None), refused(MOON))
    assert (found.cost_nano_usd, found.unpriced) == (200, 1)
    assert (found.score("cost").value, found.score("cost").n) == (100, 2)


def test_the_same_trials_give_the_same_figures() -> None:
    trials = (answered(FEE), refused(REFUND), refused(MOON))
    assert evaluation(*trials).scores == evaluation(*reversed(trials)).scores


def test_a_run_that_has_asked_some_cases_is_scored_on_those() -> None:
    found = evaluation(refused(MOON))
    assert [each.case.id for each in found.judged] == ["moon"]
    assert found.score("right").n == 1


def test_a_run_without_trials_has_figures_that_say_so() -> None:
    assert [score.estimate.n for score in evaluation().scores] == [0] * 12


def test_trials_are_not_held_against_another_version_of_the_cases() -> None:
    run = run_of(Dataset("fees", CASES))
    with pytest.raises(ValueError, match="another version"):
        evaluated(run, Dataset("fees", (FEE,)), ())
