import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu  # type: ignore[import-untyped]

from passerelle.core.statistics.classification import (
    auroc,
    balanced_accuracy,
    best_threshold,
    f1,
)

rows = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60)


@given(rows)
def test_auroc_agrees_with_mann_whitney(pairs: list[tuple[bool, int]]) -> None:
    labels = [label for label, _ in pairs]
    scores = [float(score) for _, score in pairs]
    assume(any(labels) and not all(labels))
    positives = [score for label, score in zip(labels, scores, strict=True) if label]
    negatives = [score for label, score in zip(labels, scores, strict=True) if not label]
    u = mannwhitneyu(positives, negatives, method="asymptotic").statistic
    assert auroc(labels, scores) == pytest.approx(u / (len(positives) * len(negatives)))


def test_known_values() -> None:
    labels = [True, True, False, False, False]
    decisions = [True, False, True, False, False]
    assert balanced_accuracy(labels, decisions) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert f1(labels, decisions) == pytest.approx(0.5)
    assert auroc(labels, [0.5] * 5) == 0.5


def test_one_class_alone_has_no_number() -> None:
    assert math.isnan(auroc([True, True], [0.1, 0.2]))
    assert math.isnan(balanced_accuracy([False], [False]))
    assert math.isnan(best_threshold([False], [0.3]))
    assert math.isnan(f1([False], [False]))
    assert f1([True, False], [False, False]) == 0


@given(rows)
def test_no_other_threshold_is_better(pairs: list[tuple[bool, int]]) -> None:
    labels = [label for label, _ in pairs]
    scores = [float(score) for _, score in pairs]
    assume(any(labels) and not all(labels))
    threshold = best_threshold(labels, scores)
    chosen = balanced_accuracy(labels, [score >= threshold for score in scores])
    others = [
        balanced_accuracy(labels, [score >= other - 0.5 for score in scores]) for other in range(8)
    ]
    assert chosen == pytest.approx(max(others))
