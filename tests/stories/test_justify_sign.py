from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec
import pytest

from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.ids import digest_of
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Stage
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.domain.readiness.signoffs import Meaning, Signature, Signoff, Standing
from passerelle.domain.usecases.stages import StageMove
from passerelle.stories.justify.sign import LONGEST_REASON, SecondSignature, sign
from tests.stories.office import events
from tests.stories.project import CHARTER, NAME, SIGNERS, Project, sound_project


async def signed(
    project: Project,
    role: str,
    *,
    who: Principal | None = None,
    meaning: Meaning = Meaning.APPROVE,
    reason: str = "I have read it.",
    usecase: str = NAME,
) -> Recorded[Signoff]:
    granted = authorise(who or project.people[role], Permission.READINESS_SIGN)
    return await sign(
        granted, project.parts, usecase=usecase, role=role, meaning=meaning, reason=reason
    )


def signature(project: Project, role: str) -> Signature:
    return next(each for each in project.report().signatures if each.role == role)


async def test_a_signature_holds_while_nothing_changes() -> None:
    project = await sound_project()
    recorded = await signed(project, "security")
    project.clock.advance(seconds=5 * 86_400)
    found = signature(project, "security")
    assert (found.standing, found.reasons) == (Standing.FRESH, ())
    assert found.signoff == recorded.value
    assert recorded.value.stage is Stage.PILOT


async def test_a_signature_is_on_record_and_its_reason_can_be_erased() -> None:
    project = await sound_project()
    recorded = await signed(project, "security", reason="  Red team report 7.  ")
    intended = project.store.ledger.of_subject(recorded.value.id, organisation="acme")[0]
    assert [intended.event, recorded.entry.event] == [
        "readiness.sign.intended",
        "readiness.sign.done",
    ]
    assert project.store.ledger.content(intended.commitment) == b"Red team report 7."
    facts = msgspec.json.decode(recorded.entry.facts)
    assert facts["basis"] == recorded.value.basis.digest
    assert "Red team" not in recorded.entry.facts.decode()


async def new_projection(project: Project) -> None:
    project.clock.advance(seconds=60)
    await project.projected()


async def new_load_test(project: Project) -> None:
    project.clock.advance(seconds=60)
    await project.loaded()


async def new_evaluation(project: Project) -> None:
    await project.evaluated(right=119)


async def changed_prompt(project: Project) -> None:
    project.change_release(prompt=digest_of("v2"))


async def changed_documents(project: Project) -> None:
    project.change_release(knowledge=digest_of("more documents"))


async def changed_kpi(project: Project) -> None:
    project.change_charter(kpi=replace(CHARTER.kpi, target=3))


async def changed_budget(project: Project) -> None:
    project.change(budget=Budget(month_nano=1))


async def revoked_signer(project: Project) -> None:
    key_id = project.people["security"].key_id
    await project.store.keys.revoke(key_id, at_ms=project.clock.now_ms())


async def clock_gone_back(project: Project) -> None:
    project.clock.advance(seconds=-1)


CHANGES: dict[str, Callable[[Project], Awaitable[None]]] = {
    "The prompt has changed.": changed_prompt,
    "The knowledge has changed.": changed_documents,
    "The charter has changed.": changed_kpi,
    "The budget has changed.": changed_budget,
    "The evidence of projection has changed.": new_projection,
    "The evidence of load has changed.": new_load_test,
    "The evidence of evaluation has changed.": new_evaluation,
    "The signer is not known as a holder of the role security any more.": revoked_signer,
}


@pytest.mark.parametrize("reason", CHANGES)
async def test_a_change_turns_the_signature_stale_and_is_named(reason: str) -> None:
    project = await sound_project()
    await signed(project, "security")
    await CHANGES[reason](project)
    found = signature(project, "security")
    assert (found.standing, found.reasons) == (Standing.STALE, (reason,))


async def test_a_signature_from_the_future_does_not_hold() -> None:
    project = await sound_project()
    await signed(project, "security")
    await clock_gone_back(project)
    found = signature(project, "security")
    assert found.standing is Standing.STALE
    assert "dated in the future" in found.reasons[0]


async def test_a_signature_is_for_one_stage() -> None:
    project = await sound_project()
    await signed(project, "security")
    await project.store.stages.move(
        StageMove("mov_1", NAME, "acme", Stage.POC, Stage.PILOT, "", "per_1", 0)
    )
    assert "It was given for pilot, not for limited." in signature(project, "security").reasons


async def test_signing_again_makes_it_hold_again() -> None:
    project = await sound_project()
    await signed(project, "security")
    await changed_prompt(project)
    await signed(project, "security")
    assert signature(project, "security").standing is Standing.FRESH


async def test_a_rejection_is_shown_with_its_reason() -> None:
    project = await sound_project()
    await signed(project, "security", meaning=Meaning.REJECT, reason="No red team yet.")
    found = signature(project, "security")
    assert (found.standing, found.reasons) == (Standing.REJECTED, ("Rejected: No red team yet.",))


async def test_a_holder_whose_key_ran_out_is_still_known() -> None:
    project = await sound_project()
    await signed(project, "security")
    project.clock.advance(seconds=91 * 86_400)
    reasons = signature(project, "security").reasons
    assert not any("not known" in reason for reason in reasons)


@pytest.mark.parametrize("role", SIGNERS)
@pytest.mark.parametrize("holder", SIGNERS)
async def test_only_who_holds_the_role_signs_for_it(role: str, holder: str) -> None:
    project = await sound_project()
    if role == holder:
        await signed(project, role)
        assert signature(project, role).standing is Standing.FRESH
        return
    with pytest.raises(Forbidden, match=role):
        await signed(project, role, who=project.people[holder])
    assert project.store.signoffs.list(NAME, organisation="acme") == ()


async def test_an_administrator_signs_for_nobody() -> None:
    project = await sound_project()
    administrator = await project.key("root", "administrator")
    with pytest.raises(Forbidden):
        await signed(project, "security", who=administrator)


async def test_one_person_signs_for_one_role_only() -> None:
    project = await sound_project()
    both = await project.key("both", "security", "compliance")
    await signed(project, "security", who=both)
    with pytest.raises(SecondSignature, match="security"):
        await signed(project, "compliance", who=both)
    await signed(project, "security")  # somebody else takes over
    await signed(project, "compliance", who=both)
    assert signature(project, "compliance").standing is Standing.FRESH


@pytest.mark.parametrize("reason", ["", "  ", "x" * (LONGEST_REASON + 1)])
async def test_a_signature_says_why(reason: str) -> None:
    project = await sound_project()
    with pytest.raises(InvalidRequest, match="reason"):
        await signed(project, "security", reason=reason)


async def test_a_role_that_does_not_sign_is_told_those_that_do() -> None:
    project = await sound_project()
    with pytest.raises(InvalidRequest, match="business_owner, developer, security, compliance"):
        await signed(project, "ceo", who=project.people["security"])


async def test_an_unknown_use_case_cannot_be_signed() -> None:
    project = await sound_project()
    with pytest.raises(NotFound):
        await signed(project, "security", usecase="other")


async def test_nothing_is_signed_that_cannot_be_recorded() -> None:
    project = await sound_project()
    project.store.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await signed(project, "security")
    assert project.store.signoffs.list(NAME, organisation="acme") == ()


async def test_refused_signatures_leave_no_trace() -> None:
    project = await sound_project()
    before = events(project.store)
    with pytest.raises(Forbidden):
        await signed(project, "security", who=project.people["developer"])
    assert events(project.store) == before
