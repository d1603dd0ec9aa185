"""A report with every kind of cell, for tests of how it is written."""

import math

from passerelle.core.reports.report import (
    Figure,
    Mark,
    Provenance,
    Quantity,
    Report,
    Section,
    Table,
    Unit,
)
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money

SHARE = Estimate(0.778, 0.71, 0.835, 167, "wilson 95%")
EMPTY = Estimate(math.nan, math.nan, math.nan, 0, "bootstrap 95%")
HOSTILE = "<script>alert('x')</script> & | ` _a_"
FIGURE = Figure(
    "By slice",
    Unit.SHARE,
    (Mark("facts", SHARE, Estimate(0.1, 0.0, 0.2, 5, "wilson 95%")), Mark(HOSTILE, EMPTY)),
    "A note.",
)


def report() -> Report:
    table = Table(
        "Scores",
        ("Metric", "Value"),
        (
            ("Right", Quantity(SHARE, Unit.SHARE)),
            ("Nothing", Quantity(EMPTY, Unit.SCORE)),
            ("Spent", Money(1_500_000_000)),
            ("Cases", 1_167),
            (HOSTILE, HOSTILE),
        ),
        "Another note.",
    )
    return Report(
        title="Evaluation",
        headline=f"Right: {HOSTILE}",
        sections=(Section("Part", ("A paragraph.",), (FIGURE,), (table,)),),
        provenance=Provenance(1_700_000_000_000, "0.1.0", 7, {"dataset": "ab12"}),
    )
