"""A result as a value: what every page, file and terminal shows of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import NANO, Money


class Unit(StrEnum):
    """What an estimate counts, which decides how it is written."""

    SHARE = "share"
    """0 to 1, written in per cent."""
    SCORE = "score"
    """Without a unit, three decimals."""
    MILLISECONDS = "ms"
    NANO_USD = "nano_usd"
    """Written in dollars."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An estimate with its unit."""

    estimate: Estimate
    unit: Unit


Cell: TypeAlias = Quantity | Estimate | Money | int | str
"""A count, an amount, a text, or a number that knows how sure it is; never a bare float."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; the first cell of a row names it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells under {len(self.columns)} columns")


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of a figure."""

    label: str
    estimate: Estimate
    baseline: Estimate | None = None
    """What a trivial answer reaches, where there is one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Estimates side by side, each with its interval."""

    title: str
    unit: Unit
    marks: tuple[Mark, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part under its own heading: paragraphs, then figures, then tables."""

    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What one needs to make the same report again."""

    made_at_ms: int
    code_version: str
    seed: int | None = None
    """Of everything that was drawn; None when nothing was."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Name, such as `dataset`, to a digest or an id."""

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Name and value, in the order in which they are shown."""
        made = datetime.fromtimestamp(self.made_at_ms / 1_000, UTC)
        told = [("made", f"{made:%Y-%m-%d %H:%M:%S} UTC"), ("code version", self.code_version)]
        if self.seed is not None:
            told.append(("seed", str(self.seed)))
        return (*told, *self.inputs.items())


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in the order in which it is read."""

    title: str
    headline: str
    """The one sentence for those who read no further."""
    sections: tuple[Section, ...]
    provenance: Provenance


def cell_text(cell: Cell) -> str:
    """A cell as everybody writes it: estimates with interval and sample size."""
    match cell:
        case Quantity():
            return quantity_text(cell.estimate, cell.unit)
        case Estimate():
            return quantity_text(cell, Unit.SCORE)
        case int():
            return f"{cell:,}"
        case _:
            return str(cell)


def quantity_text(estimate: Estimate, unit: Unit) -> str:
    """Such as `77.8 % [71.0 %, 83.5 %], n = 167`; nothing but n where n is 0."""
    if math.isnan(estimate.value):
        return f"no data, n = {estimate.n:,}"
    value, low, high = (
        number_text(number, unit) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}], n = {estimate.n:,}"


def number_text(number: float, unit: Unit) -> str:
    """One number of an estimate in its unit: for axes, and inside intervals."""
    if math.isnan(number):
        return "unknown"
    match unit:
        case Unit.SHARE:
            return f"{100 * number:.1f} %"
        case Unit.SCORE:
            return f"{number:.3f}"
        case Unit.MILLISECONDS:
            return f"{number:,.1f} ms"
        case Unit.NANO_USD:
            return f"{number / NANO:.9f} USD"
