import math

import pytest

from passerelle.core.reports.report import Provenance, Quantity, Table, Unit, cell_text
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from tests.core.reports import EMPTY, SHARE


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Quantity(SHARE, Unit.SHARE), "77.8 % [71.0 %, 83.5 %], n = 167"),
        (SHARE, "0.778 [0.710, 0.835], n = 167"),
        (Quantity(EMPTY, Unit.SHARE), "no data, n = 0"),
        (
            Quantity(Estimate(1234.56, 1000, 2000, 3, ""), Unit.MILLISECONDS),
            "1,234.6 ms [1,000.0 ms, 2,000.0 ms], n = 3",
        ),
        (
            Quantity(Estimate(1_500, 1_000, 2_000, 3, ""), Unit.NANO_USD),
            "0.000001500 USD [0.000001000 USD, 0.000002000 USD], n = 3",
        ),
        (Estimate(0.5, math.nan, math.nan, 1, ""), "0.500 [unknown, unknown], n = 1"),
        (Money(1_500_000_000), "1.500000000 USD"),
        (1_167, "1,167"),
        ("facts", "facts"),
    ],
)
def test_a_number_is_written_with_its_interval_and_its_sample_size(
    cell: Quantity | Estimate | Money | int | str, text: str
) -> None:
    assert cell_text(cell) == text


def test_a_row_has_a_cell_under_every_column() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 columns"):
        Table("Scores", ("Metric", "Value"), (("Right",),))


def test_provenance_tells_when_with_which_code_from_which_seed_and_inputs() -> None:
    told = Provenance(1_700_000_000_000, "0.1.0", 7, {"dataset": "ab12"}).lines
    assert told == (
        ("made", "2023-11-14 22:13:20 UTC"),
        ("code version", "0.1.0"),
        ("seed", "7"),
        ("dataset", "ab12"),
    )
    assert "seed" not in dict(Provenance(0, "0.1.0").lines)
