"""Prompts as immutable versions, read from Markdown files with a TOML head."""

import re
import tomllib
from dataclasses import dataclass

from passerelle.core.values.errors import Fault
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.sections import Section

PASSAGES = "passages"
VARIABLES = (PASSAGES, "refusal")
"""What a template may name between double braces; there is no logic in templates."""
VARIABLE = re.compile(r"\{\{\s*([^{}\s][^{}]*?)\s*\}\}")
_HEAD = re.compile(
    r"\ufeff?\+\+\+[ \t]*\r?\n(.*?)^\+\+\+[ \t]*\r?(?:\n|\Z)(.*)", re.DOTALL | re.MULTILINE
)
_SYNTAX_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_MOST_PASSAGES = 50
_MOST_SENTENCES = 50


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """What a model is told, and how much it is shown; never changed, only followed by another."""

    digest: Digest
    """Over everything below but the name: equal contents are the same version."""
    name: str
    """File name without its ending, such as `v1`."""
    template: str
    passages: int
    """At most so many passages are shown; 0 asks without knowledge."""
    sentences: int
    """At most so many sentences of answer, for providers that quote."""
    refuse_below: float
    """Support (0 to 1) under which a quoting provider says that it does not know."""
    refusal: str
    """The words for 'I do not know'."""


def parse_prompt(
    name: str, text: str, *, file: str = ""
) -> tuple[PromptVersion | None, tuple[Fault, ...]]:
    """Reads a prompt file: `+++`, settings in TOML, `+++`, then the system prompt.

    Settings: passages, sentences, refuse_below, refusal. Faults carry the line
    in this file, since only it knows where the head and the template begin.
    """
    match = _HEAD.fullmatch(text)
    if match is None:
        message = "must begin with settings between two lines that hold only +++"
        return None, (Fault((), message, file, 1),)
    head, template = match.groups()
    try:
        table = tomllib.loads(head.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX_LINE.search(str(error))
        line = 1 + int(place[1]) if place else 1
        return None, (Fault((), f"not valid TOML: {error}", file, line),)
    section = Section(table)
    passages = section.integer("passages", 5, minimum=0, maximum=_MOST_PASSAGES)
    settings = (
        passages,
        section.integer("sentences", 3, minimum=1, maximum=_MOST_SENTENCES),
        section.number("refuse_below", 0.5, minimum=0, maximum=1),
        section.text("refusal"),
    )
    faults = [_at_line(fault, head, file) for fault in section.done()]
    first_line = text[: match.start(2)].count("\n") + 1
    faults += _template_faults(template, passages, file, first_line)
    if faults:
        return None, tuple(faults)
    body = template.strip().replace("\r\n", "\n")
    digest = digest_of([body, *settings])
    return PromptVersion(digest, name, body, *settings), ()


def _at_line(fault: Fault, head: str, file: str) -> Fault:
    key = str(fault.where[0]) if fault.where else ""
    numbered = enumerate(head.splitlines(), start=2)
    line = next((n for n, row in numbered if row.split("=")[0].strip().strip("\"'") == key), 1)
    return Fault(fault.where, fault.message, file, line)


def _template_faults(template: str, passages: int, file: str, first_line: int) -> list[Fault]:
    faults = []
    for found in VARIABLE.finditer(template):
        if found[1] not in VARIABLES:
            known = " and ".join("{{" + name + "}}" for name in VARIABLES)
            line = first_line + template.count("\n", 0, found.start())
            message = f"unknown variable {{{{{found[1]}}}}}; known are {known}"
            faults.append(Fault((), message, file, line))
    shown = sum(found[1] == PASSAGES for found in VARIABLE.finditer(template))
    if not template.strip():
        faults.append(Fault((), "has no text below its settings", file, first_line))
    elif passages and shown != 1:
        message = "must name {{passages}} exactly once, or set passages = 0"
        faults.append(Fault((), message, file, first_line))
    elif not passages and shown:
        message = "names {{passages}}, but passages = 0 shows none"
        faults.append(Fault((), message, file, first_line))
    return faults
