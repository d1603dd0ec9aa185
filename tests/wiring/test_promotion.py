"""Prompt versions are put in place when the cases say so, and taken back at any time."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidConfiguration, InvalidRequest, NotFound
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Stage
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Entry, LedgerUnavailable
from passerelle.domain.prompts.labels import Ground, LabelMoved
from passerelle.stories.improve.promote import (
    AlreadyInPlace,
    NotEvaluated,
    NothingToRollBack,
    Untestable,
    VersionGone,
    WouldBreak,
    promote,
)
from tests.wiring.workshop import SCOPE, Workshop, live_index, prompt, workshop


@pytest.fixture
def shop(tmp_path: Path, clock: SetClock) -> Workshop:
    return workshop(tmp_path, clock=clock)


async def evaluated(shop: Workshop, *models: str) -> None:
    for model in models:
        await shop.evaluate(model)


def moves(shop: Workshop) -> list[str]:
    entries = shop.store.ledger.entries(organisation="acme", limit=1_000)
    return [entry.event for entry in reversed(entries) if entry.event.startswith("prompt.")]


def facts(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry.facts)
    return found


async def test_better_version_is_put_in_place_for_the_next_request(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    assert shop.served() == "v1"
    recorded = await shop.promote("better")
    assert shop.served() == "better"
    assert (recorded.value.name, recorded.value.ground) == ("better", Ground.COMPARED)
    assert moves(shop) == ["prompt.promote.intended", "prompt.promote.done"]
    said = facts(recorded.entry)
    assert (said["cases"], said["broken_count"], said["mended_count"]) == (5, 0, 1)
    assert said["version"] == recorded.value.version != said["before"]


async def test_version_that_breaks_cases_is_refused_by_their_names_and_on_record(
    shop: Workshop,
) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#worse")
    with pytest.raises(WouldBreak) as refused:
        await shop.promote("worse")
    assert refused.value.status == 409
    assert refused.value.comparison.broken == ("both",)
    assert "breaks 1 of 5 cases" in refused.value.message
    assert refused.value.message.endswith("Broken: both.")
    assert shop.served() == "v1"
    assert moves(shop) == ["prompt.promote.intended", "prompt.promote.failed"]
    (failed,) = shop.store.ledger.entries(organisation="acme", event="prompt.promote.failed")
    assert (facts(failed)["reason"], facts(failed)["broken"]) == ("would_break", ["both"])


async def test_version_that_answers_alike_cannot_be_tested_with_this_provider(
    shop: Workshop,
) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#reworded")
    with pytest.raises(Untestable, match="Not testable with this provider"):
        await shop.promote("reworded")
    assert shop.served() == "v1"
    assert moves(shop) == []


@pytest.mark.parametrize(
    ("before", "commands"),
    [
        ((), ["eval run fees@poc and", "eval run fees@poc#better"]),
        (("fees@poc",), ["Run passerelle eval run fees@poc#better."]),
        (("fees@poc#better",), ["Run passerelle eval run fees@poc."]),
        (("fees@pilot", "fees@pilot#better"), ["eval run fees@poc and"]),
    ],
    ids=["none", "of the one in place", "of the candidate", "of another stage"],
)
async def test_version_without_evaluations_is_refused_with_the_commands_to_run(
    shop: Workshop, before: tuple[str, ...], commands: list[str]
) -> None:
    await evaluated(shop, *before)
    with pytest.raises(NotEvaluated) as refused:
        await shop.promote("better")
    assert all(command in refused.value.message for command in commands)
    assert moves(shop) == []


async def test_commands_that_a_refusal_names_lead_to_the_promotion(shop: Workshop) -> None:
    with pytest.raises(NotEvaluated) as refused:
        await shop.promote("better", Stage.PILOT)
    words = refused.value.message.replace(".", " ").split()
    await evaluated(shop, *(word for word in words if word.startswith("fees@")))
    await shop.promote("better", Stage.PILOT)
    assert (shop.served("fees@pilot"), shop.served("fees@poc")) == ("better", "v1")


async def test_evaluation_counts_for_the_cases_of_today_only(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    case = Case("flg_1", "Is a transfer free?", "free for members", (), True, "flagged", "flag:1")
    await shop.store.cases.add("fees", case, organisation="acme", at_ms=1)
    with pytest.raises(NotEvaluated):
        await shop.promote("better")


async def test_evaluation_counts_for_the_knowledge_of_today_only(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    shop.index.coming = live_index(fees="# Fees\n\nA transfer costs 5 percent.\n")
    shop.deployments.refresh()
    with pytest.raises(NotEvaluated):
        await shop.promote("better")


async def test_half_finished_evaluation_does_not_count(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    (run, *_) = shop.store.runs.list("fees", organisation="acme")
    await shop.store.runs.begin(replace(run, id="run_later", finished_at_ms=None))
    await shop.promote("better")  # the finished run before it still does
    fresh = workshop(shop.folder)
    await evaluated(fresh, "fees@poc")
    (found, *_) = fresh.store.runs.list("fees", organisation="acme")
    wanted = fresh.deployments.candidate("fees", Stage.POC, "better")
    await fresh.store.runs.begin(
        replace(
            found,
            id="run_half",
            release=wanted.release,
            prompt=wanted.prompt.digest,
            finished_at_ms=None,
        )
    )
    with pytest.raises(NotEvaluated):
        await fresh.promote("better")


async def test_file_that_was_changed_after_its_evaluation_is_another_version(
    shop: Workshop,
) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    shop.write("better", prompt(sentences=3))
    with pytest.raises(NotEvaluated):
        await shop.promote("better")


async def test_version_that_is_in_place_is_not_promoted_again(shop: Workshop) -> None:
    with pytest.raises(AlreadyInPlace):
        await shop.promote("v1")
    shop.write("copy", prompt())
    with pytest.raises(AlreadyInPlace):
        await shop.promote("copy")


async def test_version_that_does_not_exist_or_is_faulty_is_refused_with_its_faults(
    shop: Workshop,
) -> None:
    with pytest.raises(InvalidConfiguration, match=r"prompts/v9\.md does not exist"):
        await shop.promote("v9")
    shop.write("draft", "+++\nsentences = 0\n+++\n{{passages}}")
    with pytest.raises(InvalidConfiguration, match=r"draft\.md"):
        await shop.promote("draft")
    with pytest.raises(InvalidConfiguration):
        await shop.promote("../../secret")


async def test_use_case_and_stage_must_be_there(shop: Workshop) -> None:
    granted = authorise(
        Principal("per_dev", "person", "dev", SCOPE, frozenset({"developer"})),
        Permission.PROMPT_PROMOTE,
    )
    with pytest.raises(NotFound):
        await promote(
            granted, shop.promotion, usecase="trips", to_stage=Stage.POC, version="better"
        )
    with pytest.raises(NotFound):
        await shop.promote("better", Stage.RETIRED)


async def test_only_who_may_promotes(shop: Workshop) -> None:
    reviewer = Principal("per_r", "person", "r", SCOPE, frozenset({"reviewer"}))
    with pytest.raises(Forbidden):
        authorise(reviewer, Permission.PROMPT_PROMOTE)
    with pytest.raises(Forbidden):
        await promote(
            authorise(reviewer, Permission.PROMPT_READ),
            shop.promotion,
            usecase="fees",
            to_stage=Stage.POC,
            version="better",
        )


async def test_of_two_who_promote_at_once_one_is_refused(shop: Workshop) -> None:
    shop.write("longer", prompt(sentences=5))
    await evaluated(shop, "fees@poc", "fees@poc#better", "fees@poc#longer")
    ends = await asyncio.gather(
        shop.promote("better"), shop.promote("longer"), return_exceptions=True
    )
    refused = [end for end in ends if isinstance(end, BaseException)]
    assert [type(end) for end in refused] == [LabelMoved]
    assert len(shop.store.labels.history("fees", Stage.POC, organisation="acme")) == 1
    assert sorted(moves(shop)) == [
        "prompt.promote.done",
        "prompt.promote.failed",
        "prompt.promote.intended",
        "prompt.promote.intended",
    ]


async def test_promotion_that_cannot_be_recorded_does_not_happen(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    shop.store.close()
    with pytest.raises(LedgerUnavailable):
        await shop.promote("better")
    assert shop.served() == "v1"


async def test_reason_stays_with_the_label_and_out_of_the_facts(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    granted = authorise(
        Principal("per_dev", "person", "dev", SCOPE, frozenset({"developer"})),
        Permission.PROMPT_PROMOTE,
    )
    with pytest.raises(InvalidRequest):
        await promote(
            granted,
            shop.promotion,
            usecase="fees",
            to_stage=Stage.POC,
            version="better",
            reason="x" * 2_000,
        )
    recorded = await promote(
        granted,
        shop.promotion,
        usecase="fees",
        to_stage=Stage.POC,
        version="better",
        reason=" Lovelace asked for it ",
    )
    assert recorded.value.reason == "Lovelace asked for it"
    assert b"Lovelace" not in recorded.entry.facts


async def test_roll_back_brings_back_what_was_there_at_once_and_on_record(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    await shop.promote("better")
    recorded = await shop.rollback()
    assert shop.served() == "v1"
    assert (recorded.value.name, recorded.value.ground) == ("v1", Ground.ROLLED_BACK)
    assert moves(shop)[-2:] == ["prompt.rollback.intended", "prompt.rollback.done"]


async def test_roll_back_needs_no_evaluation(shop: Workshop) -> None:
    await evaluated(shop, "fees@poc", "fees@poc#better")
    await shop.promote("better")
    shop.cases = ()
    shop.index.coming = live_index(fees="# Nothing\n\nNothing is known.\n")
    shop.deployments.refresh()
    await shop.rollback()
    assert shop.served() == "v1"


async def test_roll_backs_go_back_step_by_step_to_what_the_file_says(shop: Workshop) -> None:
    shop.write("longer", prompt(sentences=5, words="Quote all."))
    shop.cases = (
        *shop.cases,
        Case("long", "How is a refund done?", "form B7", (), True, "refunds"),
    )
    await evaluated(shop, "fees@poc", "fees@poc#better", "fees@poc#worse")
    with pytest.raises(NothingToRollBack):
        await shop.rollback()
    await shop.promote("better")
    shop.write("v1", prompt(sentences=4, words="Written anew."))
    await shop.rollback()
    assert shop.served() == "v1"
    with pytest.raises(NothingToRollBack):
        await shop.rollback()


async def test_second_roll_back_undoes_the_promotion_before(shop: Workshop) -> None:
    shop.write("shorter", prompt(sentences=1, refuse_below=0.3))
    shop.cases = tuple(case for case in shop.cases if case.id in {"fee", "days", "moon"})
    await evaluated(shop, "fees@poc", "fees@poc#better", "fees@poc#shorter")
    await shop.promote("shorter")
    shop.cases = (*shop.cases, Case("b7", "Which form does a refund need?", "B7", (), True, "r"))
    await evaluated(shop, "fees@poc", "fees@poc#better")
    await shop.promote("better")
    assert shop.served() == "better"
    await shop.rollback()
    assert shop.served() == "shorter"
    await shop.rollback()
    assert shop.served() == "v1"


async def test_version_whose_file_was_changed_cannot_come_back(shop: Workshop) -> None:
    shop.write("shorter", prompt(sentences=1, refuse_below=0.3))
    shop.cases = tuple(case for case in shop.cases if case.id in {"fee", "days", "moon"})
    await evaluated(shop, "fees@poc", "fees@poc#shorter")
    await shop.promote("shorter")
    await evaluated(shop, "fees@poc", "fees@poc#better")
    await shop.promote("better")
    shop.write("shorter", prompt(sentences=7))
    with pytest.raises(VersionGone, match=r"shorter\.md"):
        await shop.rollback()
    assert shop.served() == "better"
