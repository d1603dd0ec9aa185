from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.signoffs import (
    REQUIRED,
    SIGNING_ROLES,
    Basis,
    Meaning,
    Signature,
    Signoff,
    Standing,
    Today,
    changes,
    standing,
    unsigned,
)

BASIS = Basis({"prompt": "p1", "route": "r1"}, {"load": "l1"})
SIGNOFF = Signoff(
    id="sig_1",
    usecase="fees",
    organisation="acme",
    role="security",
    meaning=Meaning.APPROVE,
    reason="Looked at.",
    stage=Stage.PILOT,
    principal="per_1",
    at_ms=1_000,
    basis=BASIS,
)
TODAY = Today(BASIS, Stage.PILOT, 2_000, {"security": frozenset({"per_1", "per_2"})})

texts = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=3)
bases = st.builds(Basis, texts, texts)


def of_security(signatures: tuple[Signature, ...]) -> Signature:
    return next(each for each in signatures if each.role == "security")


@given(bases, bases)
def test_equal_bases_and_only_those_have_equal_digests(first: Basis, second: Basis) -> None:
    assert (first.digest == second.digest) is (first == second)


@given(bases, bases)
def test_a_change_is_named_exactly_when_the_digest_differs(first: Basis, second: Basis) -> None:
    assert bool(list(changes(first, second))) is (first.digest != second.digest)


def test_changes_say_what_changed_is_new_and_is_gone() -> None:
    after = Basis({"prompt": "p2", "price_book": "b"}, {"load": "l1"})
    assert list(changes(BASIS, after)) == [
        "The price book is new.",
        "The prompt has changed.",
        "The route is gone.",
    ]
    assert list(changes(BASIS, replace(BASIS, evidence={"projection": "x"}))) == [
        "The evidence of load is gone.",
        "The evidence of projection is new.",
    ]


def test_every_role_is_shown_whether_it_signed_or_not() -> None:
    signatures = standing([SIGNOFF], TODAY)
    assert tuple(each.role for each in signatures) == SIGNING_ROLES
    assert of_security(signatures).standing is Standing.FRESH
    assert {each.standing for each in signatures if each.role != "security"} == {Standing.MISSING}


def test_the_last_word_of_a_role_counts_even_when_its_clock_was_behind() -> None:
    rejection = replace(SIGNOFF, meaning=Meaning.REJECT, principal="per_2", at_ms=500)
    assert of_security(standing([rejection, SIGNOFF], TODAY)).standing is Standing.REJECTED
    assert of_security(standing([SIGNOFF, rejection], TODAY)).standing is Standing.FRESH


@pytest.mark.parametrize(
    ("today", "reason"),
    [
        (replace(TODAY, stage=Stage.LIMITED), "It was given for pilot, not for limited."),
        (replace(TODAY, now_ms=999), "It is dated in the future"),
        (replace(TODAY, holders={}), "not known as a holder of the role security"),
        (replace(TODAY, basis=replace(BASIS, evidence={})), "The evidence of load is gone."),
    ],
)
def test_what_differs_today_makes_it_stale(today: Today, reason: str) -> None:
    found = of_security(standing([SIGNOFF], today))
    assert found.standing is Standing.STALE
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]


def test_a_stale_rejection_is_stale_and_not_forgotten() -> None:
    rejection = replace(SIGNOFF, meaning=Meaning.REJECT)
    found = of_security(standing([rejection], replace(TODAY, basis=Basis({}, {}))))
    assert found.standing is Standing.STALE
    assert found.signoff == rejection


def test_one_person_behind_two_signatures_voids_both() -> None:
    today = replace(TODAY, holders={**TODAY.holders, "compliance": frozenset({"per_1"})})
    signatures = standing([SIGNOFF, replace(SIGNOFF, role="compliance")], today)
    stale = {each.role: each.reasons for each in signatures if each.standing is Standing.STALE}
    assert stale == {
        "security": ("The signer has signed for compliance too.",),
        "compliance": ("The signer has signed for security too.",),
    }


def test_a_stage_asks_for_more_signatures_the_later_it_is() -> None:
    needed = [set(REQUIRED[stage]) for stage in (Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION)]
    assert needed[0] < needed[1] < needed[2] == set(SIGNING_ROLES)
    missing = unsigned(standing([SIGNOFF], TODAY), Stage.PILOT)
    assert [each.role for each in missing] == ["business_owner"]
    assert unsigned(standing([], TODAY), Stage.RETIRED) == ()
