"""The guards section of a use case."""

import tomllib

import pytest

from passerelle.domain.guardrails.guards import Surface
from passerelle.domain.guardrails.screening import screen
from passerelle.domain.guardrails.sections import parse_guards

GOOD = """
[personal_data]
input = "redact"
output = "block"
[secrets]
[injection]
input = "block"
documents = "annotate"
threshold = 0.6
[competitors]
names = ["Acme"]
aliases = { Acme = ["Acme Rockets", "Akme"] }
input = "annotate"
[length]
max_characters = 20
"""


def test_section_becomes_policies_by_action() -> None:
    policies, faults = parse_guards(tomllib.loads(GOOD))
    assert faults == ()
    assert policies is not None
    said = [(p.guard.name, p.action, sorted(p.surfaces)) for p in policies]
    assert said == [
        ("personal_data", "redact", [Surface.INPUT]),
        ("personal_data", "block", [Surface.OUTPUT]),
        ("secrets", "redact", [Surface.INPUT, Surface.OUTPUT]),
        ("injection", "block", [Surface.INPUT]),
        ("injection", "annotate", [Surface.DOCUMENT]),
        ("competitors", "annotate", [Surface.INPUT]),
        ("competitors", "block", [Surface.OUTPUT]),
        ("length", "block", [Surface.INPUT]),
    ]
    assert screen("use Akme", policies, Surface.OUTPUT).blocked
    assert screen("x" * 21, policies, Surface.INPUT).blocked


def test_empty_section_has_no_guards() -> None:
    assert parse_guards({}) == ((), ())


@pytest.mark.parametrize(
    ("toml", "where", "message"),
    [
        ("[personal_dta]", ("guards", "personal_dta"), 'did you mean "personal_data"'),
        ("[weather]", ("guards", "weather"), "known guards: personal_data, secrets"),
        ("[injection]\ninput='redact'", ("guards", "injection", "input"), "is not one of"),
        ("[injection]\nthreshold=2", ("guards", "injection", "threshold"), "at most 1"),
        ("[secrets]\ndocuments='redact'", ("guards", "secrets", "documents"), "not one of"),
        ("[secrets]\nouput='off'", ("guards", "secrets", "ouput"), 'did you mean "output"'),
        ("[competitors]", ("guards", "competitors", "names"), "is missing"),
        ("[competitors]\nnames=['?!']", ("guards", "competitors", "names"), "no letter"),
        (
            "[competitors]\nnames=['A1']\naliases={B2=['C3']}",
            ("guards", "competitors", "aliases", "B2"),
            "not among the names",
        ),
        ("[length]", ("guards", "length", "max_characters"), "is missing"),
        (
            "[length]\nmax_characters=9\nmax_total_characters=0",
            ("guards", "length", "max_total_characters"),
            "at least 1",
        ),
        ("[length]\nmax_characters=0", ("guards", "length", "max_characters"), "at least 1"),
    ],
)
def test_fault_names_the_key_and_what_to_write(
    toml: str, where: tuple[str, ...], message: str
) -> None:
    policies, faults = parse_guards(tomllib.loads(toml))
    assert policies is None
    assert [fault.where for fault in faults] == [where]
    assert message in faults[0].message


def test_all_faults_are_reported_together() -> None:
    _, faults = parse_guards({"x": {}, "length": 3, "competitors": {"input": "maybe"}})
    assert len(faults) == 4
