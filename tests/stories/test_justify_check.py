from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from passerelle.cli import checking
from passerelle.core.values.errors import InvalidRequest, NotFound, Unavailable
from passerelle.core.values.ids import digest_of
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope, Stage
from passerelle.core.values.verdicts import Support
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.costs.price_book import FixedPrices
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.knowledge.documents import DocumentRecord
from passerelle.domain.ledger.entries import LedgerUnreadable
from passerelle.domain.readiness.checks import Family, Outcome
from passerelle.domain.readiness.facts import Proof
from passerelle.domain.readiness.gate import CHECKS, ExitCode, Verdict
from passerelle.domain.readiness.signoffs import Standing
from passerelle.domain.usecases.profiles import DataClass
from passerelle.domain.usecases.stages import StageMove
from passerelle.domain.usecases.timetable import Timetable
from passerelle.stories.justify.candidates import Listener
from passerelle.stories.justify.check import check
from passerelle.stories.justify.waive import waive
from tests.stories.kitchen import guards, index_of
from tests.stories.project import CHARTER, DAY, DAY_MS, LOAD, NAME, Project, sound_project

Plant = Callable[[Project], Awaitable[None]]


async def vague_goal(project: Project) -> None:
    project.change_charter(goal="Clerks find the right fee much faster than before.")


async def kill_value_worse_than_before(project: Project) -> None:
    project.change_charter(kpi=replace(CHARTER.kpi, kill_value=11))


async def role_without_holder(project: Project) -> None:
    project.change_charter(roles=replace(CHARTER.roles, security="To be named"))


async def one_holder_of_two_roles(project: Project) -> None:
    project.change_charter(roles=replace(CHARTER.roles, security="ada "))


async def date_in_the_past(project: Project) -> None:
    project.change(timetable=Timetable({Stage.PILOT: date(2023, 11, 13)}))


async def stage_without_a_table(project: Project) -> None:
    # What the pilot would serve stays the same, so the evidence stays valid.
    pilot = project.candidate.setups[Stage.PILOT]
    project.change(setups={Stage.POC: pilot})


async def few_cases(project: Project) -> None:
    await project.evaluated(right=99, of=99)


async def wrong_answers(project: Project) -> None:
    await project.evaluated(right=80, of=120)


async def old_evaluation(project: Project) -> None:
    now_ms = project.clock.now_ms()
    run = project.store.runs.latest(NAME, organisation="acme")
    assert run is not None
    await project.store.runs.finish(run.id, at_ms=now_ms - 91 * DAY_MS)


async def guessing(project: Project) -> None:
    await project.asked(10, support=Support.UNSUPPORTED)


async def nothing_to_search(project: Project) -> None:
    project.change(index=index_of())


async def unreadable_document(project: Project) -> None:
    index = project.candidate.index
    assert index is not None
    damaged = DocumentRecord("b.pdf", "b", "", 0, 0, "quarantined", "It is damaged.")
    project.change(index=PartlyRead((*index.documents(), damaged)))


async def forgotten_flag(project: Project) -> None:
    project.clock.advance(seconds=-8 * DAY)
    await project.asked()
    await project.flagged(reviewed=False)
    project.clock.advance(seconds=8 * DAY)


async def guard_that_only_notes(project: Project) -> None:
    policies = guards(personal_data={}, secrets={"output": "annotate"}, injection={})
    project.change(guards=policies)


async def text_that_no_guard_could_read(project: Project) -> None:
    await project.asked(guards=[{"guard": "secrets", "outcome": "not_scanned"}])


async def development_key(project: Project) -> None:
    await project.key("laptop", "end_user", env="dev")


async def endless_key(project: Project) -> None:
    await project.key("robot", "end_user", days=None)


async def unused_key(project: Project) -> None:
    project.clock.advance(seconds=-31 * DAY)
    await project.key("gone", "end_user")
    project.clock.advance(seconds=31 * DAY)


async def open_listener(project: Project) -> None:
    project.look_through(listener=Listener("0.0.0.0", tls=False))  # noqa: S104 - planted


async def changed_record(project: Project) -> None:
    entries = project.store.ledger._entries
    entries[0] = entries[0]._replace(principal="per_somebody_else")


async def personal_data_for_ever(project: Project) -> None:
    profile = replace(project.candidate.profile, data_class=DataClass.HEALTH)
    project.change(profile=profile)


async def unknown_price(project: Project) -> None:
    project.look_through(prices=FixedPrices("agreed", {}))


async def stale_projection(project: Project) -> None:
    project.clock.advance(seconds=-30 * DAY)
    await project.projected()
    project.clock.advance(seconds=30 * DAY)


async def small_sample(project: Project) -> None:
    await project.projected(calibrated=False)


async def no_budget(project: Project) -> None:
    project.change(budget=Budget(requests_per_minute=60))


async def slightly_too_little_load(project: Project) -> None:
    await project.loaded(replace(LOAD, offered=14_970, latencies_ms=[20.0] * 14_970))


