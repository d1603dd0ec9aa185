from dataclasses import replace

import pytest

from passerelle.core.statistics.paired import mcnemar
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.comparison import Comparison, compare
from tests.domain.trials import CASES, FEE, MOON, REFUND, answered, evaluation, refused


def moved(comparison: Comparison, name: str) -> float:
    (found,) = (each for each in comparison.differences if each.metric.name == name)
    return found.estimate.value


def test_cases_that_broke_and_cases_that_mended_are_named() -> None:
    comparison = compare(
        evaluation(answered(FEE), refused(REFUND), refused(MOON)),
        evaluation(refused(FEE), answered(REFUND), answered(MOON, "Far."), run="run_2"),
    )
    assert comparison.broken == ("fee", "moon")
    assert comparison.mended == ("refund",)
    assert comparison.flipped == ("fee", "moon", "refund")
    assert comparison.p_value == mcnemar(2, 1)
    assert (comparison.first.id, comparison.second.id) == ("run_1", "run_2")


def test_a_run_compared_with_itself_shows_nothing() -> None:
    one = evaluation(answered(FEE), refused(REFUND), refused(MOON))
    comparison = compare(one, one)
    assert (comparison.flipped, comparison.p_value) == ((), 1.0)
    for difference in comparison.differences:
        assert (difference.estimate.low, difference.estimate.high) == (0, 0)


def test_differences_are_second_minus_first_over_pairs() -> None:
    comparison = compare(
        evaluation(refused(FEE), refused(REFUND), refused(MOON)),
        evaluation(answered(FEE, cost_nano_usd=400), refused(REFUND), refused(MOON)),
    )
    assert moved(comparison, "right") == pytest.approx(1 / 3)
    assert moved(comparison, "token_f1") == pytest.approx(1 / 2)
    assert moved(comparison, "cost") == pytest.approx(100)


def test_a_case_whose_text_changed_is_not_paired() -> None:
    other: Case = replace(FEE, reference="The fee is 5 percent.")
    comparison = compare(
        evaluation(answered(FEE), answered(REFUND)),
        evaluation(refused(other), answered(REFUND), refused(MOON), cases=(other, *CASES[1:])),
    )
    assert comparison.pairs == 1
    assert set(comparison.unpaired) == {"fee", "moon"}
    assert comparison.broken == ()


def test_a_price_known_on_one_side_only_is_no_pair() -> None:
    comparison = compare(
        evaluation(answered(FEE), answered(REFUND, cost_nano_usd=None)),
        evaluation(answered(FEE), answered(REFUND)),
    )
    (cost,) = (each for each in comparison.differences if each.metric.name == "cost")
    assert cost.estimate.n == 1
