"""A dataset is asked once, whatever comes between."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest, NotFound, Refusal, Unavailable
from passerelle.core.values.ids import digest_of
from passerelle.domain.evaluation.answerer import Target
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Trial
from passerelle.domain.evaluation.summaries import Evaluation
from passerelle.domain.identity.grants import Forbidden, Granted, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.progress import Progress
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.stories.improve.evaluate import (
    EvaluationParts,
    ReleaseChanged,
    evaluate,
    last_evaluation,
)
from passerelle.stories.serve.parts import ModelNotFound
from passerelle.stories.serve.rehearse import Rehearsal
from tests.domain.trials import CASES, FEE, MOON, REFUND, answered, refused
from tests.stories.kitchen import ANSWER, kitchen
from tests.stories.office import events, person, store

ADA = person("ada", "developer")
DATASET = Dataset("fees", CASES)


@dataclass
class Scripted:
    """Implements evaluation's `Answerer` from a script, and keeps what it was asked."""

    release: str = "one"
    trouble: dict[str, list[Refusal]] = field(default_factory=dict)
    """What is raised for a case, one for each time that it is asked."""
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    after: Callable[[str], None] = lambda _name: None
    patience: asyncio.Event | None = None
    """Where there is one, answers wait for it."""

    def target(self, model: str) -> Target:
        if model != "fees":
            raise ModelNotFound
        return Target("fees", digest_of(self.release), digest_of("prompt"), "v1")

    async def answer(self, model: str, case: Case) -> Trial:
        self.asked.append(case.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await (self.patience.wait() if self.patience else asyncio.sleep(0))
        self.at_once -= 1
        self.after(case.id)
        if self.trouble.get(case.id):
            raise self.trouble[case.id].pop(0)
        assert model == "fees"
        return answered(case) if case.answerable else refused(case)


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def answerer() -> Scripted:
    return Scripted()


@pytest.fixture
def parts(kept: MemoryStore, answerer: Scripted, clock: SetClock) -> EvaluationParts:
    return EvaluationParts(kept.ledger, kept.runs, answerer, clock)


def granted(permission: Permission = Permission.EVALUATION_RUN) -> Granted:
    return authorise(ADA, permission)


async def run(
    parts: EvaluationParts,
    *,
    model: str = "fees",
    dataset: Dataset = DATASET,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Recorded[Evaluation]:
    return await evaluate(
        granted(), parts, usecase="fees", model=model, dataset=dataset, progress=progress
    )


async def test_every_case_is_asked_once_and_scored(
    parts: EvaluationParts, answerer: Scripted, kept: MemoryStore
) -> None:
    recorded = await run(parts)
    assert sorted(answerer.asked) == ["fee", "moon", "refund"]
    assert recorded.value.score("right").value == 1
    assert recorded.value.score("right").n == 3
    assert kept.runs.trials(recorded.value.run.id)
    assert recorded.value.run.finished_at_ms is not None


async def test_the_ledger_says_what_was_asked_of_what(
    parts: EvaluationParts, kept: MemoryStore
) -> None:
    recorded = await run(parts)
    assert events(kept) == ["evaluation.run.intended", "evaluation.run.done"]
    facts = msgspec.json.decode(recorded.entry.facts)
    assert recorded.entry.subject == recorded.value.run.id
    assert (facts["dataset"], facts["cases"]) == (DATASET.version, 3)
    assert (facts["release"], facts["prompt_name"]) == (digest_of("one"), "v1")
    assert facts["resumed"] is False


async def test_a_run_stopped_half_way_goes_on_without_asking_twice(
    parts: EvaluationParts, answerer: Scripted, kept: MemoryStore
) -> None:
    parts = replace(parts, at_once=1)
    answerer.trouble["refund"] = [Unavailable("for a while")]
    with pytest.raises(Unavailable):
        await run(parts)
    assert answerer.asked == ["fee", "refund"]
    recorded = await run(parts)
    assert answerer.asked == ["fee", "refund", "refund", "moon"]
    assert len(recorded.value.judged) == 3
    assert events(kept) == [
        "evaluation.run.intended",
        "evaluation.run.failed",
        "evaluation.run.intended",
        "evaluation.run.done",
    ]
    assert msgspec.json.decode(recorded.entry.facts)["resumed"] is True


async def test_a_cancelled_run_keeps_what_is_under_way_and_asks_the_rest_later(
    parts: EvaluationParts, answerer: Scripted
) -> None:
    many = Dataset("fees", tuple(replace(FEE, id=f"fee-{number}") for number in range(12)))
    running = asyncio.create_task(run(parts, dataset=many))

    def cancel(name: str) -> None:
        if name == "fee-2":
            running.cancel()

    answerer.after = cancel
    with pytest.raises(asyncio.CancelledError):
        await running
    assert 3 <= len(answerer.asked) < 12
    recorded = await run(parts, dataset=many)
    assert sorted(answerer.asked) == sorted(case.id for case in many.cases)
    assert len(recorded.value.judged) == 12


async def test_a_run_cancelled_twice_does_not_wait_for_what_is_under_way(
    parts: EvaluationParts, answerer: Scripted
) -> None:
    answerer.patience = asyncio.Event()
    running = asyncio.create_task(run(parts))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(answerer.asked) == 3
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_is_under_way_when_a_run_stops_is_kept(
    parts: EvaluationParts, answerer: Scripted, kept: MemoryStore
) -> None:
    answerer.trouble["fee"] = [Unavailable("now")]
    with pytest.raises(Unavailable):
        await run(parts)
    (stopped,) = kept.runs.list("fees", organisation="acme")
    assert {trial.case_id for trial in kept.runs.trials(stopped.id)} == {"refund", "moon"}
    assert stopped.finished_at_ms is None


async def test_a_finished_run_is_followed_by_a_new_one(
    parts: EvaluationParts, answerer: Scripted
) -> None:
    first = await run(parts)
    second = await run(parts)
    assert first.value.run.id != second.value.run.id
    assert len(answerer.asked) == 6


async def test_another_version_of_the_dataset_is_another_run(
    parts: EvaluationParts, answerer: Scripted
) -> None:
    answerer.trouble["refund"] = [Unavailable()]
    with pytest.raises(Unavailable):
        await run(parts)
    answerer.asked.clear()
    await run(parts, dataset=Dataset("fees", (FEE, MOON)))
    assert sorted(answerer.asked) == ["fee", "moon"]


async def test_no_more_cases_are_under_way_than_allowed(
    parts: EvaluationParts, answerer: Scripted
) -> None:
    many = tuple(replace(FEE, id=f"fee-{number}") for number in range(20))
    await run(replace(parts, at_once=3), dataset=Dataset("fees", many))
    assert answerer.most_at_once == 3


async def test_progress_is_told_to_the_end(parts: EvaluationParts) -> None:
    told: list[Progress] = []
    await run(parts, progress=told.append)
    assert (told[0].done, told[-1].done, told[-1].total) == (0, 3, 3)


async def test_a_case_that_is_told_to_wait_waits(
    parts: EvaluationParts, answerer: Scripted
) -> None:
    answerer.trouble["fee"] = [Unavailable(retry_after_seconds=0.0) for _ in range(3)]
    await run(parts)
    assert answerer.asked.count("fee") == 4


async def test_nobody_waits_for_ever(parts: EvaluationParts, answerer: Scripted) -> None:
    answerer.trouble["fee"] = [Unavailable(retry_after_seconds=0.0) for _ in range(9)]
    with pytest.raises(Unavailable):
        await run(parts)
    assert answerer.asked.count("fee") == 6
    answerer.trouble["fee"] = [Unavailable(retry_after_seconds=3_600.0)]
    with pytest.raises(Unavailable):
        await run(parts)


async def test_answers_of_another_release_are_not_mixed_in(
    parts: EvaluationParts, answerer: Scripted, kept: MemoryStore
) -> None:
    parts = replace(parts, at_once=1)

    def publish(name: str) -> None:
        if name == "refund":
            answerer.release = "two"

    answerer.after = publish
    with pytest.raises(ReleaseChanged):
        await run(parts)
    (stopped,) = kept.runs.list("fees", organisation="acme")
    assert [trial.case_id for trial in kept.runs.trials(stopped.id)] == ["fee"]
    answerer.asked.clear()
    recorded = await run(parts)
    assert answerer.asked == ["fee", "refund", "moon"]
    assert recorded.value.run.release == digest_of("two")


async def test_a_dataset_of_another_use_case_is_refused(parts: EvaluationParts) -> None:
    with pytest.raises(InvalidRequest, match="claims"):
        await run(parts, dataset=Dataset("claims", CASES))


async def test_a_dataset_without_cases_is_refused(parts: EvaluationParts) -> None:
    with pytest.raises(InvalidRequest, match="no cases"):
        await run(parts, dataset=Dataset("fees", ()))


async def test_a_model_that_does_not_exist_is_refused_and_nothing_is_begun(
    parts: EvaluationParts, kept: MemoryStore
) -> None:
    with pytest.raises(ModelNotFound):
        await run(parts, model="nothing")
    assert events(kept) == []


async def test_nothing_is_asked_that_cannot_be_recorded(
    parts: EvaluationParts, answerer: Scripted, kept: MemoryStore
) -> None:
    kept.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await run(parts)
    assert answerer.asked == []


async def test_it_needs_the_permission_to_run(parts: EvaluationParts) -> None:
    with pytest.raises(Forbidden):
        await evaluate(
            granted(Permission.EVALUATION_READ),
            parts,
            usecase="fees",
            model="fees",
            dataset=DATASET,
            progress=lambda _progress: None,
        )
    with pytest.raises(Forbidden):
        authorise(person("eva", "end_user"), Permission.EVALUATION_RUN)


async def test_the_last_finished_run_can_be_read_again(
    parts: EvaluationParts, kept: MemoryStore
) -> None:
    reading = granted(Permission.EVALUATION_READ)
    with pytest.raises(NotFound):
        last_evaluation(reading, kept.runs, DATASET)
    recorded = await run(parts)
    assert last_evaluation(reading, kept.runs, DATASET) == recorded.value
    found = last_evaluation(reading, kept.runs, DATASET, prompt=digest_of("prompt"))
    assert found == recorded.value
    with pytest.raises(NotFound):
        last_evaluation(reading, kept.runs, DATASET, prompt=digest_of("another"))


async def test_a_run_of_another_organisation_is_not_seen(
    parts: EvaluationParts, kept: MemoryStore
) -> None:
    await run(parts)
    mallory = person("mallory", "administrator", organisation="other")
    with pytest.raises(NotFound):
        last_evaluation(authorise(mallory, Permission.EVALUATION_READ), kept.runs, DATASET)


async def test_the_serving_path_itself_can_be_evaluated() -> None:
    here = await kitchen()
    parts = EvaluationParts(
        here.store.ledger, here.store.runs, Rehearsal(here.parts, ADA), here.clock
    )
    transfer = replace(FEE, question="What is the transfer fee?", reference=ANSWER.text[:-4])
    recorded = await run(parts, dataset=Dataset("fees", (transfer, REFUND, MOON)))
    right = [each.case.id for each in recorded.value.judged if each.right]
    assert right == ["fee"], "the provider gives the same answer to everything"
    assert len(here.entries()) == 3
    assert {entry.subject for entry in here.entries()} == {
        each.trial.exchange_id for each in recorded.value.judged
    }
