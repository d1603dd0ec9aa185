import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as oracle  # type: ignore[import-untyped]

from passerelle.core.statistics.paired import mcnemar


@given(st.integers(0, 400), st.integers(0, 400))
def test_exact_mcnemar_is_that_of_statsmodels(lost: int, won: int) -> None:
    if lost + won == 0:
        assert mcnemar(lost, won) == 1.0
    else:
        expected = oracle([[5, lost], [won, 5]], exact=True).pvalue
        assert mcnemar(lost, won) == pytest.approx(expected, abs=1e-9)


def test_six_changes_in_one_direction_are_the_fewest_that_show_a_difference_at_5_percent() -> None:
    assert mcnemar(5, 0) > 0.05 > mcnemar(6, 0)
