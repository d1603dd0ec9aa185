"""Another version of a prompt is put in place when the cases say that it breaks nothing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import Digest, new_id
from passerelle.core.values.scope import Stage
from passerelle.domain.evaluation.comparison import Comparison, compare
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Run, RunBox
from passerelle.domain.evaluation.scorers import judge
from passerelle.domain.evaluation.summaries import SEED, Evaluation
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import PROMPT_PROMOTE, PROMPT_ROLLBACK
from passerelle.domain.prompts.labels import (
    Ground,
    Label,
    LabelBook,
    Warrant,
    checked_reason,
    promoted,
)
from passerelle.domain.prompts.versions import PromptVersion

MOST_NAMED = 50
"""Broken cases that an entry names; it counts them all."""


class WouldBreak(Refusal):
    """This version gets cases wrong that the version in place gets right."""

    status = 409
    code = "would_break"
    kind = "invalid_request_error"

    def __init__(self, comparison: Comparison) -> None:
        broken, mended = comparison.broken, comparison.mended
        super().__init__(
            f"It breaks {len(broken)} of {comparison.pairs} cases and mends {len(mended)}. "
            f"Broken: {', '.join(broken)}."
        )
        self.comparison = comparison


class NotEvaluated(Refusal):
    """No finished evaluation of these cases says how good this version is."""

    status = 409
    code = "not_evaluated"
    kind = "invalid_request_error"


class Untestable(Refusal):
    """Not testable with this provider: both versions give the same answer to every case."""

    status = 409
    code = "untestable"
    kind = "invalid_request_error"


class AlreadyInPlace(Refusal):
    """This version is already in place."""

    status = 409
    code = "already_in_place"
    kind = "invalid_request_error"


class NothingToRollBack(Refusal):
    """No promotion is in force at this stage."""

    status = 409
    code = "nothing_to_roll_back"
    kind = "invalid_request_error"


class VersionGone(Refusal):
    """The version that should come back is in no file any more."""

    status = 409
    code = "version_gone"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Staged:
    """A prompt version as it answers, or would answer, at one stage."""

    prompt: PromptVersion
    release: Digest
    model: str
    """The name to evaluate it by, such as `handbook@pilot` or `handbook@pilot#v2`."""


class Versions(Protocol):
    """The prompt versions of the use cases, as their files have them."""

    def in_place(self, usecase: str, stage: Stage) -> Staged:
        """What the next request at that stage gets. Raises `NotFound`."""
        ...

    def candidate(self, usecase: str, stage: Stage, name: str) -> Staged:
        """What the version of that name would be there. Raises `NotFound` or its faults."""
        ...

    def holds(self, usecase: str, version: Digest) -> bool:
        """Can a version of that content still be served?"""
        ...

    def written(self, usecase: str, stage: Stage) -> PromptVersion:
        """What the use case's file puts there, before any promotion. Raises `NotFound`."""
        ...


@dataclass(frozen=True, slots=True)
class PromotionParts:
    """What moving prompt labels needs."""

    ledger: Ledger
    labels: LabelBook
    runs: RunBox
    versions: Versions
    dataset: Callable[[str], Dataset]
    """Today's cases of a use case: those of its file and those that came from flags."""
    clock: Clock


async def promote(
    granted: Granted,
    parts: PromotionParts,
    *,
    usecase: str,
    to_stage: Stage,
    version: str,
    reason: str = "",
) -> Recorded[Label]:
    """Puts a version in place at a stage; the next request gets it.

    Its last finished run is compared, case by case, with that of the version in
    place: same cases, same knowledge, same route. Raises `WouldBreak` (on record),
    `Untestable`, `NotEvaluated` with the command to run, `AlreadyInPlace`,
    `NotFound`, and `LabelMoved` when somebody else was faster.
    """
    granted.require(Permission.PROMPT_PROMOTE)
    organisation = granted.principal.scope.organisation
    current = parts.labels.current(usecase, to_stage, organisation=organisation)
    in_place = parts.versions.in_place(usecase, to_stage)
    candidate = parts.versions.candidate(usecase, to_stage, version)
    if candidate.prompt.digest == in_place.prompt.digest:
        raise AlreadyInPlace(f"{in_place.prompt.name} serves {usecase} at {to_stage}.")
    comparison = await _compared(parts, (in_place, candidate), usecase, organisation)
    label = Label(
        id=new_id("lbl", parts.clock),
        usecase=usecase,
        organisation=organisation,
        stage=to_stage,
        version=candidate.prompt.digest,
        name=candidate.prompt.name,
        ground=Ground.COMPARED,
        at_ms=parts.clock.now_ms(),
        by=granted.principal.id,
        reason=checked_reason(reason),
    )

    async def move() -> Label:
        if comparison.broken:
            raise WouldBreak(comparison)
        await parts.labels.move(Warrant(label, current.version if current else None))
        return label

    facts = _moved(label, before=in_place.prompt.digest) | _found(comparison)
    return await record(parts.ledger, _draft(granted, PROMPT_PROMOTE, label, facts), move)


