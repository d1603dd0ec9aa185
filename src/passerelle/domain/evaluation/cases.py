"""Questions with the answer that they should get: one JSON object a line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.sections import Section

FROM_FILE = "file"
"""Provenance of a case that people wrote."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_COLUMN = re.compile(r" \(byte (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Case:
    """One question, and what a good answer is."""

    id: str
    """Unique in its dataset; never reused for another question."""
    question: str
    reference: str
    """A correct answer; empty when the right answer is not to know."""
    documents: tuple[str, ...]
    """Paths of the documents that hold the answer; citing one of them is right."""
    answerable: bool
    slice: str
    """The group that it is also reported in."""
    provenance: str = FROM_FILE
    """Where it comes from: `file`, or `flag:<id>`."""


class CaseBox(Protocol):
    """Where cases are kept that came from flags: only ever added to."""

    async def add(self, usecase: str, case: Case, *, organisation: str, at_ms: int) -> None:
        """Keeps it; durable when this returns. A case of the same id takes its place."""
        ...

    def list(self, usecase: str, *, organisation: str) -> tuple[Case, ...]:
        """The last of each id, in the order in which the ids came."""
        ...


def from_flag(flag_id: str) -> str:
    """The provenance of a case that a reviewed flag has become."""
    return f"flag:{flag_id}"


def parse_cases(text: str, file: str) -> tuple[tuple[Case, ...], tuple[Fault, ...]]:
    """Every case that can be read, and a fault with file and line for everything else.

    Keys: id, question, reference, documents, answerable, slice. Blank lines are
    skipped. An id used twice keeps its first case.
    """
    cases: dict[str, tuple[int, Case]] = {}
    faults: list[Fault] = []
    # Not `splitlines`: JSON texts may hold U+2028 and others that it would cut at.
    for line, row in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not row.strip():
            continue
        case, found = _parse_row(row)
        if case is not None and case.id in cases:
            message = f'"{case.id}" is already the id of line {cases[case.id][0]}'
            found = (Fault(("id",), message),)
        elif case is not None:
            cases[case.id] = (line, case)
        faults += [Fault(fault.where, fault.message, file, line) for fault in found]
    return tuple(case for _, case in cases.values()), tuple(faults)


def _parse_row(row: str) -> tuple[Case | None, tuple[Fault, ...]]:
    try:
        table: JsonValue = msgspec.json.decode(row)
    except msgspec.DecodeError as error:
        message = _COLUMN.sub(r", at byte \1 of the line", str(error))
        return None, (Fault((), f"not a JSON object: {message}"),)
    if not isinstance(table, dict):
        return None, (Fault((), "must be a JSON object, one a line"),)
    return _parse_case(table)


def _parse_case(table: Mapping[str, JsonValue]) -> tuple[Case | None, tuple[Fault, ...]]:
    section = Section(table)
    case = Case(
        id=section.text("id"),
        question=section.text("question"),
        reference=section.text("reference", "", empty=True),
        documents=section.strings("documents", ()),
        answerable=section.flag("answerable"),
        slice=section.text("slice"),
    )
    if not section.done():  # only what could be read is compared
        if not _ID.fullmatch(case.id):
            section.fault("id", "must hold letters, digits and . _ : - only")
        if case.answerable and not case.reference.strip():
            section.fault("reference", "must not be empty when the question can be answered")
        if not case.answerable and (case.reference.strip() or case.documents):
            section.fault("answerable", "is false, so reference and documents must be empty")
    faults = section.done()
    return (None, faults) if faults else (case, ())
