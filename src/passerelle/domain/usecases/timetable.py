"""When a use case should enter each stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.scope import Stage
from passerelle.core.values.sections import Section

_STAGES = (Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION)


@dataclass(frozen=True, slots=True)
class Timetable:
    """The `[plan]` section: dates by stage, later stages never before earlier ones."""

    due: Mapping[Stage, date] = field(default_factory=dict)


def parse_timetable(table: Mapping[str, JsonValue]) -> tuple[Timetable | None, tuple[Fault, ...]]:
    """Reads `[plan]`: pilot, limited, production, each an ISO date in quotes, none required."""
    section = Section(table, "plan")
    due: dict[Stage, date] = {}
    for stage in _STAGES:
        if stage not in section:
            continue
        text = section.text(stage)
        try:
            when = date.fromisoformat(text)
        except ValueError:
            section.fault(stage, 'must be a date in quotes, such as "2027-01-15"')
            continue
        late = next((other for other, day in due.items() if day > when), None)
        if late is not None:
            section.fault(stage, f"must not come before {late} ({due[late]})")
        due[stage] = when
    faults = section.done()
    return (None, faults) if faults else (Timetable(due), ())