PLANTED: dict[str, Plant] = {
    "VAL-01": vague_goal,
    "VAL-02": kill_value_worse_than_before,
    "PPL-01": role_without_holder,
    "PPL-02": one_holder_of_two_roles,
    "PLN-01": date_in_the_past,
    "PLN-02": stage_without_a_table,
    "REL-01": few_cases,
    "REL-02": wrong_answers,
    "REL-03": old_evaluation,
    "REL-04": guessing,
    "KNO-01": nothing_to_search,
    "KNO-02": unreadable_document,
    "FBK-01": forgotten_flag,
    "SEC-01": guard_that_only_notes,
    "SEC-02": text_that_no_guard_could_read,
    "SEC-03": development_key,
    "SEC-04": endless_key,
    "SEC-05": unused_key,
    "SEC-06": open_listener,
    "COM-01": changed_record,
    "COM-02": personal_data_for_ever,
    "FIN-01": unknown_price,
    "FIN-02": stale_projection,
    "FIN-03": small_sample,
    "FIN-04": no_budget,
    "CAP-01": slightly_too_little_load,
}


async def test_nothing_is_missing_in_a_sound_project() -> None:
    report = (await sound_project()).report()
    assert [each.decision.evidence for each in report.judgement.results if not each.holds] == []
    assert report.judgement.line == "PRODUCT: all 22 blockers hold"
    assert report.line == "PRODUCT: all 22 blockers hold; 2 signatures missing"
    assert report.judgement.exit_code is ExitCode.PRODUCT
    assert (report.stage, report.target) == (Stage.POC, Stage.PILOT)


def test_a_defect_is_planted_for_every_check() -> None:
    assert list(PLANTED) == [each.id for each in CHECKS]


def test_every_family_has_a_check() -> None:
    assert {each.family for each in CHECKS} == set(Family)


@pytest.mark.parametrize("check_id", PLANTED)
async def test_a_planted_defect_turns_exactly_its_check_red(check_id: str) -> None:
    project = await sound_project()
    await PLANTED[check_id](project)
    assert project.red() == [check_id]
    result = next(r for r in project.report().judgement.results if not r.holds)
    assert result.outcome is Outcome.FAIL
    assert result.decision.evidence
    assert result.check.remediation
    assert result.check.owner in {"business_owner", "developer", "security", "compliance"}


@pytest.mark.parametrize("check_id", PLANTED)
async def test_only_a_blocker_makes_a_demo_of_it(check_id: str) -> None:
    project = await sound_project()
    await PLANTED[check_id](project)
    judgement = project.report().judgement
    if judgement.blockers:
        assert judgement.line == "DEMO, not a product: 1 of 22 missing"
        assert judgement.exit_code is ExitCode.DEMO
    else:
        assert [each.check.id for each in judgement.warnings] == [check_id]
        assert judgement.exit_code is ExitCode.PRODUCT


async def test_a_changed_part_of_the_release_voids_what_was_measured_on_it() -> None:
    project = await sound_project()
    project.change_release(prompt=digest_of("another prompt"))
    assert project.red() == ["REL-03", "FIN-02", "CAP-01"]


async def test_evidence_of_the_stage_before_counts_when_only_strictness_differs() -> None:
    project = await sound_project()
    await project.evaluated(release=project.candidate.release(Stage.POC))
    assert project.red() == []


async def test_an_empty_project_is_a_demo_with_every_gap_explained() -> None:
    sound = await sound_project()
    empty = await sound_project()
    empty.look_through(
        runs=type(sound.store.runs)(),
        evidence=type(sound.store.evidence)(),
        ledger=type(sound.store.ledger)(sound.store.ledger.verifier),
    )
    judgement = empty.report().judgement
    missing = {each.check.id: each.outcome for each in judgement.results if not each.holds}
    assert missing == dict.fromkeys(
        ("REL-01", "REL-02", "REL-03", "REL-04", "FBK-01", "SEC-02", "FIN-02", "CAP-01"),
        Outcome.NOT_AVAILABLE,
    )
    assert judgement.verdict is Verdict.DEMO


async def test_rehearsals_are_not_live_traffic() -> None:
    project = await sound_project()
    await project.asked(50, support=Support.UNSUPPORTED, purpose="rehearsal")
    assert project.red() == []


async def test_few_live_answers_do_not_decide_beside_the_evaluation() -> None:
    project = await sound_project()
    project.clock.advance(seconds=31 * DAY)
    await project.asked(3, support=Support.UNSUPPORTED)
    assert "REL-04" not in project.red()


async def test_what_cannot_be_looked_at_is_an_error_and_no_demo() -> None:
    def unreadable() -> Proof:
        raise LedgerUnreadable("The disk is gone.")

    project = await sound_project()
    project.look_through(audit=unreadable)
    judgement = project.report().judgement
    assert [each.outcome for each in judgement.blockers] == [Outcome.ERROR]
    assert "The disk is gone." in judgement.blockers[0].decision.evidence
    assert judgement.line == "UNDECIDED: 1 of 22 could not be checked"
    assert judgement.exit_code is ExitCode.NOT_RUN


