"""Did the same cases come out differently?"""

import math


def mcnemar(lost: int, won: int) -> float:
    """Exact two-sided p-value for pairs that changed in one direction and in the other.

    1 when none changed. Source: McNemar 1947, in the exact binomial form: under no
    difference each changed pair is a toss of a fair coin.
    """
    changed = lost + won
    ways = sum(math.comb(changed, few) for few in range(min(lost, won) + 1))
    return min(1.0, 2 * ways / (1 << changed))
