"""Where something belongs: organisation, team, use case, stage."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """How far a use case is. Stages differ in strictness, never in ids or format."""

    POC = "poc"
    PILOT = "pilot"
    LIMITED = "limited"
    PRODUCTION = "production"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Scope:
    """The tenant of a record and the part of it that a use case covers."""

    organisation: str
    team: str
