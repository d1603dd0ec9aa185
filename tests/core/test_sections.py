from enum import StrEnum
from typing import Literal

import pytest

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.sections import Section


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def messages(section: Section) -> list[str]:
    return [str(fault) for fault in section.done()]


def test_a_whole_section_is_read_without_faults() -> None:
    section = Section(
        {"name": "a", "share": 1, "count": 2, "on": True, "tags": ["x"], "colour": "blue"}, "top"
    )
    assert section.text("name") == "a"
    assert section.number("share", minimum=0, maximum=1) == 1.0
    assert section.integer("count") == 2
    assert section.flag("on") is True
    assert section.strings("tags") == ("x",)
    assert section.choice("colour", Colour) is Colour.BLUE
    assert section.done() == ()


def test_defaults_stand_in_for_absent_keys_and_are_not_faults() -> None:
    section = Section({}, "top")
    action: Literal["off", "block"] = section.choice("action", ("off", "block"), "off")
    assert (section.text("a", "x"), section.number("b", 2), action) == ("x", 2.0, "off")
    assert section.strings("c", ("z",)) == ("z",)
    assert section.flag("d", default=False) is False
    assert "e" not in section
    assert section.done() == ()


def test_missing_keys_are_named_with_their_full_path() -> None:
    section = Section({}, "charter", "kpi")
    section.text("name")
    assert messages(section) == ["charter.kpi.name: is missing"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, "an integer"),
        (True, "true or false"),
        ([], "a list"),
        ({}, "a table"),
        (1.5, "a number"),
    ],
)
def test_a_wrong_type_says_what_it_is_and_what_it_should_be(value: JsonValue, kind: str) -> None:
    section = Section({"name": value})
    assert section.text("name") == ""
    assert messages(section) == [f"name: must be a text in quotes, not {kind}"]


def test_true_is_not_a_number() -> None:
    section = Section({"count": True, "share": True})
    section.integer("count")
    section.number("share")
    assert len(section.done()) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value: float) -> None:
    section = Section({"share": value})
    section.number("share")
    assert messages(section) == ["share: must be a finite number"]


def test_bounds_are_inclusive_but_for_above() -> None:
    section = Section({"a": 0, "b": 0, "c": 11})
    section.number("a", minimum=0)
    section.number("b", above=0)
    section.integer("c", maximum=10)
    assert messages(section) == ["b: must be above 0", "c: must be at most 10"]


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    section = Section({"provder": "x", "zzz": 1}, "route")
    section.text("provider", "")
    found = messages(section)
    assert found[0] == 'route.provder: unknown key; did you mean "provider"?'
    assert found[1] == "route.zzz: unknown key; known here: provider"


def test_an_unknown_choice_lists_what_is_allowed() -> None:
    section = Section({"colour": "rde"})
    section.choice("colour", Colour)
    assert messages(section) == ['colour: "rde" is not one of "red", "blue"; did you mean "red"?']


def test_tables_inside_report_to_the_outermost() -> None:
    section = Section({"inner": {"odd": 1}, "many": [{"name": ""}, 3]}, "top")
    section.table("inner")
    for each in section.tables("many"):
        each.text("name")
    assert messages(section) == [
        "top.many: item 2 must be a table, not an integer",
        "top.inner.odd: unknown key",
        "top.many.0.name: must not be empty",
    ]


def test_named_tables_take_any_name_but_only_tables() -> None:
    section = Section({"mine": {}, "count": 3}, "providers")
    assert set(section.named()) == {"mine", "count"}
    assert messages(section) == ["providers.count: must be a table, not an integer"]


def test_lists_hold_only_texts() -> None:
    section = Section({"a": ["x", 1], "b": []})
    section.strings("a")
    section.strings("b", minimum=1)
    assert messages(section) == [
        "a: must hold only texts in quotes, none of them empty",
        "b: needs at least 1 of them",
    ]


def test_a_table_that_another_parser_reads_is_not_judged() -> None:
    section = Section({"route": {"anything": 1}, "other": 3}, "stages", "pilot")
    assert section.unread("route") == {"anything": 1}
    assert section.unread("absent") == {}
    assert section.unread("other") == {}
    assert messages(section) == ["stages.pilot.other: must be a table, not an integer"]
