"""The prompt versions beside a use case file."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from passerelle.core.values.scope import Stage
from passerelle.stories.govern.publish import UseCase, read_usecase
from passerelle.stories.govern.shelves import PromptShelf
from tests.stories.test_publish import PROMPT, TEXT


def shelf(folder: Path) -> PromptShelf:
    def names(path: str) -> Sequence[str]:
        return [file.name for file in (folder / path).iterdir()]

    return PromptShelf(
        "usecases/support/usecase.toml",
        "prompts",
        lambda path: (folder / path).read_text("utf-8"),
        names,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    for name in ("v1", "v10", "v2"):
        (tmp_path / "prompts" / f"{name}.md").write_text(PROMPT + name)
    return tmp_path


def test_every_version_is_found_by_its_file_name(folder: Path) -> None:
    assert list(shelf(folder).versions()) == ["v1", "v10", "v2"]
    assert shelf(folder).versions()["v2"].template.endswith("v2")


def test_version_that_is_added_later_is_found(folder: Path) -> None:
    kept = shelf(folder)
    (folder / "prompts" / "v3.md").write_text(PROMPT)
    assert "v3" in kept.versions()
    assert kept.version("v3")[0] == kept.versions()["v3"]


def test_other_files_are_no_versions(folder: Path) -> None:
    for name in ("notes.txt", ".hidden.md", "v 4.md"):
        (folder / "prompts" / name).write_text(PROMPT)
    assert shelf(folder).names() == ("v1", "v10", "v2")


def test_faulty_draft_stops_nobody_and_says_what_is_wrong_when_asked_for(folder: Path) -> None:
    (folder / "prompts" / "v3.md").write_text("no head")
    (folder / "prompts" / "v4.md").write_bytes(b"\xff\xfe")
    kept = shelf(folder)
    assert list(kept.versions()) == ["v1", "v10", "v2"]
    version, faults = kept.version("v3")
    assert version is None
    (fault,) = faults
    assert str(fault).startswith("usecases/support/prompts/v3.md:1: must begin with settings")
    assert "not UTF-8" in str(kept.version("v4")[1][0])


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "a/b", ".hidden"])
def test_name_that_leads_out_of_the_folder_reads_nothing(folder: Path, name: str) -> None:
    (folder / "secret.md").write_text(PROMPT)
    version, faults = shelf(folder).version(name)
    assert version is None
    assert "must be the name of a file" in str(faults[0])


def test_version_that_is_not_there_is_said_to_be_missing(folder: Path) -> None:
    assert "prompts/v9.md does not exist" in str(shelf(folder).version("v9")[1][0])


def usecase(text: str, folder: Path) -> UseCase:
    kept = shelf(folder)
    return read_usecase(text, kept.file, kept.read_file, kept.list_files)


def test_use_case_can_reach_every_stage_but_retirement(folder: Path) -> None:
    found = usecase(TEXT, folder)
    assert set(found.stages) == {Stage.POC}
    assert set(found.reachable) == {Stage.POC, Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION}
    assert found.reachable[Stage.POC] == found.stages[Stage.POC]
    assert found.reachable[Stage.LIMITED].policy.unknown_fields == "refuse"
    assert list(found.shelf.versions()) == ["v1", "v10", "v2"]


def test_stage_table_counts_for_a_stage_that_is_not_reached_yet(folder: Path) -> None:
    text = TEXT + '[stages.pilot]\nprompt = "v2"\n'
    found = usecase(text, folder)
    assert found.reachable[Stage.PILOT].prompt.name == "v2"
    assert found.reachable[Stage.PILOT] == found.stages[Stage.PILOT]
    assert found.reachable[Stage.LIMITED].prompt.name == "v1"


def test_retired_use_case_reaches_nothing(folder: Path) -> None:
    text = TEXT.replace('stage = "poc"', 'stage = "retired"').replace("to be named", "Cy")
    assert usecase(text, folder).reachable == {}
