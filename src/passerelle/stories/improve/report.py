"""An evaluation, or a comparison of two, as a report."""

from passerelle.core.reports.report import (
    Cell,
    Figure,
    Mark,
    Provenance,
    Quantity,
    Report,
    Section,
    Table,
    Unit,
    quantity_text,
)
from passerelle.core.values.money import Money
from passerelle.domain.evaluation.comparison import Comparison
from passerelle.domain.evaluation.runs import Run
from passerelle.domain.evaluation.scorers import ANSWERED, METRICS, Judged
from passerelle.domain.evaluation.summaries import OVERALL, Baseline, Evaluation, Score

_LONGEST_ANSWER = 600


def evaluation_report(evaluation: Evaluation, *, made_at_ms: int, code_version: str) -> Report:
    """Scores beside those of trivial answerers, slice by slice, and every case that failed."""
    run = evaluation.run
    return Report(
        title=f"Evaluation of {run.model_name}",
        headline=_headline(evaluation),
        sections=(
            _scores(evaluation),
            _slices(evaluation),
            _failures(evaluation),
            _spending(evaluation),
            _meanings(),
        ),
        provenance=Provenance(
            made_at_ms=made_at_ms,
            code_version=code_version,
            seed=evaluation.seed,
            inputs={"dataset": run.dataset, **_told(run)},
        ),
    )


def comparison_report(comparison: Comparison, *, made_at_ms: int, code_version: str) -> Report:
    """What broke, what mended, and how far the figures moved."""
    first, second = comparison.first, comparison.second
    return Report(
        title=f"{second.model_name} compared with {first.model_name}",
        headline=(
            f"Of {comparison.pairs:,} cases asked of both, {len(comparison.broken):,} broke"
            f" and {len(comparison.mended):,} mended"
            f" (exact McNemar test: p = {comparison.p_value:.3f})."
        ),
        sections=(
            Section(
                "How the figures moved",
                ("Second minus first, case by case. An interval without 0 is a difference.",),
                tables=(
                    Table(
                        "Differences",
                        ("Metric", "Second minus first"),
                        tuple(
                            (each.metric.title, Quantity(each.estimate, Unit(each.metric.unit)))
                            for each in comparison.differences
                        ),
                    ),
                ),
            ),
            Section("Broken", (_names(comparison.broken),)),
            Section("Mended", (_names(comparison.mended),)),
            Section("Not compared", (_names(comparison.unpaired),)),
        ),
        provenance=Provenance(
            made_at_ms=made_at_ms,
            code_version=code_version,
            seed=comparison.seed,
            inputs={
                **{f"first {name}": value for name, value in _told(first).items()},
                **{f"second {name}": value for name, value in _told(second).items()},
            },
        ),
    )


def _told(run: Run) -> dict[str, str]:
    return {"run": run.id, "release": run.release, "prompt": run.prompt}


def _names(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) if ids else "None."


def _headline(evaluation: Evaluation) -> str:
    score = evaluation.scores[0]
    right = sum(each.right for each in evaluation.judged)
    told = (
        f"{right:,} of {len(evaluation.judged):,} cases were answered rightly:"
        f" {quantity_text(score.estimate, Unit.SHARE)}."
    )
    best = _best(score)
    if best is None:
        return told
    return f"{told} To {best.name} would give {quantity_text(best.estimate, Unit.SHARE)}."


def _best(score: Score) -> Baseline | None:
    """The trivial answerer that is hardest to beat."""
    known = [each for each in score.baselines if each.estimate.n]
    return max(known, key=lambda each: each.estimate.value, default=None)


def _scores(evaluation: Evaluation) -> Section:
    overall = [each for each in evaluation.scores if each.slice == OVERALL]
    answerers = [each.name for each in overall[0].baselines]
    rows = tuple(_score_row(each, len(answerers)) for each in overall)
    table = Table(
        "All cases",
        ("Metric", "Measured", *(f"To {name}" for name in answerers)),
        rows,
        "The right-hand columns are answerers that know nothing. Answering and refusing must be"
        " read together: each alone is easy.",
    )
    return Section("Scores", tables=(table,))


def _score_row(score: Score, answerers: int) -> tuple[Cell, ...]:
    unit = Unit(score.metric.unit)
    blind = [Quantity(each.estimate, unit) for each in score.baselines]
    return (score.metric.title, _quantity(score), *blind, *[""] * (answerers - len(blind)))


def _slices(evaluation: Evaluation) -> Section:
    slices: dict[str, list[Score]] = {}
    for each in evaluation.scores:
        if each.slice != OVERALL:
            slices.setdefault(each.slice, []).append(each)
    marks = tuple(_mark(name, scores[0]) for name, scores in slices.items())
    titles = tuple(each.metric.title for each in next(iter(slices.values()), []))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *map(_quantity, scores)) for name, scores in slices.items()
    )
    return Section(
        "Slices",
        figures=(
            Figure(
                "Right answers by slice",
                Unit.SHARE,
                marks,
                "Dot and line: the share and its interval. Diamond: the better trivial answerer.",
            ),
        ),
        tables=(Table("Scores by slice", ("Slice", *titles), rows),),
    )


def _mark(label: str, score: Score) -> Mark:
    best = _best(score)
    return Mark(label, score.estimate, best.estimate if best else None)


def _quantity(score: Score) -> Quantity:
    return Quantity(score.estimate, Unit(score.metric.unit))


def _failures(evaluation: Evaluation) -> Section:
    failed = [each for each in evaluation.judged if not each.right]
    rows = tuple(
        (
            each.case.id,
            each.case.slice,
            each.case.question,
            each.case.reference or "(to say that one does not know)",
            _answer(each),
            each.trial.exchange_id,
        )
        for each in failed
    )
    columns = ("Case", "Slice", "Question", "Reference", "Answer", "Exchange")
    return Section("Cases that were not answered rightly", tables=(Table("Cases", columns, rows),))


def _answer(judged: Judged) -> str:
    trial = judged.trial
    if trial.status != ANSWERED:
        return f"(refused with status {trial.status})"
    answer = trial.answer
    return answer if len(answer) <= _LONGEST_ANSWER else f"{answer[:_LONGEST_ANSWER]}…"


def _spending(evaluation: Evaluation) -> Section:
    rows: tuple[tuple[Cell, ...], ...] = (
        ("Cases", len(evaluation.judged)),
        ("Cost of the run", Money(evaluation.cost_nano_usd)),
        ("Cases whose price is not known", evaluation.unpriced),
    )
    provenance = tuple(
        (f"Cases from {'flags' if kind == 'flag' else 'the file'}", count)
        for kind, count in evaluation.dataset.provenance.items()
    )
    return Section("The run", tables=(Table("Counts", ("What", ""), (*rows, *provenance)),))


_METHOD = (
    "Shares carry Wilson intervals, all other figures bootstrap intervals over cases, at 95 %."
    " Answers are compared with references by their words: a true answer in wholly other words"
    " counts as wrong."
)


def _meanings() -> Section:
    rows = tuple((metric.title, metric.meaning) for metric in METRICS)
    table = Table("Metrics", ("Metric", "Meaning"), rows)
    return Section("What the figures mean", (_METHOD,), tables=(table,))
