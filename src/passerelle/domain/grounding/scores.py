"""From what was found for a claim to one number."""

import math
from dataclasses import dataclass

THRESHOLD = 0.5
"""Score from which on a claim is supported."""

_MOST_LOST = 2
_STEEPNESS = 3.0
_MIDDLE = 0.65
_OPPOSED = 0.25
"""A contradicted claim never scores above this."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the passages hold of one claim; shares are 0 to 1."""

    covered: float
    """Share of its content words that stand anywhere in the passages."""
    nearest: float
    """Share of their weight that stands in the best single sentence."""
    paired: float
    """Share of its neighbouring words that are neighbours in a passage too."""
    novel_words: int
    """Content words that stand nowhere."""
    novel_names: float
    """Share of its names that stand nowhere."""
    lost_numbers: int
    """Numbers that agree with none of the passages."""
    far_numbers: int
    """Numbers that agree with none of the best sentence and its neighbours."""
    opposed: bool
    """The best sentence says the opposite: another number of the same kind, or a negation."""


def score_of(signals: Signals) -> float:
    """0 to 1; `THRESHOLD` and more is supported.

    A sum of signals with hand-set round weights, through a logistic curve. The form was
    chosen on tuning halves (groups by hash) of public sets, the place of the threshold on
    our own contrast pairs and the tuning half of MTRAG's human ratings; neither half is
    part of the figures in docs/measurements.md.
    """
    total = (
        signals.covered
        + 0.8 * signals.nearest
        + 0.5 * signals.paired
        - 0.05 * signals.novel_words
        - 0.5 * signals.novel_names
        - 0.5 * min(_MOST_LOST, signals.lost_numbers)
        - 0.1 * min(1, signals.far_numbers)
    )
    score = 1 / (1 + math.exp(-_STEEPNESS * (total - _MIDDLE)))
    return min(score, _OPPOSED) if signals.opposed else score
