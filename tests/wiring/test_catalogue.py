"""What is served follows the files, the indexes and the store, without a restart."""

from contextlib import closing
from pathlib import Path

import pytest

from passerelle.adapters.store.sqlite import open_store
from passerelle.core.values.chat import ChatRequest, Message
from passerelle.core.values.clock import SetClock
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.usecases.stages import StageMove
from passerelle.stories.serve.exchange import Arrival
from passerelle.stories.serve.parts import ModelNotFound
from tests.campaigns.ledgers import SIGNER
from tests.wiring.workshop import SCOPE, USECASE, Workshop, live_index, prompt, workshop


@pytest.fixture
def shop(tmp_path: Path, clock: SetClock) -> Workshop:
    return workshop(tmp_path, clock=clock)


async def promoted(shop: Workshop, version: str, stage: Stage = Stage.POC) -> None:
    for model in (f"fees@{stage}", f"fees@{stage}#{version}"):
        await shop.evaluate(model)
    await shop.promote(version, stage)


async def moved(shop: Workshop, to: Stage, before: Stage = Stage.POC) -> None:
    move = StageMove(f"stm_{to}", "fees", "acme", before, to, "", "per_dev", 5)
    await shop.store.stages.move(move)


def offered(shop: Workshop) -> list[str]:
    return [each.model for each in shop.deployments.offered(SCOPE)]


def test_file_says_what_is_served_while_the_store_says_nothing(shop: Workshop) -> None:
    assert offered(shop) == ["fees", "fees@pilot", "fees@poc"]
    found = shop.deployments.find("fees", SCOPE)
    assert found is not None
    assert (found.stage, found.prompt.name) == (Stage.POC, "v1")


async def test_label_of_a_stage_changes_prompt_and_release_of_that_stage_alone(
    shop: Workshop,
) -> None:
    before = {model: shop.deployments.find(model, SCOPE) for model in offered(shop)}
    await promoted(shop, "better", Stage.PILOT)
    after = {model: shop.deployments.find(model, SCOPE) for model in offered(shop)}
    changed = [
        model
        for model in after
        if (one := before[model]) and (two := after[model]) and one.release != two.release
    ]
    assert changed == ["fees@pilot"]
    assert shop.served("fees@pilot") == "better"


async def test_next_request_is_answered_with_the_version_that_was_just_put_in_place(
    shop: Workshop,
) -> None:
    key = await shop.key()

    async def ask() -> str:
        request = ChatRequest("fees", (Message("user", "How long does a refund take?"),))
        return (await shop.serving.answer(Arrival(request, key, "req_1", 0))).text

    assert "30 days" not in await ask()
    await promoted(shop, "better")
    assert "30 days" in await ask()
    await shop.rollback()
    assert "30 days" not in await ask()


async def test_version_written_while_the_process_runs_can_be_put_in_place(shop: Workshop) -> None:
    shop.write("late", prompt(sentences=5))
    await promoted(shop, "late")
    assert shop.served() == "late"


async def test_use_case_is_where_the_store_says(shop: Workshop) -> None:
    await moved(shop, Stage.PILOT)
    found = shop.deployments.find("fees", SCOPE)
    assert found is not None
    assert (found.stage, found.model) == (Stage.PILOT, "fees")
    assert shop.deployments.stage("fees") is Stage.PILOT


async def test_use_case_can_move_to_a_stage_that_its_file_has_no_table_for(
    shop: Workshop,
) -> None:
    assert shop.deployments.find("fees@limited", SCOPE) is None
    await moved(shop, Stage.LIMITED)
    found = shop.deployments.find("fees", SCOPE)
    assert found is not None
    assert (found.stage, found.policy.unknown_fields) == (Stage.LIMITED, "refuse")
    assert offered(shop) == ["fees", "fees@limited", "fees@pilot", "fees@poc"]


async def test_retired_use_case_is_served_at_no_stage(shop: Workshop) -> None:
    await moved(shop, Stage.RETIRED)
    assert offered(shop) == []


async def test_file_that_retires_a_use_case_has_the_last_word(
    tmp_path: Path, clock: SetClock
) -> None:
    text = USECASE.replace('stage = "poc"', 'stage = "retired"')
    shop = workshop(tmp_path, clock=clock, text=text)
    await moved(shop, Stage.PILOT, Stage.RETIRED)
    assert offered(shop) == []


def test_other_organisations_see_nothing(shop: Workshop) -> None:
    stranger = Scope("other", "support")
    assert shop.deployments.find("fees", stranger) is None
    assert shop.deployments.offered(stranger) == []
    assert shop.deployments.rehearsing().find("fees", stranger) is None


