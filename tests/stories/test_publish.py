from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.errors import InvalidConfiguration
from passerelle.core.values.scope import Stage
from passerelle.stories.govern.publish import (
    UseCase,
    UseCaseFile,
    read_usecase,
    read_usecases,
)
from passerelle.stories.govern.shelves import ReadFile

PROMPT = '+++\nrefusal = "I do not know."\n+++\nAnswer from {{passages}}.\n'
TEXT = """\
[usecase]
name = "support"
data_class = "internal"
stage = "poc"
[charter]
goal = "Agents answer faster."
[charter.kpi]
name = "handling time"
unit = "minutes"
baseline = 14
target = 9
kill_value = 13
higher_is_better = false
[charter.roles]
business_owner = "Ada"
developer = "Ben"
security = "to be named"
compliance = "Dan"
[knowledge]
sources = [{folder = "knowledge"}]
[guards.length]
max_characters = 1000
[route]
provider = "extractive"
[budget]
per_day_usd = 1
"""


def files(**prompts: str) -> ReadFile:
    texts = {f"prompts/{name}.md": text for name, text in prompts.items()}

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    return read


def usecase(text: str, **prompts: str) -> UseCase:
    return read_usecase(text, "support/usecase.toml", files(**{"v1": PROMPT, **prompts}))


def faults(text: str, **prompts: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as refused:
        usecase(text, **prompts)
    return [str(fault) for fault in refused.value.faults]


def line_of(row: str, text: str = TEXT) -> int:
    return text.splitlines().index(row) + 1


def test_a_use_case_without_faults_is_ready_to_serve() -> None:
    found = usecase(TEXT)
    setup = found.stages[Stage.POC]
    assert found.name == "support"
    assert setup.prompt.refusal == "I do not know."
    assert setup.plan.provider == "extractive"
    assert found.budget.day_nano == 1_000_000_000
    assert [each.guard.name for each in found.guards] == ["length"]
    assert len(setup.release) == 64


def test_all_faults_are_reported_together_with_file_and_line() -> None:
    text = (
        TEXT.replace("stage =", "stgae =")
        .replace("baseline = 14", 'baseline = "many"')
        .replace('security = "to be named"\n', "")
        .replace("max_characters = 1000", "max_characters = -1")
        .replace('provider = "extractive"', "")
        .replace("per_day_usd", "per_week_usd")
    ) + "[gaurds]\n"
    found = faults(text)
    expected = (
        ('stgae = "poc"', 'usecase.stgae: unknown key; did you mean "stage"?'),
        ('baseline = "many"', "charter.kpi.baseline: must be a number"),
        ("[charter.roles]", "charter.roles.security: is missing"),
        ("max_characters = -1", "guards.length.max_characters"),
        ("[route]", "route.provider: is missing"),
        ("per_week_usd = 1", "budget.per_week_usd: unknown key"),
        ("[gaurds]", 'gaurds: unknown key; did you mean "guards"?'),
    )
    for row, words in expected:
        place = f"support/usecase.toml:{line_of(row, text)}: "
        assert any(fault.startswith(place + words) for fault in found), (row, found)
    assert len(found) == len(expected)


def test_faults_are_sorted_by_line() -> None:
    found = faults(TEXT.replace("stage =", "stgae =").replace("per_day_usd", "per_week_usd"))
    lines = [int(fault.split(":")[1]) for fault in found]
    assert lines == sorted(lines)


@pytest.mark.parametrize("section", ["usecase", "charter", "route"])
def test_a_missing_section_is_reported_once(section: str) -> None:
    rows = TEXT.splitlines()
    begin = rows.index(f"[{section}]")
    ends = [n for n, row in enumerate(rows) if n > begin and row.startswith("[")]
    end = next(n for n in ends if not rows[n].startswith(f"[{section}"))
    found = faults("\n".join(rows[:begin] + rows[end:]))
    assert found == [f"support/usecase.toml:1: {section}: the section [{section}] is missing"]


def test_an_empty_file_says_what_it_needs() -> None:
    assert len(faults("")) == 3


def test_a_syntax_error_has_its_line() -> None:
    found = faults(TEXT.replace("baseline = 14", "baseline = = 14"))
    assert len(found) == 1
    assert found[0].startswith("support/usecase.toml:10: not valid TOML")


@pytest.mark.parametrize("text", ["[usecase", 'a = """', "a = 1\na = 2", "\x00"])
def test_whatever_is_no_toml_is_one_fault(text: str) -> None:
    assert len(faults(text)) == 1


def test_a_missing_prompt_file_is_named_where_its_version_stands() -> None:
    missing = "the prompt file"
    text = TEXT + '[prompt]\nversion = "v7"\n[stages.pilot]\nprompt = "v8"\n'
    first, second = (line_of(row, text) for row in ('version = "v7"', 'prompt = "v8"'))
    places = [fault.split(": ") for fault in faults(text)]
    assert places == [
        [
            f"support/usecase.toml:{first}",
            "prompt.version",
            f"{missing} prompts/v7.md does not exist",
        ],
        [
            f"support/usecase.toml:{second}",
            "stages.pilot.prompt",
            f"{missing} prompts/v8.md does not exist",
        ],
    ]


def test_a_fault_inside_a_prompt_names_the_prompt_file() -> None:
    found = faults(TEXT, v1=PROMPT + "Dear {{user}}")
    assert found == [
        "support/prompts/v1.md:5: unknown variable {{user}}; known are {{passages}} and {{refusal}}"
    ]


def test_a_prompt_version_cannot_leave_its_folder() -> None:
    found = faults(TEXT + '[prompt]\nversion = "../v1"\n')
    assert "must be the name of a file" in found[0]


def test_a_prompt_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "v1.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfiguration, match="not UTF-8"):
        read_usecase(TEXT, "usecase.toml", lambda path: (tmp_path / path).read_text("utf-8"))


def test_a_stage_may_have_its_own_prompt_and_route() -> None:
    text = TEXT + '[stages.pilot]\nprompt = "v2"\nroute.deadline_seconds = 5\n'
    found = usecase(text, v2=PROMPT + "Be brief.")
    poc, pilot = found.stages[Stage.POC], found.stages[Stage.PILOT]
    assert (poc.prompt.name, pilot.prompt.name) == ("v1", "v2")
    assert pilot.plan.provider == "extractive"
    assert (poc.plan.deadline_seconds, pilot.plan.deadline_seconds) == (60, 5)
    assert poc.release != pilot.release


def test_a_fault_of_a_route_is_reported_where_it_was_written() -> None:
    text = TEXT + "[stages.pilot]\nroute.deadline_seconds = 0\n"
    place = f"support/usecase.toml:{line_of('route.deadline_seconds = 0', text)}"
    assert faults(text) == [f"{place}: stages.pilot.route.deadline_seconds: must be above 0"]
    shared = TEXT.replace('"extractive"', '"extractive"\ndeadline_seconds = 0') + "[stages.pilot]\n"
    assert len(faults(shared)) == 1


def test_nobody_holds_a_role_is_a_fault_from_pilot_on() -> None:
    found = faults(TEXT.replace('stage = "poc"', 'stage = "pilot"'))
    assert len(found) == 1
    line = line_of('security = "to be named"')
    assert found[0].startswith(f"support/usecase.toml:{line}: charter.roles.security: ")


def test_a_retired_use_case_serves_no_stage() -> None:
    text = TEXT.replace('stage = "poc"', 'stage = "retired"') + "[stages.pilot]\n"
    assert usecase(text).stages == {}


def test_a_use_case_needs_no_documents() -> None:
    text = TEXT.replace('[knowledge]\nsources = [{folder = "knowledge"}]\n', "")
    assert usecase(text).knowledge is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("max_characters = 1000", "max_characters = 1001"),
        ('folder = "knowledge"', 'folder = "other"'),
        ('provider = "extractive"', 'provider = "main"'),
        ("[budget]", '[grounding]\nunsupported = "refuse"\n[budget]'),
        ("[budget]", '[stages.poc]\nunscanned = "block"\n[budget]'),
    ],
)
def test_what_can_change_an_answer_changes_the_release(before: str, after: str) -> None:
    first, second = usecase(TEXT), usecase(TEXT.replace(before, after))
    assert first.stages[Stage.POC].release != second.stages[Stage.POC].release


