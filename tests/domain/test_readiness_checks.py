from dataclasses import replace
from datetime import date, timedelta

import pytest

from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.evidence import Evidence, Freshness, Grade
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.checks import DAY_MS, Outcome, Result, judge
from passerelle.domain.readiness.economy import LOAD_DAYS
from passerelle.domain.readiness.facts import (
    Course,
    Documents,
    Evaluated,
    Facts,
    Feedback,
    Guarding,
    Keys,
    Proof,
    Purpose,
    Reach,
    Retention,
    Spending,
    Traffic,
    Unknown,
)
from passerelle.domain.readiness.gate import CHECKS
from passerelle.domain.readiness.loads import LoadSeen, figures_of, load_facts
from passerelle.domain.readiness.quality import BARS, OPEN_DAYS

NOW = 400 * DAY_MS
RELEASE = digest_of("release")
TODAY = date(2026, 6, 1)


def evidence(kind: str, *, days_ago: int = 1, subject: Digest = RELEASE) -> Evidence:
    at_ms = NOW - days_ago * DAY_MS
    return Evidence(
        id="evd_1",
        kind=kind,
        subject=subject,
        usecase="fees",
        organisation="acme",
        by="per_1",
        at_ms=at_ms,
        expires_at_ms=at_ms + 400 * DAY_MS,
        grade=Grade.BEFORE_AFTER,
        facts=load_facts(figures_of(LoadSeen(15_000, 30.0, [20.0] * 15_000))),
    )


FACTS = Facts(
    target=Stage.PILOT,
    now_ms=NOW,
    releases=frozenset({RELEASE}),
    purpose=Purpose(
        "Clerks find a fee in 2 minutes, not 10.", "time", "min", 10, 2, 8, higher_is_better=False
    ),
    people={"business_owner": "Ada", "developer": "Ben", "security": "Cleo", "compliance": "Dan"},
    guarding=Guarding(
        {
            "input": frozenset({"injection", "personal_data", "secrets"}),
            "output": frozenset({"personal_data", "secrets"}),
        }
    ),
    retention=Retention("internal", sensitive=False, keeps_content=True),
    course=Course(TODAY, TODAY, prepared=True),
    spending=Spending("extractive/extractive", price_known=True, limited=True),
    evaluated=Evaluated(
        NOW - DAY_MS, same_release=True, right=wilson(90, 100), unsupported=wilson(2, 100)
    ),
    traffic=Traffic(30, 100, wilson(2, 100), wilson(0, 400)),
    keys=Keys(("k1",), (), (), ()),
    reach=Reach("127.0.0.1", loopback=True, tls=False),
    proof=Proof(ok=True, entries=100),
    projection=replace(evidence("projection"), facts={"users": 10_000}),
    load=evidence("load"),
    feedback=Feedback(3, 3, None),
    documents=Documents(10, ()),
)


def decided(check_id: str, **changes: object) -> Result:
    facts = replace(FACTS, **changes)  # type: ignore[arg-type]
    return judge(next(each for each in CHECKS if each.id == check_id), facts)


def outcome(check_id: str, **changes: object) -> Outcome:
    return decided(check_id, **changes).outcome


def evaluated(**changes: object) -> Evaluated:
    assert isinstance(FACTS.evaluated, Evaluated)
    return replace(FACTS.evaluated, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "goal",
    [
        "Cool chatbot",
        "We want to use AI for better support of customers",
        "Answer 10",
        "",
    ],
)
def test_a_goal_without_substance_or_figure_fails(goal: str) -> None:
    purpose = replace(FACTS.purpose, goal=goal)
    assert outcome("VAL-01", purpose=purpose) is Outcome.FAIL


@pytest.mark.parametrize(
    "goal",
    [
        "Employees find answers in our documents in one minute instead of ten.",
        "Halve the response time of support, from 8 to 4 hours, by June.",
        "Agents close 15 % more tickets without asking a colleague.",
    ],
)
def test_a_goal_with_a_figure_in_digits_or_words_passes(goal: str) -> None:
    assert outcome("VAL-01", purpose=replace(FACTS.purpose, goal=goal)) is Outcome.PASS


