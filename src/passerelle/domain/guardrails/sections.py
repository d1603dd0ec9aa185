"""The `[guards]` section of a use case."""

import difflib
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.sections import Section
from passerelle.domain.guardrails.competitors import Competitors
from passerelle.domain.guardrails.guards import Action, Guard, GuardPolicy, Surface
from passerelle.domain.guardrails.injection import DEFAULT_THRESHOLD, Injection
from passerelle.domain.guardrails.length import MOST_IN_TOTAL, Length
from passerelle.domain.guardrails.personal_data import PersonalData
from passerelle.domain.guardrails.secrets import Secrets
from passerelle.domain.guardrails.watches import Guards

_Choice: TypeAlias = Literal["off", "annotate", "redact", "block"]
_ALL: tuple[_Choice, ...] = ("off", "annotate", "redact", "block")
_NO_REDACTION: tuple[_Choice, ...] = ("off", "annotate", "block")


def parse_guards(
    table: Mapping[str, JsonValue],
) -> tuple[Guards | None, tuple[Fault, ...]]:
    """The guards in force, in the order of the file, or everything wrong with the section."""
    policies: list[GuardPolicy] = []
    faults: list[Fault] = []
    for name in table:
        read = _READERS.get(name)
        inner = table[name]
        if read is None:
            faults.append(_unknown(name))
        elif not isinstance(inner, Mapping):
            faults.append(Fault(("guards", name), f"must be a table: [guards.{name}]"))
        else:
            section = Section(inner, "guards", name)
            policies += read(section)
            faults += section.done()
    return (None, tuple(faults)) if faults else (Guards(policies), ())


def _unknown(name: str) -> Fault:
    near = difflib.get_close_matches(name, list(_READERS), n=1)
    guess = f'; did you mean "{near[0]}"?' if near else f"; known guards: {', '.join(_READERS)}"
    return Fault(("guards", name), f"unknown guard{guess}")


def _personal_data(section: Section) -> list[GuardPolicy]:
    return _by_action(PersonalData(), _choices(section, input="redact", output="redact"))


def _secrets(section: Section) -> list[GuardPolicy]:
    return _by_action(Secrets(), _choices(section, input="redact", output="redact"))


def _injection(section: Section) -> list[GuardPolicy]:
    """Documents are judged more strictly than people, so they have a guard of their own."""
    threshold = section.number("threshold", DEFAULT_THRESHOLD, above=0, maximum=1)
    direct = section.choice("input", _NO_REDACTION, "block")
    indirect = section.choice("documents", _NO_REDACTION, "block")
    return [
        *_by_action(Injection(threshold=threshold), {Surface.INPUT: direct}),
        *_by_action(Injection(threshold=threshold, indirect=True), {Surface.DOCUMENT: indirect}),
    ]


def _competitors(section: Section) -> list[GuardPolicy]:
    """`names`, and in `aliases` other names for each of them."""
    names = section.strings("names", minimum=1)
    aliases = section.table("aliases")
    others = [other for name in aliases for other in aliases.strings(name, minimum=1)]
    for name in aliases:
        if name not in names:
            aliases.fault(name, f"is not among the names; write it there: {', '.join(names)}")
    for name in (*names, *others):
        if not any(character.isalnum() for character in name):
            section.fault("names", f'"{name}" has no letter to look for')
    choices = _choices(section, input="annotate", output="block")
    return [] if not names else _by_action(Competitors((*names, *others)), choices)


def _length(section: Section) -> list[GuardPolicy]:
    """`max_characters` of each text, `max_total_characters` of all texts of a request."""
    limit = section.integer("max_characters", minimum=1)
    total = section.integer("max_total_characters", MOST_IN_TOTAL, minimum=1)
    action = section.choice("input", _NO_REDACTION, "block")
    return _by_action(Length(limit, total), {Surface.INPUT: action})


def _choices(section: Section, *, input: _Choice, output: _Choice) -> dict[Surface, _Choice]:  # noqa: A002 - the keys of the file
    """What to do on each surface. Passages are cited as they stand, so they are not redacted."""
    return {
        Surface.INPUT: section.choice("input", _ALL, input),
        Surface.OUTPUT: section.choice("output", _ALL, output),
        Surface.DOCUMENT: section.choice("documents", _NO_REDACTION, "off"),
    }


def _by_action(guard: Guard, choices: Mapping[Surface, _Choice]) -> list[GuardPolicy]:
    """One policy for each action that is used."""
    surfaces: dict[Action, set[Surface]] = {}
    for surface, choice in choices.items():
        if choice != "off":
            surfaces.setdefault(choice, set()).add(surface)
    return [GuardPolicy(guard, action, frozenset(places)) for action, places in surfaces.items()]


_READERS: dict[str, Callable[[Section], list[GuardPolicy]]] = {
    "personal_data": _personal_data,
    "secrets": _secrets,
    "injection": _injection,
    "competitors": _competitors,
    "length": _length,
}
