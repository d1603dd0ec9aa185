"""What every store must do with evaluation runs and their trials."""

import asyncio
from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.core.values.ids import Digest
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.runs import Run, Trial

A, B, C = (Digest(letter * 64) for letter in "abc")
RUN = Run(
    id="run_1",
    usecase="fees",
    organisation="acme",
    dataset=A,
    release=B,
    prompt=C,
    model_name="fees@pilot",
    started_at_ms=5,
)
TRIAL = Trial(
    case_id="one",
    answer="It is 4 %. [1]",
    cited_documents=("fees.md", "trips.md"),
    support=Support.SUPPORTED,
    grounding_score=0.1 + 0.2,
    latency_ms=1.25,
    cost_nano_usd=None,
    refused=False,
    status=200,
    exchange_id="exc_1",
)


async def test_trials_are_given_back_in_the_order_in_which_they_were_kept(store: Store) -> None:
    second = replace(TRIAL, case_id="a", refused=True, cited_documents=(), cost_nano_usd=2**53)
    await store.runs.begin(RUN)
    for trial in (TRIAL, second):
        await store.runs.keep(RUN.id, trial)
    assert store.runs.trials(RUN.id) == (TRIAL, second)
    assert store.runs.trials("run_9") == ()


async def test_first_trial_of_a_case_stays(store: Store) -> None:
    await store.runs.begin(RUN)
    await store.runs.begin(replace(RUN, id="run_2"))
    await store.runs.keep(RUN.id, TRIAL)
    await store.runs.keep(RUN.id, replace(TRIAL, answer="another"))
    await store.runs.keep("run_2", replace(TRIAL, answer="of another run"))
    assert store.runs.trials(RUN.id) == (TRIAL,)
    assert len(store.runs.trials("run_2")) == 1


async def test_trials_that_come_together_are_all_kept(store: Store) -> None:
    await store.runs.begin(RUN)
    trials = [replace(TRIAL, case_id=str(number)) for number in range(20)]
    await asyncio.gather(*(store.runs.keep(RUN.id, trial) for trial in trials))
    assert {trial.case_id for trial in store.runs.trials(RUN.id)} == set(map(str, range(20)))


async def test_run_is_found_by_dataset_and_release_before_it_is_finished(store: Store) -> None:
    again = replace(RUN, id="run_2", started_at_ms=1)
    for run in (RUN, again, replace(RUN, id="run_3", dataset=C)):
        await store.runs.begin(run)
    assert store.runs.find("fees", organisation="acme", dataset=A, release=B) == again
    assert store.runs.find("fees", organisation="acme", dataset=A, release=C) is None
    assert store.runs.find("fees", organisation="other", dataset=A, release=B) is None
    assert store.runs.find("trips", organisation="acme", dataset=A, release=B) is None


async def test_latest_run_is_the_last_begun_of_the_finished_ones(store: Store) -> None:
    other = replace(RUN, id="run_2", dataset=B, prompt=A)
    for run in (RUN, other, replace(RUN, id="run_3")):
        await store.runs.begin(run)
    assert store.runs.latest("fees", organisation="acme") is None
    await store.runs.finish("run_2", at_ms=9)
    await store.runs.finish("run_1", at_ms=11)
    done = replace(other, finished_at_ms=9)
    assert store.runs.latest("fees", organisation="acme") == done
    first = replace(RUN, finished_at_ms=11)
    assert store.runs.latest("fees", organisation="acme", dataset=A) == first
    assert store.runs.latest("fees", organisation="acme", prompt=C) == first
    assert store.runs.latest("fees", organisation="acme", dataset=A, prompt=A) is None
    assert store.runs.latest("fees", organisation="other") is None


async def test_runs_are_listed_last_begun_first(store: Store) -> None:
    second = replace(RUN, id="run_2", started_at_ms=1)
    for run in (RUN, second):
        await store.runs.begin(run)
    await store.runs.finish("run_9", at_ms=1)
    assert store.runs.list("fees", organisation="acme") == (second, RUN)
    assert store.runs.list("fees", organisation="acme", limit=1) == (second,)
    assert store.runs.list("fees", organisation="other") == ()
