"""Who a use case is: its name, its data and its stage."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.scope import Stage
from passerelle.core.values.sections import Section

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 63


class DataClass(StrEnum):
    """How sensitive the data of a use case is, from least to most."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    PERSONAL = "personal"
    HEALTH = "health"

    @property
    def rank(self) -> int:
        """0 for public; compare ranks, since texts compare by alphabet."""
        return list(DataClass).index(self)


@dataclass(frozen=True, slots=True)
class Profile:
    """The `[usecase]` section."""

    name: str
    """The model name that clients use; unique in an installation."""
    title: str
    data_class: DataClass
    stage: Stage
    """Where it is now: what `model="name"` without a stage means."""


def why_not_a_name(name: str) -> str:
    """What is wrong with a use case name; empty when nothing is."""
    if len(name) > _LONGEST_NAME:
        return f"must have at most {_LONGEST_NAME} characters"
    if not _NAME.fullmatch(name):
        return (
            "must be lower-case letters, digits and single hyphens, and start with a letter, "
            'such as "support" or "travel-policy"'
        )
    return ""


def parse_profile(table: Mapping[str, JsonValue]) -> tuple[Profile | None, tuple[Fault, ...]]:
    """Reads `[usecase]`: name, title, data_class, stage (default `poc`)."""
    section = Section(table, "usecase")
    name = section.text("name")
    if name and (reason := why_not_a_name(name)):
        section.fault("name", reason)
    profile = Profile(
        name=name,
        title=section.text("title", name),
        data_class=section.choice("data_class", DataClass),
        stage=section.choice("stage", Stage, Stage.POC),
    )
    faults = section.done()
    return (None, faults) if faults else (profile, ())
