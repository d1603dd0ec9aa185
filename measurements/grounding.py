"""Does the detector tell supported answers from others, better than counting shared words?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import fmean

from measurements.report import Cell, Report, Table
from measurements.sets.judged import SOURCES, Judged, judged
from passerelle.core.statistics.bootstrap import bootstrap
from passerelle.core.statistics.classification import auroc, balanced_accuracy, best_threshold
from passerelle.core.statistics.intervals import wilson
from passerelle.core.text.tokens import content_words, words
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Passage
from passerelle.core.values.verdicts import Grounding, Support
from passerelle.domain.grounding.detector import ground
from passerelle.domain.grounding.scores import THRESHOLD

SEED = 7
DRAWS = 1000
NOTE = (
    "AUROC, 'supported' being the positive class; groups by hash, only the reporting half is "
    "shown. `score` is the lowest score of the answer's claims, as served; `mean of claims` shows "
    "what the mean would do. `word overlap`: share of the answer's content words that occur in the "
    "sources. `length`: fewer words are better. 95 % bootstrap over groups (question, document or "
    "claim); n counts groups. Differences are paired, on the same rows. Not wholly held out: "
    "weights were fixed on tuning halves, but after aggregate figures of an earlier split, which "
    "covered both halves, had been seen, and the rule for 'contradicted' was last tightened after "
    "its counts on the reporting half had been seen (counts, not rows)."
)
DECISIONS_NOTE = (
    f"`as served`: supported from {THRESHOLD} on, the same for all sets. The other two columns "
    "take the threshold that is best on the set's tuning half. Published balanced accuracies on "
    "whole sets (LLM-AggreFact leaderboard): LFQA SummaC-ZS 77.6, GPT-3.5 73.8, MiniCheck-7B 86.7; "
    "WiCE SummaC-ZS 62.8, AlignScore 66.0, MiniCheck-7B 83.0. They are not the same rows."
)
Metric = Callable[[Sequence["Scored"]], float]


@dataclass(frozen=True, slots=True)
class Scored:
    row: Judged
    grounding: Grounding
    score: float
    mean: float
    overlap: float
    length: float


def measure(data: Path) -> Report:
    scored = [_scored(row) for row in judged(data)]
    held = [each for each in scored if not _tuning(each.row)]
    tables = (
        _ranking(held),
        _decisions(scored),
        _by_part(held, "LFQA sentences"),
        _others(held),
        _contradictions(held),
        _unscanned(held),
    )
    return Report("grounding", tables, SOURCES)


def _tuning(row: Judged) -> bool:
    """Half of the groups, on which features, weights and thresholds may be tried."""
    return sha256((row.half or row.group).encode()).digest()[0] % 2 == 1


def _scored(row: Judged) -> Scored:
    grounding = ground(row.answer, [_passage(n, text) for n, text in enumerate(row.passages)])
    scores = [claim.score for claim in grounding.claims]
    asked = content_words(row.answer)
    held = set(content_words(" ".join(row.passages)))
    return Scored(
        row,
        grounding,
        grounding.score,
        fmean(scores) if scores else 0.0,
        sum(word in held for word in asked) / len(asked) if asked else 0.0,
        -float(len(words(row.answer))),
    )


def _passage(place: int, text: str) -> Passage:
    name, digest = f"source{place}", Digest("0" * 64)
    return Passage(PassageId(name), name, name, "", text, 0, len(text), digest)


def _ranking(held: Sequence[Scored]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for name, rows in _by_set(held).items():
        supported = sum(each.row.supported for each in rows)
        cells = [_estimate(rows, _auroc(key)) for key in ("score", "mean", "overlap", "length")]
        cells += [_estimate(rows, _difference(key, "overlap")) for key in ("score", "mean")]
        lines.append((name, f"{supported} of {len(rows)}", *cells))
    columns = ("set", "supported", "score", "mean of claims", "word overlap", "length")
    differences = ("score − overlap", "mean − overlap")
    title = "Telling supported from unsupported: AUROC"
    return Table(title, columns + differences, tuple(lines), NOTE)


def _decisions(scored: Sequence[Scored]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for name, rows in _by_set(scored).items():
        tuning = [each for each in rows if _tuning(each.row)]
        held = [each for each in rows if not _tuning(each.row)]
        cells = [_estimate(held, _balanced("score", THRESHOLD))]
        for key in ("score", "overlap"):
            threshold = best_threshold(_labels(tuning), _values(tuning, key))
            cells.append(_estimate(held, _balanced(key, threshold)))
        lines.append((name, *cells))
    columns = ("set", "as served", "score, own threshold", "word overlap, own threshold")
    return Table("Deciding: balanced accuracy", columns, tuple(lines), DECISIONS_NOTE)


def _by_part(held: Sequence[Scored], name: str) -> Table:
    rows = [each for each in held if each.row.name == name]
    lines: list[tuple[Cell, ...]] = []
    for part in sorted({each.row.part for each in rows}):
        own = [each for each in rows if each.row.part == part]
        lines.append(
            (
                part,
                f"{sum(each.row.supported for each in own)} of {len(own)}",
                _estimate(own, _auroc("score")),
                _estimate(own, _auroc("overlap")),
                _estimate(own, _difference("score", "overlap")),
            )
        )
    note = (
        "The overall figure partly tells which system wrote the sentence; within one system that "
        "help is gone."
    )
    columns = ("system", "supported", "score", "word overlap", "difference")
    return Table(f"{name}, by the system that wrote them: AUROC", columns, tuple(lines), note)


def _others(held: Sequence[Scored]) -> Table:
    """Recorded scores of other detectors on the very same rows."""
    rows = [each for each in held if each.row.others]
    names = [name for name, _ in rows[0].row.others] if rows else []
    lines: list[tuple[Cell, ...]] = [("passerelle", _estimate(rows, _auroc("score")))]
    for name in names:
        own = [each for each in rows if name in dict(each.row.others)]
        lines.append((name, _estimate(own, _recorded(name))))
    note = "FaithBench was chosen so that detectors disagree: nobody is far from .5 there."
    return Table(
        "Recorded detectors on FaithBench: AUROC", ("detector", "AUROC"), tuple(lines), note
    )


def _contradictions(held: Sequence[Scored]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for name, rows in _by_set(held).items():
        told = [each for each in rows if each.grounding.support is Support.CONTRADICTED]
        right = sum(not each.row.supported for each in told)
        lines.append((name, len(rows), len(told), wilson(right, len(told))))
    columns = ("set", "answers", "contradicted", "of these not supported")
    note = "Rare by design. Wilson intervals; with n = 0 there is no figure."
    return Table("When the detector says 'contradicted'", columns, tuple(lines), note)


def _unscanned(held: Sequence[Scored]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for name, rows in _by_set(held).items():
        reasons = [each.grounding.reason for each in rows if each.grounding.reason]
        counts = ", ".join(f"{each}: {reasons.count(each)}" for each in sorted(set(reasons)))
        lines.append((name, len(reasons), len(rows), counts))
    columns = ("set", "not scanned", "answers", "reasons")
    note = "They count with score 0 in the tables above."
    return Table("What the detector did not judge", columns, tuple(lines), note)


def _by_set(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    sets: dict[str, list[Scored]] = {}
    for each in scored:
        sets.setdefault(each.row.name, []).append(each)
    return sets


def _estimate(rows: Sequence[Scored], metric: Metric) -> Estimate:
    groups = [each.row.group for each in rows]
    return bootstrap(metric, rows, groups=groups, draws=DRAWS, seed=SEED)


def _labels(rows: Sequence[Scored]) -> list[bool]:
    return [each.row.supported for each in rows]


def _values(rows: Sequence[Scored], key: str) -> list[float]:
    return [getattr(each, key) for each in rows]


def _auroc(key: str) -> Metric:
    return lambda rows: auroc(_labels(rows), _values(rows, key))


def _difference(first: str, second: str) -> Metric:
    return lambda rows: _auroc(first)(rows) - _auroc(second)(rows)


def _balanced(key: str, threshold: float) -> Metric:
    return lambda rows: balanced_accuracy(
        _labels(rows), [value >= threshold for value in _values(rows, key)]
    )


def _recorded(name: str) -> Metric:
    return lambda rows: auroc(_labels(rows), [dict(each.row.others)[name] for each in rows])