async def test_a_clock_that_went_back_makes_evidence_void_and_says_so() -> None:
    project = await sound_project()
    project.clock.advance(seconds=-3_600)
    judgement = project.report().judgement
    red = {each.check.id: each.decision.evidence for each in judgement.results if not each.holds}
    assert set(red) == {"REL-03", "FIN-02", "CAP-01"}
    assert all("dated in the future" in evidence for evidence in red.values())


async def test_a_use_case_without_documents_needs_none() -> None:
    project = await sound_project()
    project.change(index=None)
    results = {each.check.id: each.outcome for each in project.report().judgement.results}
    assert results["KNO-01"] is results["KNO-02"] is Outcome.NOT_APPLICABLE
    assert project.report().judgement.line == "PRODUCT: all 21 blockers hold"


async def test_a_waiver_holds_until_it_ends_and_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = await sound_project()
    await no_budget(project)
    await waive(
        project.granted("business_owner", Permission.EVIDENCE_WRITE),
        project.parts,
        usecase=NAME,
        check_id="FIN-04",
        reason="The model is free.",
        days=20,
    )
    judgement = project.report().judgement
    assert judgement.line == "PRODUCT: all 22 blockers hold (1 by a waiver)"
    waived = next(each for each in judgement.results if each.outcome is Outcome.WAIVED)
    assert "The model is free." in waived.decision.evidence
    assert "20 more days" in waived.decision.evidence
    checking._print(project.report())
    printed = capsys.readouterr().out.splitlines()
    row = printed.index("waived  FIN-04  There is a budget")
    assert f"Waived by {project.people['business_owner'].id}" in printed[row + 1]
    project.clock.advance(seconds=20 * DAY)
    assert "FIN-04" in project.red()


@pytest.mark.parametrize(
    ("role", "check_id", "days", "reason", "wrong"),
    [
        ("developer", "FIN-04", 20, "Free.", Forbidden),
        ("business_owner", "FIN-99", 20, "Free.", InvalidRequest),
        ("business_owner", "FIN-04", 0, "Free.", InvalidRequest),
        ("business_owner", "FIN-04", 91, "Free.", InvalidRequest),
        ("business_owner", "FIN-04", 20, " ", InvalidRequest),
    ],
)
async def test_nobody_waives_what_they_do_not_own_or_for_ever(
    role: str, check_id: str, days: int, reason: str, wrong: type[Exception]
) -> None:
    project = await sound_project()
    granted = project.granted(role, Permission.EVIDENCE_WRITE)
    with pytest.raises(wrong):
        await waive(
            granted, project.parts, usecase=NAME, check_id=check_id, reason=reason, days=days
        )
    assert project.store.evidence.latest(NAME, "waiver", organisation="acme") is None


async def test_a_broken_look_cannot_be_waived() -> None:
    def unreadable() -> Proof:
        raise Unavailable("The disk is gone.")

    project = await sound_project()
    project.look_through(audit=unreadable)
    await waive(
        project.granted("compliance", Permission.EVIDENCE_WRITE),
        project.parts,
        usecase=NAME,
        check_id="COM-01",
        reason="It will be fine.",
        days=20,
    )
    assert project.report().judgement.exit_code is ExitCode.NOT_RUN


async def test_an_unknown_or_foreign_use_case_does_not_exist() -> None:
    project = await sound_project()
    granted = project.granted("security", Permission.READINESS_READ)
    with pytest.raises(NotFound, match="no use case 'other'"):
        check(granted, project.parts, "other")


async def test_another_organisation_sees_none_of_the_evidence() -> None:
    project = await sound_project()
    stranger = Principal("per_x", "person", "X", Scope("other", "t"), frozenset({"security"}))
    report = check(authorise(stranger, Permission.READINESS_READ), project.parts, NAME)
    missing = {each.check.id for each in report.judgement.results if not each.holds}
    assert {"REL-01", "SEC-02", "FIN-02", "CAP-01", "FBK-01"} <= missing


async def test_a_retired_use_case_is_not_checked() -> None:
    project = await sound_project()
    move = StageMove("mov_1", NAME, "acme", Stage.POC, Stage.RETIRED, "", "per_1", 0)
    await project.store.stages.move(move)
    with pytest.raises(InvalidRequest, match="retired"):
        project.report()


async def test_signatures_are_told_beside_the_verdict_and_do_not_change_it() -> None:
    report = (await sound_project()).report()
    assert {each.standing for each in report.signatures} == {Standing.MISSING}
    assert [each.role for each in report.unsigned] == ["business_owner", "security"]
    assert report.judgement.verdict is Verdict.PRODUCT


class PartlyRead:
    """An index of which only the list of documents is asked for."""

    version = digest_of("partly")

    def __init__(self, records: tuple[DocumentRecord, ...]) -> None:
        self._records = records

    def documents(self) -> tuple[DocumentRecord, ...]:
        return self._records
