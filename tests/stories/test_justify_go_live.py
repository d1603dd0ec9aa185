from dataclasses import replace

import msgspec
import pytest

from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.domain.readiness.signoffs import REQUIRED, Meaning
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.domain.usecases.stages import ImpossibleMove, StageMove, StageMoved
from passerelle.stories.justify.go_live import NotReady, go_live
from passerelle.stories.justify.sign import sign
from tests.stories.office import events
from tests.stories.project import NAME, Project, sound_project


async def signed(project: Project, *roles: str, meaning: Meaning = Meaning.APPROVE) -> None:
    for role in roles:
        await sign(
            project.granted(role, Permission.READINESS_SIGN),
            project.parts,
            usecase=NAME,
            role=role,
            meaning=meaning,
            reason="Looked at.",
        )


async def moved(
    project: Project, to: Stage, *, role: str = "business_owner"
) -> Recorded[StageMove]:
    granted = project.granted(role, Permission.USECASE_PROMOTE)
    return await go_live(granted, project.parts, NAME, to=to, reason="It is time.")


def stage(project: Project) -> Stage | None:
    return project.store.stages.current(NAME, organisation="acme")


async def placed(project: Project, at: Stage) -> None:
    await project.store.stages.move(StageMove("mov_0", NAME, "acme", Stage.POC, at, "", "per_1", 0))


async def test_a_sound_and_signed_use_case_becomes_a_pilot() -> None:
    project = await sound_project()
    await signed(project, "business_owner", "security")
    recorded = await moved(project, Stage.PILOT)
    assert stage(project) is Stage.PILOT
    assert (recorded.value.before, recorded.value.to) == (Stage.POC, Stage.PILOT)
    assert recorded.entry.event == "usecase.stage.done"
    facts = msgspec.json.decode(recorded.entry.facts)
    assert (facts["before"], facts["to"]) == ("poc", "pilot")
    assert facts["release"] == project.candidate.release(Stage.PILOT)
    assert (project.report().stage, project.report().target) == (Stage.PILOT, Stage.LIMITED)


async def test_a_blocker_keeps_it_where_it_is_and_is_named() -> None:
    project = await sound_project()
    await project.key("laptop", "end_user", env="dev")
    await signed(project, "business_owner", "security")
    with pytest.raises(NotReady, match="SEC-03") as refused:
        await moved(project, Stage.PILOT)
    assert [each.check.id for each in refused.value.blockers] == ["SEC-03"]
    assert refused.value.unsigned == ()
    assert (refused.value.status, stage(project)) == (409, None)
    assert "usecase.stage.intended" not in events(project.store)


async def test_a_warning_keeps_nothing() -> None:
    project = await sound_project()
    await project.key("robot", "end_user", days=None)
    await signed(project, "business_owner", "security")
    await moved(project, Stage.PILOT)
    assert stage(project) is Stage.PILOT


async def test_missing_signatures_are_named() -> None:
    project = await sound_project()
    await signed(project, "security")
    with pytest.raises(NotReady, match=r"signature of business_owner: Nobody has signed\."):
        await moved(project, Stage.PILOT)
    assert stage(project) is None


async def test_a_stale_signature_is_named_with_what_changed() -> None:
    project = await sound_project()
    await signed(project, "business_owner", "security")
    project.clock.advance(seconds=60)
    await project.loaded()
    with pytest.raises(NotReady) as refused:
        await moved(project, Stage.PILOT)
    assert [each.role for each in refused.value.unsigned] == ["business_owner", "security"]
    assert "The evidence of load has changed." in refused.value.message


async def test_a_rejection_stands_in_the_way() -> None:
    project = await sound_project()
    await signed(project, "business_owner")
    await signed(project, "security", meaning=Meaning.REJECT)
    with pytest.raises(NotReady, match="Rejected: Looked at"):
        await moved(project, Stage.PILOT)


@pytest.mark.parametrize(
    "to", [stage for stage in Stage if stage not in (Stage.POC, Stage.PILOT, Stage.RETIRED)]
)
async def test_no_stage_is_skipped(to: Stage) -> None:
    project = await sound_project()
    with pytest.raises(ImpossibleMove, match="From poc it can go to pilot"):
        await moved(project, to)


@pytest.mark.parametrize("at", [Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION])
async def test_every_later_stage_asks_for_its_own_signatures(at: Stage) -> None:
    project = await sound_project()
    order = list(Stage)
    await placed(project, order[order.index(at) - 1])
    pilot = project.candidate.setups[Stage.PILOT]
    setups = {**project.candidate.setups, at: replace(pilot, policy=DEFAULTS[at])}
    project.change(setups=setups)
    with pytest.raises(NotReady) as refused:
        await moved(project, at)
    assert {each.role for each in refused.value.unsigned} == set(REQUIRED[at])


@pytest.mark.parametrize("to", [Stage.POC, Stage.PILOT, Stage.RETIRED])
async def test_back_goes_at_any_time_however_much_is_missing(to: Stage) -> None:
    project = await sound_project()
    await placed(project, Stage.LIMITED)
    await project.key("laptop", "end_user", env="dev")
    recorded = await moved(project, to, role="security")
    assert stage(project) is to
    assert recorded.entry.event == "usecase.stage.done"


async def test_retired_is_for_good() -> None:
    project = await sound_project()
    await moved(project, Stage.RETIRED)
    with pytest.raises(ImpossibleMove, match="for good"):
        await moved(project, Stage.POC)


async def test_standing_still_is_no_move() -> None:
    project = await sound_project()
    with pytest.raises(ImpossibleMove, match="at poc already"):
        await moved(project, Stage.POC)


async def test_only_the_first_of_two_moves_from_the_same_stage_counts() -> None:
    project = await sound_project()
    await placed(project, Stage.PILOT)
    late = StageMove("mov_9", NAME, "acme", Stage.POC, Stage.PILOT, "", "per_2", 0)
    with pytest.raises(StageMoved, match="at pilot now"):
        await project.store.stages.move(late)
    assert len(project.store.stages.history(NAME, organisation="acme")) == 1


@pytest.mark.parametrize("role", ["developer", "compliance", "reviewer", "end_user"])
async def test_others_may_not_move_it(role: str) -> None:
    project = await sound_project()
    somebody = await project.key("somebody", role)
    with pytest.raises(Forbidden):
        authorise(somebody, Permission.USECASE_PROMOTE)


async def test_nothing_moves_that_cannot_be_recorded() -> None:
    project = await sound_project()
    await signed(project, "business_owner", "security")
    project.store.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await moved(project, Stage.PILOT)
    assert stage(project) is None


async def test_an_unknown_use_case_cannot_move() -> None:
    project = await sound_project()
    granted = project.granted("business_owner", Permission.USECASE_PROMOTE)
    with pytest.raises(NotFound):
        await go_live(granted, project.parts, "other", to=Stage.PILOT)


async def test_a_reason_has_an_end() -> None:
    project = await sound_project()
    granted = project.granted("business_owner", Permission.USECASE_PROMOTE)
    with pytest.raises(InvalidRequest):
        await go_live(granted, project.parts, NAME, to=Stage.RETIRED, reason="x" * 2_001)
