import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.domain.evaluation.cases import Case, from_flag, parse_cases

GOOD: dict[str, object] = {
    "id": "fee",
    "question": "What is the fee?",
    "reference": "4 percent",
    "documents": ["fees.md"],
    "answerable": True,
    "slice": "facts",
}
UNANSWERABLE: dict[str, object] = {
    "id": "moon",
    "question": "How far?",
    "answerable": False,
    "slice": "far",
}


def line(**changes: object) -> str:
    return json.dumps({**GOOD, **changes})


def told(text: str) -> list[str]:
    _, faults = parse_cases(text, "cases.jsonl")
    return [str(fault) for fault in faults]


def test_a_line_becomes_a_case_that_knows_where_it_comes_from() -> None:
    cases, faults = parse_cases(line(), "cases.jsonl")
    assert faults == ()
    assert cases == (
        Case("fee", "What is the fee?", "4 percent", ("fees.md",), True, "facts", "file"),
    )


def test_a_case_that_cannot_be_answered_needs_neither_reference_nor_documents() -> None:
    cases, faults = parse_cases(json.dumps(UNANSWERABLE), "cases.jsonl")
    assert faults == ()
    assert (cases[0].reference, cases[0].documents) == ("", ())


def test_a_broken_line_is_named_and_costs_none_of_the_others() -> None:
    text = "\n".join((line(), '{"id": "broken", ', "", json.dumps(UNANSWERABLE)))
    cases, faults = parse_cases(text, "usecases/fees/cases.jsonl")
    assert [case.id for case in cases] == ["fee", "moon"]
    (fault,) = faults
    assert (fault.file, fault.line) == ("usecases/fees/cases.jsonl", 2)
    assert "not a JSON object" in fault.message


def test_all_faults_of_all_lines_are_told_at_once() -> None:
    text = "\n".join(
        (line(answerable="yes", colour="red"), "[]", line(id="two", question=" "), line(id="ok"))
    )
    faults = told(text)
    assert len(faults) == 4
    assert [fault.split(":")[1] for fault in faults] == ["1", "1", "2", "3"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": ""}, "reference"),
        ({"answerable": False}, "must be empty"),
        ({"id": "two words"}, "id"),
        ({"documents": "fees.md"}, "a list of texts"),
        ({"slice": None}, "slice"),
        ({"questoin": "?"}, "questoin"),
    ],
)
def test_a_case_that_contradicts_itself_is_refused(
    changes: dict[str, object], message: str
) -> None:
    (fault,) = told(line(**changes))
    assert message in fault
    assert fault.startswith("cases.jsonl:1")


def test_an_id_is_used_once_and_the_fault_names_its_first_line() -> None:
    cases, faults = parse_cases(f"\n{line()}\n{line(question='Another?')}", "cases.jsonl")
    assert [case.question for case in cases] == ["What is the fee?"]
    assert [str(fault) for fault in faults] == [
        'cases.jsonl:3: id: "fee" is already the id of line 2'
    ]


def test_line_ends_of_other_systems_and_odd_characters_inside_a_text_do_no_harm() -> None:
    odd = json.dumps({**GOOD, "question": "A\u2028B\x85C?"}, ensure_ascii=False)
    cases, faults = parse_cases(f"\ufeff{odd}\r\n\r\n{json.dumps(UNANSWERABLE)}\r\n", "x")
    assert faults == ()
    assert [case.question for case in cases] == ["A\u2028B\x85C?", "How far?"]


@given(st.lists(st.text(max_size=40), max_size=6))
def test_whatever_stands_in_a_file_every_line_is_a_case_or_a_fault(lines: list[str]) -> None:
    text = "\n".join(lines)
    cases, faults = parse_cases(text, "x")
    rows = {number for number, row in enumerate(text.split("\n"), start=1) if row.strip()}
    assert len(cases) + len({fault.line for fault in faults}) >= len(rows - {1})
    assert {fault.line for fault in faults} <= rows


def test_a_case_from_a_flag_names_the_flag() -> None:
    assert from_flag("flg_1") == "flag:flg_1"