@pytest.mark.parametrize(
    ("higher", "kill", "expected"),
    [
        (False, 10, Outcome.PASS),
        (False, 10.1, Outcome.FAIL),
        (True, 10, Outcome.PASS),
        (True, 9.9, Outcome.FAIL),
    ],
)
def test_kill_value_may_not_be_worse_than_the_baseline(
    *, higher: bool, kill: float, expected: Outcome
) -> None:
    target = 20 if higher else 2
    purpose = Purpose("", "k", "u", 10, target, kill, higher_is_better=higher)
    assert outcome("VAL-02", purpose=purpose) is expected


def test_the_same_holder_is_recognised_in_other_spelling() -> None:
    people = {**FACTS.people, "security": "  BEN "}
    assert outcome("PPL-02", people=people) is Outcome.FAIL


def test_two_roles_without_a_holder_are_not_one_person() -> None:
    people = {**FACTS.people, "security": "", "compliance": ""}
    assert outcome("PPL-01", people=people) is Outcome.FAIL
    assert outcome("PPL-02", people=people) is Outcome.PASS
    nobody = dict.fromkeys(people, "")
    assert outcome("PPL-02", people=nobody) is Outcome.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("days", "expected"), [(0, Outcome.PASS), (30, Outcome.PASS), (-1, Outcome.FAIL)]
)
def test_the_plan_holds_until_its_day_is_over(days: int, expected: Outcome) -> None:
    course = Course(TODAY + timedelta(days=days), TODAY, prepared=True)
    assert outcome("PLN-01", course=course) is expected


@pytest.mark.parametrize("stage", [Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION])
def test_right_answers_are_held_against_the_bar_by_their_lower_bound(stage: Stage) -> None:
    bar = BARS[stage].right_at_least
    enough = next(right for right in range(201) if wilson(right, 200).low >= bar)
    assert outcome("REL-02", target=stage, evaluated=evaluated(right=wilson(enough, 200))) is (
        Outcome.PASS
    )
    fewer = wilson(enough - 1, 200)
    assert fewer.value > bar  # the average alone would have been believed
    assert outcome("REL-02", target=stage, evaluated=evaluated(right=fewer)) is Outcome.FAIL


def test_bars_rise_from_stage_to_stage() -> None:
    stages = [Stage.POC, Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION]
    right = [BARS[stage].right_at_least for stage in stages]
    unsupported = [BARS[stage].unsupported_at_most for stage in stages]
    assert right == sorted(right)
    assert unsupported == sorted(unsupported, reverse=True)
    assert set(BARS) == set(Stage)


def test_no_case_is_no_evaluation() -> None:
    nothing = evaluated(right=wilson(0, 0), unsupported=wilson(0, 0))
    assert outcome("REL-01", evaluated=nothing) is Outcome.FAIL
    assert outcome("REL-02", evaluated=nothing) is Outcome.FAIL


def test_unsupported_answers_are_held_against_the_bar_by_the_worst_upper_bound() -> None:
    live = Traffic(30, 60, wilson(15, 60), wilson(0, 60))
    result = decided("REL-04", traffic=live)
    assert result.outcome is Outcome.FAIL
    assert result.decision.estimate == wilson(15, 60)
    assert outcome("REL-04", traffic=replace(live, unsupported=wilson(15, 29))) is Outcome.PASS


def test_nothing_judged_says_nothing_about_support() -> None:
    assert (
        outcome("REL-04", evaluated=Unknown("none"), traffic=Unknown("none"))
        is Outcome.NOT_AVAILABLE
    )


@pytest.mark.parametrize(
    ("days_ago", "expected"), [(89, Outcome.PASS), (90, Outcome.FAIL), (-1, Outcome.FAIL)]
)
def test_an_evaluation_counts_for_ninety_days(days_ago: int, expected: Outcome) -> None:
    at_ms = NOW - days_ago * DAY_MS
    assert outcome("REL-03", evaluated=evaluated(at_ms=at_ms)) is expected


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        (Feedback(0, 0, None), Outcome.NOT_AVAILABLE),
        (Feedback(2, 2, None), Outcome.PASS),
        (Feedback(2, 1, NOW - DAY_MS), Outcome.PASS),
        (Feedback(2, 1, NOW - OPEN_DAYS * DAY_MS), Outcome.FAIL),
        (Feedback(1, 0, NOW), Outcome.FAIL),
    ],
)
def test_flags_are_reviewed_within_a_week(feedback: Feedback, expected: Outcome) -> None:
    assert outcome("FBK-01", feedback=feedback) is expected


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (Reach("::1", loopback=True, tls=False), Outcome.PASS),
        (Reach("0.0.0.0", loopback=False, tls=True), Outcome.PASS),  # noqa: S104
        (Reach("10.0.0.1", loopback=False, tls=False), Outcome.FAIL),
    ],
)
def test_either_tls_or_nobody_else(reach: Reach, expected: Outcome) -> None:
    assert outcome("SEC-06", reach=reach) is expected