async def rollback(
    granted: Granted, parts: PromotionParts, *, usecase: str, stage: Stage, reason: str = ""
) -> Recorded[Label]:
    """Puts back, at once, what the last promotion replaced; no comparison stands in the way.

    After as many roll-backs as promotions the version of the use case's file is in
    place. Raises `NothingToRollBack` then, `VersionGone` when its file was changed or
    removed meanwhile, and `LabelMoved` when somebody else was faster.
    """
    granted.require(Permission.PROMPT_PROMOTE)
    organisation = granted.principal.scope.organisation
    history = parts.labels.history(usecase, stage, organisation=organisation)
    standing = promoted(history)
    if not standing:
        raise NothingToRollBack(f"{usecase} serves at {stage} what its file says.")
    version, name = _before(standing, parts.versions.written(usecase, stage))
    if not parts.versions.holds(usecase, version):
        raise VersionGone(f"Restore what {name}.md held, or promote another version.")
    label = Label(
        id=new_id("lbl", parts.clock),
        usecase=usecase,
        organisation=organisation,
        stage=stage,
        version=version,
        name=name,
        ground=Ground.ROLLED_BACK,
        at_ms=parts.clock.now_ms(),
        by=granted.principal.id,
        reason=checked_reason(reason),
    )

    async def move() -> Label:
        await parts.labels.move(Warrant(label, history[0].version))
        return label

    facts = _moved(label, before=history[0].version)
    return await record(parts.ledger, _draft(granted, PROMPT_ROLLBACK, label, facts), move)


def _before(standing: Sequence[Label], written: PromptVersion) -> tuple[Digest, str]:
    """Digest and name of what the last standing promotion replaced."""
    if len(standing) > 1:
        return standing[-2].version, standing[-2].name
    return written.digest, written.name


async def _compared(
    parts: PromotionParts, pair: tuple[Staged, Staged], usecase: str, organisation: str
) -> Comparison:
    dataset = parts.dataset(usecase)
    runs = [_run(parts.runs, dataset, staged, organisation) for staged in pair]
    missing = [staged.model for staged, run in zip(pair, runs, strict=True) if run is None]
    if missing:
        commands = " and ".join(f"passerelle eval run {model}" for model in missing)
        raise NotEvaluated(f"Run {commands}.")
    first, second = (_judged(run, dataset, parts.runs) for run in runs if run is not None)
    if _indistinguishable(first, second):
        raise Untestable("Ask a provider that follows the prompt's words.")
    # A second of arithmetic: a gateway in the same process must go on answering.
    return await asyncio.to_thread(compare, first, second)


def _run(runs: RunBox, dataset: Dataset, staged: Staged, organisation: str) -> Run | None:
    """The last finished run of these cases by exactly this release."""
    found = runs.find(
        dataset.usecase,
        organisation=organisation,
        dataset=dataset.version,
        release=staged.release,
    )
    if found is None or found.finished_at_ms is not None:
        return found
    older = runs.latest(
        dataset.usecase,
        organisation=organisation,
        dataset=dataset.version,
        prompt=staged.prompt.digest,
    )
    return older if older is not None and older.release == staged.release else None


def _judged(run: Run, dataset: Dataset, runs: RunBox) -> Evaluation:
    """Case by case only: the figures over all cases do not decide here."""
    trials = {trial.case_id: trial for trial in runs.trials(run.id)}
    judged = tuple(judge(case, trials[case.id]) for case in dataset.cases if case.id in trials)
    return Evaluation(run, dataset, judged, (), SEED)


def _indistinguishable(first: Evaluation, second: Evaluation) -> bool:
    """Every case got the same words; then a comparison would say nothing."""
    answers = [
        {each.case.id: (each.trial.answer, each.trial.status) for each in evaluation.judged}
        for evaluation in (first, second)
    ]
    return answers[0] == answers[1]


def _moved(label: Label, *, before: Digest) -> dict[str, JsonValue]:
    return {
        "label": label.id,
        "stage": label.stage.value,
        "version": label.version,
        "name": label.name,
        "before": before,
    }


def _found(comparison: Comparison) -> dict[str, JsonValue]:
    return {
        "runs": [comparison.first.id, comparison.second.id],
        "dataset": comparison.second.dataset,
        "cases": comparison.pairs,
        "broken": list[JsonValue](comparison.broken[:MOST_NAMED]),
        "broken_count": len(comparison.broken),
        "mended_count": len(comparison.mended),
    }


def _draft(granted: Granted, event: str, label: Label, facts: Mapping[str, JsonValue]) -> Draft:
    # The reason is free text, and facts are kept for ever: it stays out.
    return Draft(
        event=event,
        at_ms=label.at_ms,
        scope=granted.principal.scope,
        principal=granted.principal.id,
        subject=label.usecase,
        usecase=label.usecase,
        facts=facts,
    )
