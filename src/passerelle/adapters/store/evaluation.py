"""Cases, runs and their trials in SQLite."""

import asyncio

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import RowMapping

from passerelle.adapters.store.database import (
    METADATA,
    Database,
    Number,
    number_column,
    sequence_column,
    text_column,
)
from passerelle.core.values.ids import Digest
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.runs import Run, Trial

CASES = sa.Table(
    "cases",
    METADATA,
    sequence_column(),
    text_column("organisation"),
    text_column("usecase"),
    number_column("at_ms"),
    text_column("id"),
    text_column("question"),
    text_column("reference"),
    text_column("documents"),
    sa.Column("answerable", sa.Boolean, nullable=False),
    text_column("slice"),
    text_column("provenance"),
    sa.Index("cases_by_usecase", "organisation", "usecase"),
)
EVAL_RUNS = sa.Table(
    "eval_runs",
    METADATA,
    sequence_column(),
    text_column("id"),
    text_column("usecase"),
    text_column("organisation"),
    text_column("dataset"),
    text_column("release"),
    text_column("prompt"),
    text_column("model_name"),
    number_column("started_at_ms"),
    sa.Column("finished_at_ms", Number),
    sa.Index("eval_runs_by_id", "id", unique=True),
    sa.Index("eval_runs_by_release", "organisation", "usecase", "dataset", "release"),
)
EVAL_TRIALS = sa.Table(
    "eval_trials",
    METADATA,
    sequence_column(),
    text_column("run_id"),
    text_column("case_id"),
    text_column("answer"),
    text_column("cited_documents"),
    text_column("support"),
    sa.Column("grounding_score", sa.Float, nullable=False),
    sa.Column("latency_ms", sa.Float, nullable=False),
    sa.Column("cost_nano_usd", Number),
    sa.Column("refused", sa.Boolean, nullable=False),
    number_column("status"),
    text_column("exchange_id"),
    sa.Index("eval_trials_by_case", "run_id", "case_id", unique=True),
)


class SqliteCaseBox:
    """Cases that came from flags."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, usecase: str, case: Case, *, organisation: str, at_ms: int) -> None:
        kept = sa.insert(CASES).values(
            organisation=organisation,
            usecase=usecase,
            at_ms=at_ms,
            id=case.id,
            question=case.question,
            reference=case.reference,
            documents=_text(case.documents),
            answerable=case.answerable,
            slice=case.slice,
            provenance=case.provenance,
        )
        await asyncio.to_thread(self._database.write, kept)

    def list(self, usecase: str, *, organisation: str) -> tuple[Case, ...]:
        query = sa.select(CASES).where(
            CASES.c.organisation == organisation, CASES.c.usecase == usecase
        )
        rows = self._database.rows(query.order_by(CASES.c.sequence))
        return tuple({row["id"]: _case(row) for row in rows}.values())


class SqliteRunBox:
    """Runs, last begun first, and their trials, first kept first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, run: Run) -> None:
        kept = sa.insert(EVAL_RUNS).values(
            id=run.id,
            usecase=run.usecase,
            organisation=run.organisation,
            dataset=run.dataset,
            release=run.release,
            prompt=run.prompt,
            model_name=run.model_name,
            started_at_ms=run.started_at_ms,
            finished_at_ms=run.finished_at_ms,
        )
        await asyncio.to_thread(self._database.write, kept)

    async def keep(self, run_id: str, trial: Trial) -> None:
        kept = insert(EVAL_TRIALS).values(
            run_id=run_id,
            case_id=trial.case_id,
            answer=trial.answer,
            cited_documents=_text(trial.cited_documents),
            support=trial.support.value,
            grounding_score=trial.grounding_score,
            latency_ms=trial.latency_ms,
            cost_nano_usd=trial.cost_nano_usd,
            refused=trial.refused,
            status=trial.status,
            exchange_id=trial.exchange_id,
        )
        await asyncio.to_thread(self._database.write, kept.on_conflict_do_nothing())

    async def finish(self, run_id: str, *, at_ms: int) -> None:
        finished = sa.update(EVAL_RUNS).where(EVAL_RUNS.c.id == run_id).values(finished_at_ms=at_ms)
        await asyncio.to_thread(self._database.write, finished)

    def trials(self, run_id: str) -> tuple[Trial, ...]:
        query = sa.select(EVAL_TRIALS).where(EVAL_TRIALS.c.run_id == run_id)
        return tuple(map(_trial, self._database.rows(query.order_by(EVAL_TRIALS.c.sequence))))

    def find(
        self, usecase: str, *, organisation: str, dataset: Digest, release: Digest
    ) -> Run | None:
        query = _runs(usecase, organisation).where(
            EVAL_RUNS.c.dataset == dataset, EVAL_RUNS.c.release == release
        )
        return self._first(query)

    def latest(
        self,
        usecase: str,
        *,
        organisation: str,
        dataset: Digest | None = None,
        prompt: Digest | None = None,
    ) -> Run | None:
        query = _runs(usecase, organisation).where(EVAL_RUNS.c.finished_at_ms.is_not(None))
        if dataset is not None:
            query = query.where(EVAL_RUNS.c.dataset == dataset)
        if prompt is not None:
            query = query.where(EVAL_RUNS.c.prompt == prompt)
        return self._first(query)

    def list(self, usecase: str, *, organisation: str, limit: int = 50) -> tuple[Run, ...]:
        query = _runs(usecase, organisation).limit(limit)
        return tuple(map(_run, self._database.rows(query)))

    def _first(self, query: sa.Select[tuple[object, ...]]) -> Run | None:
        return next(map(_run, self._database.rows(query.limit(1))), None)


def _runs(usecase: str, organisation: str) -> sa.Select[tuple[object, ...]]:
    query = sa.select(EVAL_RUNS).where(
        EVAL_RUNS.c.organisation == organisation, EVAL_RUNS.c.usecase == usecase
    )
    return query.order_by(EVAL_RUNS.c.sequence.desc())


def _case(row: RowMapping) -> Case:
    return Case(
        id=row["id"],
        question=row["question"],
        reference=row["reference"],
        documents=_texts(row["documents"]),
        answerable=row["answerable"],
        slice=row["slice"],
        provenance=row["provenance"],
    )


def _run(row: RowMapping) -> Run:
    return Run(
        id=row["id"],
        usecase=row["usecase"],
        organisation=row["organisation"],
        dataset=Digest(row["dataset"]),
        release=Digest(row["release"]),
        prompt=Digest(row["prompt"]),
        model_name=row["model_name"],
        started_at_ms=row["started_at_ms"],
        finished_at_ms=row["finished_at_ms"],
    )


def _trial(row: RowMapping) -> Trial:
    return Trial(
        case_id=row["case_id"],
        answer=row["answer"],
        cited_documents=_texts(row["cited_documents"]),
        support=Support(row["support"]),
        grounding_score=row["grounding_score"],
        latency_ms=row["latency_ms"],
        cost_nano_usd=row["cost_nano_usd"],
        refused=row["refused"],
        status=row["status"],
        exchange_id=row["exchange_id"],
    )


def _text(texts: tuple[str, ...]) -> str:
    return msgspec.json.encode(texts).decode()


def _texts(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
