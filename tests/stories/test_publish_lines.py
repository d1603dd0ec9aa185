import tomllib
from collections.abc import Iterator

import pytest

from passerelle.core.values.chat import JsonValue
from passerelle.stories.govern.lines import Lines, Path

TEXT = '''# a comment with [a.header] and key = 1
title = "with # and = and ] inside"

[charter]
goal = """
several lines
key = "no key"
"""
kpi.name = 'x'
kpi.unit = "y"

[charter.roles] # note
"quoted key" = 1

[[sources]]
path = "a"
[sources.options]
deep = true
[[sources]]
path = "b"
names = [
  "one", # comment ]
  { inline = 1, other = [1,
    2] },
]
[stages.pilot.route]
model = "m"
'''

EXPECTED: dict[Path, int] = {
    ("title",): 2,
    ("charter",): 4,
    ("charter", "goal"): 5,
    ("charter", "kpi", "name"): 9,
    ("charter", "kpi", "unit"): 10,
    ("charter", "kpi"): 9,
    ("charter", "roles"): 12,
    ("charter", "roles", "quoted key"): 13,
    ("sources", 0, "path"): 16,
    ("sources", 0, "options", "deep"): 18,
    ("sources", 1): 19,
    ("sources", 1, "path"): 20,
    ("sources", 1, "names", 0): 22,
    ("sources", 1, "names", 1, "inline"): 23,
    ("sources", 1, "names", 1, "other", 1): 24,
    ("stages",): 26,
    ("stages", "pilot", "route", "model"): 27,
}


@pytest.mark.parametrize("where", EXPECTED)
def test_a_key_is_found_on_its_line(where: Path) -> None:
    assert Lines(TEXT).line(where) == EXPECTED[where]


def test_line_ends_of_windows_do_not_matter() -> None:
    lines = Lines(TEXT.replace("\n", "\r\n"))
    assert {where: lines.line(where) for where in EXPECTED} == EXPECTED


def test_a_key_that_is_absent_is_at_its_table() -> None:
    assert Lines(TEXT).line(("charter", "roles", "security")) == 12
    assert Lines(TEXT).line(("nowhere", "at", "all")) == 1


def paths(value: JsonValue, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths(item, (*path, place))


def test_every_key_of_a_document_is_known() -> None:
    lines = Lines(TEXT)
    assert set(paths(tomllib.loads(TEXT))) <= set(lines._lines)


@pytest.mark.parametrize(
    "text", ["", "[", "a", "a = ", "= 1", "[[x", "a = {", "a = [1,", '"', "a = '''"]
)
def test_broken_texts_end(text: str) -> None:
    assert Lines(text).line(("a",)) == 1
