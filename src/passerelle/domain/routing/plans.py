"""Where a question goes."""

from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.sections import Section

_DEADLINE_SECONDS = 60.0
_LONGEST_DEADLINE_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One provider and one model, with the time they may take."""

    provider: str
    """Name of a provider in the settings, or `extractive`, which is always there."""
    model: str
    """As the provider calls it; providers with a single model ignore it."""
    deadline_seconds: float


def parse_route(table: Mapping[str, JsonValue]) -> tuple[Plan | None, tuple[Fault, ...]]:
    """Reads `[route]`: provider, model (default: the provider's name), deadline_seconds (60)."""
    section = Section(table, "route")
    provider = section.text("provider")
    plan = Plan(
        provider=provider,
        model=section.text("model", provider),
        deadline_seconds=section.number(
            "deadline_seconds", _DEADLINE_SECONDS, above=0, maximum=_LONGEST_DEADLINE_SECONDS
        ),
    )
    faults = section.done()
    return (None, faults) if faults else (plan, ())
