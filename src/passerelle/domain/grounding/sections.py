"""The [grounding] section of a use case file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.sections import Section
from passerelle.domain.grounding.scores import THRESHOLD

Unsupported: TypeAlias = Literal["annotate", "refuse"]


@dataclass(frozen=True, slots=True)
class GroundingPolicy:
    """What happens to an answer that the passages do not support."""

    unsupported: Unsupported = "annotate"
    threshold: float = THRESHOLD
    """Score (0 to 1) from which on a claim is supported."""


def parse_grounding(
    table: Mapping[str, JsonValue],
) -> tuple[GroundingPolicy | None, tuple[Fault, ...]]:
    """Reads `unsupported` ("annotate") and `threshold` (0.5); every key may be left out."""
    section = Section(table, "grounding")
    choices: tuple[Unsupported, ...] = ("annotate", "refuse")
    policy = GroundingPolicy(
        unsupported=section.choice("unsupported", choices, "annotate"),
        threshold=section.number("threshold", THRESHOLD, minimum=0, maximum=1),
    )
    faults = section.done()
    return (None, faults) if faults else (policy, ())
