from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.estimates import Estimate
from passerelle.core.values.ids import digest_of
from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.checks import (
    Check,
    Decision,
    Family,
    Outcome,
    Severity,
    judge,
    listed,
    share,
)
from passerelle.domain.readiness.facts import (
    Course,
    Facts,
    Guarding,
    Purpose,
    Retention,
    Unknown,
    Waiver,
)
from passerelle.domain.readiness.gate import CHECKS, ExitCode, Judgement, Verdict, judge_all

PAGE = Path(__file__).parents[2] / "docs" / "readiness.md"
NOTHING = Unknown("Nothing is there yet.")
FACTS = Facts(
    target=Stage.PILOT,
    now_ms=1_000_000,
    releases=frozenset({digest_of("release")}),
    purpose=Purpose("Answer 2 times faster than we did last year.", "time", "s", 4, 2, 3, False),
    people=dict.fromkeys(("business_owner", "developer", "security", "compliance"), ""),
    guarding=Guarding({}),
    retention=Retention("internal", sensitive=False, keeps_content=True),
    course=Course(None, date(2026, 1, 1), prepared=True),
    spending=NOTHING,
    evaluated=NOTHING,
    traffic=NOTHING,
    keys=NOTHING,
    reach=NOTHING,
    proof=NOTHING,
    projection=NOTHING,
    load=NOTHING,
    feedback=NOTHING,
    documents=NOTHING,
)


def check(outcome: Outcome, severity: Severity = Severity.BLOCKER, name: str = "ONE-01") -> Check:
    return Check(
        name,
        Family.VALUE,
        "It holds",
        severity,
        "developer",
        "",
        "",
        lambda _: Decision(outcome, ""),
    )


def judged(*outcomes: Outcome, severity: Severity = Severity.BLOCKER) -> Judgement:
    return judge_all(FACTS, [check(outcome, severity) for outcome in outcomes])


def test_identifiers_are_unique_and_every_check_can_be_acted_on() -> None:
    assert len({each.id for each in CHECKS}) == len(CHECKS) >= 17
    for each in CHECKS:
        assert each.why.endswith(".")
        assert each.remediation.endswith(".")
        assert each.title[-1] not in ".!?"


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.id)
def test_nothing_known_is_never_a_pass_where_something_must_be_known(each: Check) -> None:
    outcome = judge(each, FACTS).outcome
    always_known = {"VAL-01", "VAL-02", "PLN-02", "COM-02"}
    assert (outcome is Outcome.PASS) is (each.id in always_known)


def test_verdicts_in_one_line() -> None:
    assert judged(*[Outcome.PASS] * 6, *[Outcome.FAIL] * 9).line == (
        "DEMO, not a product: 9 of 15 missing"
    )
    assert judged(*[Outcome.PASS] * 15, Outcome.NOT_APPLICABLE).line == (
        "PRODUCT: all 15 blockers hold"
    )
    assert judged(Outcome.PASS, Outcome.WAIVED).line == (
        "PRODUCT: all 2 blockers hold (1 by a waiver)"
    )
    warned = [check(Outcome.PASS), check(Outcome.FAIL, Severity.WARNING)]
    assert judge_all(FACTS, warned).line == "PRODUCT: all 1 blockers hold, 1 warning"
    demo = [check(Outcome.FAIL), *[check(Outcome.FAIL, Severity.WARNING)] * 2]
    assert judge_all(FACTS, demo).line == "DEMO, not a product: 1 of 1 missing, 2 warnings"
    assert judged(Outcome.PASS, Outcome.ERROR).line == "UNDECIDED: 1 of 2 could not be checked"


@given(st.lists(st.sampled_from(Outcome)))
def test_exit_code_follows_the_blockers(outcomes: Sequence[Outcome]) -> None:
    judgement = judged(*outcomes)
    missing = set(outcomes) - {Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.WAIVED}
    if not missing:
        expected = ExitCode.PRODUCT
    elif missing == {Outcome.ERROR}:
        expected = ExitCode.NOT_RUN
    else:
        expected = ExitCode.DEMO
    assert judgement.exit_code is expected


@given(st.lists(st.sampled_from(Outcome)))
def test_warnings_never_decide(outcomes: Sequence[Outcome]) -> None:
    judgement = judged(*outcomes, severity=Severity.WARNING)
    assert judgement.verdict is Verdict.PRODUCT
    assert judgement.blockers == ()


def with_waiver(outcome: Outcome, *, until_ms: int) -> Outcome:
    facts = Facts(
        **{name: getattr(FACTS, name) for name in Facts.__slots__}
        | {"waivers": {"ONE-01": Waiver("For now.", "per_1", until_ms)}}
    )
    return judge(check(outcome), facts).outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_a_waiver_covers_what_is_missing_and_nothing_else(outcome: Outcome) -> None:
    covered = outcome in (Outcome.FAIL, Outcome.NOT_AVAILABLE)
    expected = Outcome.WAIVED if covered else outcome
    assert with_waiver(outcome, until_ms=FACTS.now_ms + 1) is expected
    assert with_waiver(outcome, until_ms=FACTS.now_ms) is outcome


def test_shares_carry_their_interval_and_sample() -> None:
    estimate = Estimate(0.825, 0.747, 0.883, 120, "wilson 95%")
    assert share(estimate) == "82.5 % [74.7 %, 88.3 %], n = 120, wilson 95%"


def test_long_lists_are_cut() -> None:
    assert listed(("a", "b", "c", "d", "e")) == "a, b, c and 2 more"
    assert listed(("a",)) == "a"


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.id)
def test_every_check_stands_in_the_documentation(each: Check) -> None:
    row = f"| {each.id} | {each.title} | {each.severity} | {each.owner} |"
    assert row in PAGE.read_text(encoding="utf-8").splitlines()
