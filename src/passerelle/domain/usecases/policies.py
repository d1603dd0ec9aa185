"""How strict each stage is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.scope import Stage
from passerelle.core.values.sections import Section

Unsupported: TypeAlias = Literal["annotate", "refuse", "from grounding"]
Unscanned: TypeAlias = Literal["block", "pass"]
UnknownFields: TypeAlias = Literal["pass", "refuse"]


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """What happens at one stage where a use case could go either way."""

    unsupported: Unsupported
    """To an answer that the passages do not support; or as the `[grounding]` section says."""
    unscanned: Unscanned
    """To a text that a guard could not check."""
    unknown_fields: UnknownFields
    """To request fields that we do not interpret."""
    keep_content: bool
    """Are questions and answers kept beside the ledger, for review?"""


@dataclass(frozen=True, slots=True)
class StageSection:
    """One `[stages.NAME]` table."""

    policy: StagePolicy
    prompt: str
    """Version of the prompt; empty for the one of `[prompt]`."""
    route: Mapping[str, JsonValue]
    """What differs from `[route]`, still unread."""
    budget: Mapping[str, JsonValue] | None = None
    """What the stage may spend, still unread; None where it says nothing."""


DEFAULTS: Mapping[Stage, StagePolicy] = {
    Stage.POC: StagePolicy("from grounding", "pass", "pass", keep_content=True),
    Stage.PILOT: StagePolicy("from grounding", "block", "pass", keep_content=True),
    Stage.LIMITED: StagePolicy("refuse", "block", "refuse", keep_content=True),
    Stage.PRODUCTION: StagePolicy("refuse", "block", "refuse", keep_content=True),
}
"""Each stage at least as strict as the one before; a retired use case answers nothing."""


def parse_stages(
    table: Mapping[str, JsonValue], current: Stage
) -> tuple[Mapping[Stage, StageSection] | None, tuple[Fault, ...]]:
    """Reads `[stages.poc]` and its kin; what is left out keeps the stage's default.

    A stage can be asked for (`model="name@pilot"`) when it has a table here or
    is the current one.
    """
    section = Section(table, "stages")
    stages = {
        stage: _read_stage(section.table(stage), DEFAULTS[stage])
        for stage in DEFAULTS
        if stage in section or stage is current
    }
    faults = section.done()
    return (None, faults) if faults else (stages, ())


def _read_stage(section: Section, usual: StagePolicy) -> StageSection:
    unsupported: tuple[Unsupported, ...] = ("annotate", "refuse", "from grounding")
    unscanned: tuple[Unscanned, ...] = ("block", "pass")
    unknown: tuple[UnknownFields, ...] = ("pass", "refuse")
    policy = StagePolicy(
        unsupported=section.choice("unsupported", unsupported, usual.unsupported),
        unscanned=section.choice("unscanned", unscanned, usual.unscanned),
        unknown_fields=section.choice("unknown_fields", unknown, usual.unknown_fields),
        keep_content=section.flag("keep_content", usual.keep_content),
    )
    return StageSection(
        policy,
        section.text("prompt", ""),
        section.unread("route"),
        section.unread("budget") if "budget" in section else None,
    )
