"""Which personal data does the guard find, and what does it take for personal data?"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from measurements.datasets import is_for_tuning, rows
from measurements.report import Report, Table
from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.estimates import Estimate
from passerelle.domain.guardrails.personal_data import PersonalData

CLASSES = {  # the data sets' names of what the guard claims, and the guard's own
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "FAX_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "SOCIAL_SECURITY_NUMBER": "ssn",
    "IP_ADDRESS": "ip_address",
    "MEDICAL_RECORD_NUMBER": "medical_record",
    "UNIQUE_IDENTIFIER": "medical_record",
    "HEALTH_PLAN_BENEFICIARY_NUMBER": "health_plan",
    "ACCOUNT_NUMBER": "account",
}
_GUARD = PersonalData()
_BASELINE = re.compile(r"\S*[\d@]\S*")


@dataclass(frozen=True, slots=True)
class Span:
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Case:
    text: str
    gold: tuple[Span, ...]


def guard_spans(text: str) -> list[Span]:
    return [Span(f.kind, f.start, f.end) for f in _GUARD.findings(text)]


def baseline_spans(text: str) -> list[Span]:
    """Hide every word with a digit or an @ sign."""
    return [Span("any", *found.span()) for found in _BASELINE.finditer(text)]


def is_hidden(text: str, gold: Span, found: Iterable[Span]) -> bool:
    """No letter and no digit of the value stays."""
    left = set(range(gold.start, gold.end))
    for span in found:
        left -= set(range(span.start, span.end))
    return not any(text[place].isalnum() for place in left)


def clinical(data: Path) -> tuple[Case, ...]:
    """The half of the queries that nobody read while the patterns were written."""
    return tuple(
        Case(row["text"], tuple(_clinical_spans(row["text"], row["spans"])))
        for row in rows(data, "pii/clinical_queries_phi.jsonl")
        if not is_for_tuning(str(row["id"]))
    )


def _clinical_spans(text: str, spans: list[dict[str, str | int]]) -> Iterator[Span]:
    for span in spans:
        start, end = int(span["start"]), int(span["end"])
        if start >= 0 and text[start:end] == span["value"]:
            yield Span(str(span["type"]), start, end)


def presidio(data: Path, name: str) -> tuple[Case, ...]:
    return tuple(
        Case(
            row["full_text"],
            tuple(
                Span(span["entity_type"], span["start_position"], span["end_position"])
                for span in row["spans"]
            ),
        )
        for row in rows(data, f"pii/{name}.jsonl")
    )


def recall_rows(name: str, cases: Iterable[Case]) -> Iterator[tuple[str | Estimate, ...]]:
    """For each class: how many values are hidden, how many under their right name."""
    tally: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for case in cases:
        found, plain = guard_spans(case.text), baseline_spans(case.text)
        for gold in case.gold:
            own = [span for span in found if span.kind == CLASSES.get(gold.kind)]
            tally[gold.kind].append(
                (
                    is_hidden(case.text, gold, found),
                    is_hidden(case.text, gold, own),
                    is_hidden(case.text, gold, plain),
                )
            )
    for kind, results in sorted(tally.items()):
        claimed = kind if kind in CLASSES else f"{kind} (not claimed)"
        shares = [wilson(sum(column), len(results)) for column in zip(*results, strict=True)]
        yield (name, claimed, *shares)


def precision_rows(name: str, cases: Iterable[Case]) -> Iterator[tuple[str | Estimate, ...]]:
    """For each kind that the guard names: how many findings touch personal data of any class."""
    tally: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        for kind, span in [
            *((span.kind, span) for span in guard_spans(case.text)),
            *(("baseline: any word with a digit or @", span) for span in baseline_spans(case.text)),
        ]:
            right = any(span.start < gold.end and gold.start < span.end for gold in case.gold)
            tally[kind].append(right)
    for kind, results in sorted(tally.items()):
        yield (name, kind, wilson(sum(results), len(results)))


def clean_rows(name: str, cases: tuple[Case, ...]) -> Iterator[tuple[str | Estimate, ...]]:
    """Texts with something claimed in which all of it is hidden; texts without any left alone."""
    with_claims = [case for case in cases if any(gold.kind in CLASSES for gold in case.gold)]
    without = [case for case in cases if not case.gold]
    for what, spans in (("guard", guard_spans), ("every word with a digit or @", baseline_spans)):
        clean = sum(
            all(
                is_hidden(case.text, gold, spans(case.text))
                for gold in case.gold
                if gold.kind in CLASSES
            )
            for case in with_claims
        )
        alone = sum(not spans(case.text) for case in without)
        yield (name, what, wilson(clean, len(with_claims)), wilson(alone, len(without)))


def measure(data: Path) -> Report:
    sets = {
        "clinical queries": clinical(data),
        "presidio synth": presidio(data, "presidio_synth"),
        "presidio generated large": presidio(data, "presidio_generated_large"),
    }
    recall = tuple(row for name, cases in sets.items() for row in recall_rows(name, cases))
    precision = tuple(row for name, cases in sets.items() for row in precision_rows(name, cases))
    clean = tuple(row for name, cases in sets.items() for row in clean_rows(name, cases))
    split = (
        "Clinical queries: the half of the rows whose sentences nobody read while the patterns"
        " were written; the forms of all values had been seen. Presidio: all rows, made from 76"
        " templates that had been seen, so this is not a held-out result. Wilson intervals, 95 %,"
        " as if values were independent."
    )
    return Report(
        "personal_data",
        (
            Table(
                "Recall: values of which no letter or digit stays",
                ("set", "class", "hidden", "hidden by its own class", "baseline hides"),
                recall,
                f"{split} The baseline hides every word with a digit or an @ sign.",
            ),
            Table(
                "Precision: findings that touch personal data of any class",
                ("set", "kind", "right"),
                precision,
            ),
            Table(
                "Whole texts",
                ("set", "what", "all claimed values hidden", "left alone when there are none"),
                clean,
            ),
        ),
        (
            "JamesWeatherhead/synthetic-clinical-queries 87798f0e7843 (synthetic)",
            "microsoft/presidio-research 7622dec1e5f7 (synthetic)",
        ),
    )