def test_missing_guards_are_named_by_surface() -> None:
    guarding = Guarding({"input": frozenset({"secrets", "personal_data"})})
    told = decided("SEC-01", guarding=guarding).decision.evidence
    assert "injection on input" in told
    assert "personal_data on output" in told
    assert "secrets on input" not in told


def test_guards_never_seen_at_work_are_not_available() -> None:
    unseen = Traffic(30, 5, wilson(0, 0), wilson(0, 0))
    assert outcome("SEC-02", traffic=unseen) is Outcome.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("sensitive", "keeps", "expected"),
    [
        (True, True, Outcome.FAIL),
        (True, False, Outcome.PASS),
        (False, True, Outcome.PASS),
    ],
)
def test_only_sensitive_contents_must_not_be_kept(
    *, sensitive: bool, keeps: bool, expected: Outcome
) -> None:
    retention = Retention("health", sensitive=sensitive, keeps_content=keeps)
    assert outcome("COM-02", retention=retention) is expected


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (evidence("load", subject=digest_of("other")), "another release"),
        (evidence("load", days_ago=LOAD_DAYS), "days old"),
        (evidence("load", days_ago=-1), "dated in the future"),
        (replace(evidence("load"), expires_at_ms=NOW), "expired"),
        (replace(evidence("load"), facts={}), "no figures"),
    ],
)
def test_load_evidence_that_does_not_count_says_why(load: Evidence, told: str) -> None:
    result = decided("CAP-01", load=load)
    assert result.outcome is Outcome.FAIL
    assert told in result.decision.evidence


def test_a_projection_without_a_word_on_its_sample_is_not_believed() -> None:
    silent = replace(evidence("projection"), facts={})
    assert outcome("FIN-03", projection=silent) is Outcome.FAIL
    assert outcome("FIN-03", projection=Unknown("none")) is Outcome.NOT_APPLICABLE


def test_a_projection_for_fewer_users_is_none_for_full_size() -> None:
    few = replace(evidence("projection"), facts={"users": 100})
    assert outcome("FIN-02", projection=few) is Outcome.FAIL
    assert "100 users, not 10,000" in decided("FIN-02", projection=few).decision.evidence
    assert outcome("FIN-02", projection=replace(few, facts={})) is Outcome.FAIL


def test_everything_of_a_sound_use_case_holds() -> None:
    sample: dict[str, JsonValue] = {"calibrated": True, "users": 10_000}
    facts = replace(FACTS, projection=replace(evidence("projection"), facts=sample))
    assert [each.id for each in CHECKS if not judge(each, facts).holds] == []


def test_broken_looks_are_errors_and_absent_things_are_not_available() -> None:
    assert outcome("COM-01", proof=Unknown("disk", broken=True)) is Outcome.ERROR
    assert outcome("COM-01", proof=Unknown("none")) is Outcome.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("now_ms", "expected"),
    [
        (NOW - DAY_MS - 1, Freshness.FROM_THE_FUTURE),
        (NOW - DAY_MS, Freshness.FRESH),
        (NOW + 399 * DAY_MS - 1, Freshness.FRESH),
        (NOW + 399 * DAY_MS, Freshness.EXPIRED),
    ],
)
def test_evidence_counts_from_its_making_to_its_end(now_ms: int, expected: Freshness) -> None:
    assert evidence("load").freshness(now_ms) is expected


def test_evidence_is_bound_by_every_field() -> None:
    kept = evidence("load")
    assert kept.digest == evidence("load").digest
    assert replace(kept, at_ms=kept.at_ms + 1).digest != kept.digest
    assert replace(kept, facts={}).digest != kept.digest
