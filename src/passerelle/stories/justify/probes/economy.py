"""Prices, budget, projection and load."""

from passerelle.core.values.evidence import Evidence
from passerelle.domain.readiness.facts import Spending, Unknown
from passerelle.stories.justify.candidates import Inquiry

PROJECTION = "projection"
"""Kind of the evidence that a cost projection leaves."""


def look_at_spending(inquiry: Inquiry) -> Spending:
    plan, budget = inquiry.candidate.at(inquiry.target).plan, inquiry.candidate.budget
    return Spending(
        route=f"{plan.provider}/{plan.model}",
        price_known=inquiry.parts.prices.price(plan.provider, plan.model) is not None,
        limited=budget.day_nano is not None or budget.month_nano is not None,
    )


def look_at_evidence(inquiry: Inquiry, kind: str) -> Evidence | Unknown:
    """The last one of its kind."""
    found = inquiry.parts.evidence.latest(inquiry.usecase, kind, organisation=inquiry.organisation)
    return found or Unknown(f"There is no evidence of a {kind} yet.")