async def test_new_knowledge_changes_the_release(shop: Workshop) -> None:
    before = shop.deployments.in_place("fees", Stage.POC).release
    shop.index.coming = live_index(fees="# Fees\n\nA transfer costs 5 percent.\n")
    shop.deployments.refresh()
    found = shop.deployments.find("fees", SCOPE)
    assert found is not None
    assert found.release == shop.deployments.in_place("fees", Stage.POC).release != before


async def test_release_of_parts_in_force_is_the_release_that_serves(shop: Workshop) -> None:
    await promoted(shop, "better")
    found = shop.deployments.find("fees@poc", SCOPE)
    assert found is not None
    assert shop.deployments.parts_in_force("fees", Stage.POC).digest == found.release


async def test_change_by_another_process_is_served_within_a_second(
    tmp_path: Path, clock: SetClock
) -> None:
    data = tmp_path / "data"
    with (
        closing(open_store(data, clock=clock, signer=SIGNER)) as gateways,
        closing(open_store(data, clock=clock, signer=SIGNER)) as commands,
    ):
        gateway = workshop(tmp_path, clock=clock, store=gateways)
        command = workshop(tmp_path, clock=clock, store=commands)
        assert gateway.served() == "v1"
        await promoted(command, "better")
        await moved(command, Stage.PILOT)
        clock.advance(seconds=1)
        assert gateway.served("fees@poc") == "better"
        assert gateway.deployments.stage("fees") is Stage.PILOT
        await command.rollback()
        clock.advance(seconds=1)
        assert gateway.served("fees@poc") == "v1"


async def test_what_was_put_in_place_is_there_after_a_restart(shop: Workshop) -> None:
    await promoted(shop, "better")
    await moved(shop, Stage.PILOT)
    shop.start()
    assert (shop.served("fees@poc"), shop.served()) == ("better", "v1")


async def test_file_changed_under_a_running_process_changes_nothing_in_place(
    shop: Workshop,
) -> None:
    await promoted(shop, "better")
    assert shop.served() == "better"
    shop.write("better", prompt(sentences=1))
    await moved(shop, Stage.PILOT)
    found = shop.deployments.find("fees@poc", SCOPE)
    assert found is not None
    assert found.prompt.sentences == 4


async def test_stage_that_lost_its_prompt_is_not_served_and_said_so(shop: Workshop) -> None:
    await promoted(shop, "better")
    shop.write("better", prompt(sentences=1))
    shop.start()
    assert offered(shop) == ["fees@pilot"]
    (fault,) = shop.deployments.faults
    assert "fees@poc has lost its prompt" in fault
    await shop.rollback()
    assert shop.served() == "v1"
    assert shop.deployments.faults == ()


async def test_candidate_is_reached_by_evaluation_and_by_no_caller(shop: Workshop) -> None:
    assert shop.deployments.find("fees#better", SCOPE) is None
    assert shop.deployments.find("fees@poc#better", SCOPE) is None
    rehearsed = shop.deployments.rehearsing().find("fees@pilot#better", SCOPE)
    assert rehearsed is not None
    assert (rehearsed.prompt.name, rehearsed.stage) == ("better", Stage.PILOT)
    assert rehearsed.release == shop.deployments.candidate("fees", Stage.PILOT, "better").release
    key = await shop.key()
    request = ChatRequest("fees@poc#better", (Message("user", "How long?"),))
    with pytest.raises(ModelNotFound):
        await shop.serving.answer(Arrival(request, key, "req_1", 0, purpose="rehearsal"))


@pytest.mark.parametrize("model", ["fees", "fees@poc", "fees#v1", "fees@poc#v1"])
def test_evaluation_reaches_what_callers_reach(shop: Workshop, model: str) -> None:
    rehearsed = shop.deployments.rehearsing().find(model, SCOPE)
    found = shop.deployments.find("fees", SCOPE)
    assert rehearsed is not None
    assert found is not None
    assert rehearsed.release == found.release


@pytest.mark.parametrize(
    "model",
    [
        "fees#v9",
        "fees@nowhere",
        "fees@retired",
        "trips",
        "",
        "#better",
        "fees#",
        "fees@",
        "fees#../v1",
    ],
)
def test_evaluation_of_what_is_not_there_finds_nothing(shop: Workshop, model: str) -> None:
    assert shop.deployments.rehearsing().find(model, SCOPE) is None


def test_stage_that_is_not_reached_yet_can_be_rehearsed(shop: Workshop) -> None:
    found = shop.deployments.rehearsing().find("fees@production", SCOPE)
    assert found is not None
    assert found.policy.unsupported == "refuse"


def test_versions_are_those_of_file_and_folder(shop: Workshop) -> None:
    names = [version.name for version in shop.deployments.versions("fees")]
    assert names == ["better", "reworded", "v1", "worse"]
    assert shop.deployments.versions("trips") == ()
