"""What tells a proof of concept from production, as people say it and as it is measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from passerelle.core.values.scope import Stage


class Dimension(StrEnum):
    """A row of the table."""

    GOAL = "goal"
    DATA = "data volume"
    SECURITY = "security"
    COST = "cost focus"
    EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is commonly said of a dimension."""

    poc: str
    production: str

    def says(self, stage: Stage) -> str:
        """What to expect at a stage: from the pilot on, what production asks for."""
        return self.poc if stage is Stage.POC else self.production


CLAIMS: Mapping[Dimension, Claim] = {
    Dimension.GOAL: Claim("show that it can be done", "business value and reliability"),
    Dimension.DATA: Claim("small and curated", "large and unstructured"),
    Dimension.SECURITY: Claim("basic API keys", "single sign-on, roles, an audit trail"),
    Dimension.COST: Claim("paid from a grant", "unit economics and running costs"),
    Dimension.EVALUATION: Claim("it looks right", "BLEU, ROUGE and human audits"),
}


class Unit(StrEnum):
    """What a figure counts."""

    SHARE = "share"
    """0 to 1."""
    SCORE = "score"
    """0 to 1."""
    COUNT = "count"
    NANO_USD = "nano_usd"
    MONEY = "money"
    WORDS = "words"
    """A setting, not a figure."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of one dimension at two stages; None where it was not measured."""

    dimension: Dimension
    name: str
    unit: Unit
    first: Estimate | Money | int | str | None
    second: Estimate | Money | int | str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two stages of a use case side by side, in the order of the dimensions."""

    usecase: str
    first: Stage
    second: Stage
    measures: tuple[Measure, ...]

    def of(self, dimension: Dimension) -> tuple[Measure, ...]:
        """The measures of one row."""
        return tuple(each for each in self.measures if each.dimension is dimension)
