from dataclasses import fields, replace
from itertools import pairwise

import pytest

from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.usecases.policies import DEFAULTS, parse_stages
from passerelle.domain.usecases.profiles import DataClass, parse_profile, why_not_a_name
from passerelle.domain.usecases.releases import ReleaseParts


def test_a_profile_begins_as_a_proof_of_concept() -> None:
    profile, faults = parse_profile({"name": "travel-policy", "data_class": "internal"})
    assert faults == ()
    assert profile is not None
    assert (profile.stage, profile.title) == (Stage.POC, "travel-policy")


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "a--b", "a-", "a@b", "a/b", "..", "a" * 64])
def test_names_that_cannot_be_a_model_name_are_refused(name: str) -> None:
    assert why_not_a_name(name)
    _, faults = parse_profile({"name": name, "data_class": "public"})
    assert [fault.where for fault in faults] == [("usecase", "name")]


def test_data_classes_are_ordered_by_what_a_leak_would_do() -> None:
    ranks = [DataClass(name).rank for name in ("public", "internal", "personal", "health")]
    assert ranks == sorted(ranks)


def test_an_unknown_stage_is_refused_with_its_nearest_name() -> None:
    _, faults = parse_stages({"pilott": {}}, Stage.POC)
    assert str(faults[0]) == 'stages.pilott: unknown key; did you mean "pilot"?'


def test_the_current_stage_needs_no_table_and_keeps_its_defaults() -> None:
    stages, faults = parse_stages({"pilot": {"unscanned": "pass", "prompt": "v2"}}, Stage.POC)
    assert faults == ()
    assert stages is not None
    assert set(stages) == {Stage.POC, Stage.PILOT}
    assert stages[Stage.POC].policy == DEFAULTS[Stage.POC]
    assert stages[Stage.PILOT].policy == replace(DEFAULTS[Stage.PILOT], unscanned="pass")
    assert stages[Stage.PILOT].prompt == "v2"


def test_no_stage_is_laxer_by_default_than_the_one_before() -> None:
    strictness = [
        (
            policy.unsupported == "refuse",
            policy.unscanned == "block",
            policy.unknown_fields == "refuse",
        )
        for policy in DEFAULTS.values()
    ]
    for before, after in pairwise(strictness):
        assert all(later >= earlier for earlier, later in zip(before, after, strict=True))


@pytest.mark.parametrize("part", [part.name for part in fields(ReleaseParts)])
def test_any_change_of_a_part_is_another_release(part: str) -> None:
    zero, one = Digest("0" * 64), Digest("1" * 64)
    parts = ReleaseParts(zero, zero, zero, zero, zero, zero, price_book=zero)
    assert replace(parts, **{part: one}).digest != parts.digest
    assert replace(parts).digest == parts.digest
