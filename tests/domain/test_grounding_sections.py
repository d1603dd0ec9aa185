from passerelle.domain.grounding.sections import GroundingPolicy, parse_grounding


def test_a_use_case_that_says_nothing_gets_annotations() -> None:
    policy, faults = parse_grounding({})
    assert policy == GroundingPolicy("annotate", 0.5)
    assert faults == ()


def test_a_use_case_may_refuse_unsupported_answers() -> None:
    policy, _ = parse_grounding({"unsupported": "refuse", "threshold": 0.7})
    assert policy == GroundingPolicy("refuse", 0.7)


def test_every_fault_of_the_section_is_named() -> None:
    policy, faults = parse_grounding({"unsupported": "drop", "threshold": 2, "treshold": 1})
    assert policy is None
    assert [fault.where[-1] for fault in faults] == ["unsupported", "threshold", "treshold"]
