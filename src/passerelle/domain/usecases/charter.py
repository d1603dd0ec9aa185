"""Why a use case exists, how its success is told from its failure, and who answers for it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.sections import Section

UNNAMED = "to be named"
"""What a scaffold writes for a role nobody holds yet: allowed at stage `poc` only."""


@dataclass(frozen=True, slots=True)
class Kpi:
    """The figure that decides: where it stood, where it should go, where we stop."""

    name: str
    unit: str
    baseline: float
    """Before the use case."""
    target: float
    kill_value: float
    """At this value or worse the use case is stopped."""
    higher_is_better: bool

    def is_better(self, first: float, second: float) -> bool:
        """Is the first value strictly better than the second?"""
        return first > second if self.higher_is_better else first < second


@dataclass(frozen=True, slots=True)
class Roles:
    """Who answers for what: a name or an e-mail address each."""

    business_owner: str
    """For the benefit: goal, KPI, budget."""
    developer: str
    """For what is built and how good it is."""
    security: str
    """For access, guards and incidents."""
    compliance: str
    """For the data, its lawfulness and the record."""

    @property
    def unnamed(self) -> tuple[str, ...]:
        """Roles that nobody holds yet."""
        held = {role.name: str(getattr(self, role.name)) for role in fields(self)}
        return tuple(name for name, holder in held.items() if holder.casefold() == UNNAMED)


@dataclass(frozen=True, slots=True)
class Charter:
    """The `[charter]` section."""

    goal: str
    """One sentence: for whom, what changes, by how much."""
    kpi: Kpi
    roles: Roles


def parse_charter(table: Mapping[str, JsonValue]) -> tuple[Charter | None, tuple[Fault, ...]]:
    """Reads `[charter]`, `[charter.kpi]` and `[charter.roles]`; everything is required."""
    section = Section(table, "charter")
    goal = section.text("goal")
    kpi = _read_kpi(section.table("kpi", required=True))
    people = section.table("roles", required=True)
    roles = Roles(**{role.name: people.text(role.name) for role in fields(Roles)})
    faults = section.done()
    return (None, faults) if faults else (Charter(goal, kpi, roles), ())


def _read_kpi(section: Section) -> Kpi:
    kpi = Kpi(
        name=section.text("name"),
        unit=section.text("unit"),
        baseline=section.number("baseline"),
        target=section.number("target"),
        kill_value=section.number("kill_value"),
        higher_is_better=section.flag("higher_is_better"),
    )
    if not section.done():
        # Only figures that could be read are compared.
        wanted = "above" if kpi.higher_is_better else "below"
        if not kpi.is_better(kpi.target, kpi.baseline):
            section.fault("target", f"must lie {wanted} the baseline, else nothing would improve")
        if not kpi.is_better(kpi.target, kpi.kill_value):
            section.fault("kill_value", f"must be worse than the target ({kpi.target:g})")
    return kpi