def test_what_cannot_change_an_answer_keeps_the_release() -> None:
    first = usecase(TEXT)
    second = usecase("# a note\n" + TEXT.replace("Agents answer faster.", "Agents answer sooner."))
    assert first.stages[Stage.POC].release == second.stages[Stage.POC].release


def source(name: str, text: str = TEXT) -> UseCaseFile:
    return UseCaseFile(text, f"usecases/{name}/usecase.toml", files(v1=PROMPT))


def test_several_use_cases_are_read_together() -> None:
    other = TEXT.replace('"support"', '"sales"')
    found = read_usecases([source("support"), source("sales", other)])
    assert [each.name for each in found] == ["support", "sales"]


def test_a_use_case_has_the_name_of_its_folder() -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        read_usecases([source("sales")])
    assert [str(fault) for fault in refused.value.faults] == [
        'usecases/sales/usecase.toml:2: usecase.name: must be the name of its folder, "sales"'
    ]


def test_a_name_used_twice_is_reported_beside_the_faults_of_all_files() -> None:
    broken = TEXT.replace("per_day_usd", "per_week_usd")
    with pytest.raises(InvalidConfiguration) as refused:
        read_usecases([source("support"), source("b", broken), source("c", broken)])
    found = [str(fault) for fault in refused.value.faults]
    twice = 'usecase.name: "support" is already the name of usecases/support/usecase.toml'
    assert f"usecases/b/usecase.toml:2: {twice}" in found
    assert f"usecases/c/usecase.toml:2: {twice}" in found
    assert len(found) == 4


@pytest.mark.parametrize(
    "change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")]
)
def test_files_of_windows_editors_are_read(change: Callable[[str], str]) -> None:
    assert usecase(change(TEXT), v1=change(PROMPT)).name == "support"
    spoilt = change(TEXT.replace("per_day_usd", "per_week_usd"))
    assert faults(spoilt)[0].startswith(f"support/usecase.toml:{line_of('per_day_usd = 1')}: ")


VALUES = [
    "-1",
    "true",
    "[]",
    "{}",
    '""',
    '"x"',
    "nan",
    "[[1]]",
    "{a = {b = 1}}",
    "2026-01-01",
    "1e400",
]


@given(st.data())
def test_any_value_in_any_place_is_read_or_refused_with_its_line(data: st.DataObject) -> None:
    rows = TEXT.splitlines()
    pairs = [number for number, row in enumerate(rows) if " = " in row]
    number = data.draw(st.sampled_from(pairs))
    rows[number] = f"{rows[number].split(' = ')[0]} = {data.draw(st.sampled_from(VALUES))}"
    try:
        usecase("\n".join(rows))
    except InvalidConfiguration as refused:
        assert all(fault.file and fault.line for fault in refused.faults)  # noqa: PT017


@given(st.lists(st.integers(0, TEXT.count("\n")), max_size=10))
def test_any_lines_may_be_missing(missing: list[int]) -> None:
    rows = [row for number, row in enumerate(TEXT.splitlines()) if number not in missing]
    try:
        usecase("\n".join(rows))
    except InvalidConfiguration as refused:
        assert all(fault.file and fault.line for fault in refused.faults)  # noqa: PT017
