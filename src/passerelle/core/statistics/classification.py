"""How well do scores and decisions agree with labels?"""

import math
from collections.abc import Sequence
from itertools import pairwise


def auroc(labels: Sequence[bool], scores: Sequence[float]) -> float:
    """Chance that a positive scores above a negative; a tie counts half.

    NaN when one class is missing. Source: Hanley and McNeil 1982 (Mann-Whitney U).
    """
    pairs = sorted(zip(scores, labels, strict=True), key=lambda pair: pair[0])
    positives = sum(1 for _, label in pairs if label)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        return math.nan
    below, wins, at = 0, 0.0, 0
    while at < len(pairs):
        tied = at
        hits = 0
        while tied < len(pairs) and pairs[tied][0] == pairs[at][0]:
            hits += pairs[tied][1]
            tied += 1
        misses = tied - at - hits
        wins += hits * (below + misses / 2)
        below += misses
        at = tied
    return wins / (positives * negatives)


def balanced_accuracy(labels: Sequence[bool], decisions: Sequence[bool]) -> float:
    """Mean of the recalls of both classes; NaN when one class is missing."""
    positives = sum(1 for label in labels if label)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    pairs = list(zip(labels, decisions, strict=True))
    found = sum(1 for label, decision in pairs if label and decision)
    left = sum(1 for label, decision in pairs if not label and not decision)
    return (found / positives + left / negatives) / 2


def f1(labels: Sequence[bool], decisions: Sequence[bool]) -> float:
    """Harmonic mean of precision and recall of the positive class; 0 when nothing is right.

    NaN when there is no positive, neither in labels nor in decisions.
    """
    pairs = list(zip(labels, decisions, strict=True))
    right = sum(1 for label, decision in pairs if label and decision)
    wrong = sum(1 for label, decision in pairs if label != decision)
    return 2 * right / (2 * right + wrong) if right or wrong else math.nan


def best_threshold(labels: Sequence[bool], scores: Sequence[float]) -> float:
    """The score from which on `positive` gives the best balanced accuracy.

    Half-way between neighbouring scores; the lowest of equals. Choose it on rows that
    are not reported. NaN when one class is missing.
    """
    positives = sum(1 for label in labels if label)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    pairs = sorted(zip(scores, labels, strict=True), key=lambda pair: pair[0])
    best, threshold = 0.5, pairs[0][0]
    found, left = positives, 0
    for (score, label), (following, _) in pairwise(pairs):
        found -= label
        left += not label
        accuracy = (found / positives + left / negatives) / 2
        if following > score and accuracy > best:
            best, threshold = accuracy, (score + following) / 2
    return threshold
