import json
import re
import tomllib
from pathlib import Path

import pytest

from passerelle.core.values.scope import Stage
from passerelle.domain.usecases.charter import UNNAMED
from passerelle.settings.process import read_settings
from passerelle.stories.govern.publish import read_usecase
from passerelle.stories.govern.scaffold import NameTaken, UnusableName, scaffold


def written(name: str, files: dict[str, str]) -> tuple[str, ...]:
    def exists(path: str) -> bool:
        return any(file == path or file.startswith(f"{path}/") for file in files)

    def write(path: str, text: str) -> None:
        assert path not in files
        files[path] = text

    return scaffold(name, write, exists)


def test_a_scaffold_is_valid_from_the_first_minute() -> None:
    files: dict[str, str] = {}
    written("travel-policy", files)
    folder = "usecases/travel-policy"
    usecase = read_usecase(
        files[f"{folder}/usecase.toml"],
        f"{folder}/usecase.toml",
        lambda path: files[f"{folder}/{path}"],
    )
    assert usecase.name == "travel-policy"
    assert usecase.profile.title == "Travel policy"
    assert usecase.profile.stage is Stage.POC
    assert usecase.stages[Stage.POC].plan.provider == "extractive"
    assert len(usecase.charter.roles.unnamed) == 4


def test_what_a_scaffold_suggests_in_comments_is_valid_too() -> None:
    files: dict[str, str] = {}
    written("support", files)
    folder = "usecases/support"
    text = files[f"{folder}/usecase.toml"].replace(UNNAMED, "Ada")
    options = ("unsupported", "unscanned", "unknown_fields", "keep_content")
    for option in (*options, "model", "deadline_seconds", "passages"):
        assert f"# {option} =" in text
        text = text.replace(f"# {option} =", f"{option} =")
    for line in (
        "[guards.competitors]",
        'names = ["Acme"]',
        'input = "annotate"',
        'output = "block"',
    ):
        text = text.replace(f"\n# {line}", f"\n{line}")
    text = text.replace('# [stages.pilot]\n# prompt = "v2"\n# route.', "[stages.pilot]\nroute.")
    usecase = read_usecase(text, "usecase.toml", lambda path: files[f"{folder}/{path}"])
    assert usecase.stages[Stage.PILOT].plan.model == "gpt-5-mini"
    assert "competitors" in {each.guard.name for each in usecase.guards}


def test_no_placeholder_of_the_template_is_left() -> None:
    files: dict[str, str] = {}
    written("support", files)
    assert not [path for path, text in files.items() if "__" in text]


def test_cases_have_the_documented_keys_and_name_existing_documents() -> None:
    files: dict[str, str] = {}
    written("support", files)
    cases = [json.loads(row) for row in files["usecases/support/cases.jsonl"].splitlines()]
    assert len({case["id"] for case in cases}) == len(cases)
    for case in cases:
        assert set(case) == {"id", "question", "reference", "documents", "answerable", "slice"}
        assert case["answerable"] == bool(case["reference"]) == bool(case["documents"])
        for document in case["documents"]:
            assert f"usecases/support/knowledge/{document}" in files


def test_the_settings_are_written_once_and_never_again() -> None:
    files: dict[str, str] = {}
    assert "passerelle.toml" in written("first", files)
    tomllib.loads(files["passerelle.toml"])
    files["passerelle.toml"] = "# mine"
    assert "passerelle.toml" not in written("second", files)
    assert files["passerelle.toml"] == "# mine"


def test_an_existing_use_case_is_left_alone() -> None:
    files = {"usecases/support/notes.md": "mine"}
    with pytest.raises(NameTaken):
        written("support", files)
    assert files == {"usecases/support/notes.md": "mine"}


@pytest.mark.parametrize("name", ["", "../up", "Support", "a b", "a/b", "support@pilot"])
def test_a_name_that_cannot_be_a_model_writes_nothing(name: str) -> None:
    files: dict[str, str] = {}
    with pytest.raises(UnusableName):
        written(name, files)
    assert files == {}


def test_the_settings_suggested_in_comments_are_valid(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    written("support", files)
    suggested = re.sub(r"^# (\[|[a-z_]+ = )", r"\1", files["passerelle.toml"], flags=re.MULTILINE)
    file = tmp_path / "passerelle.toml"
    file.write_text(suggested, "utf-8")
    (tmp_path / "tls").mkdir()
    for name in ("chain.pem", "key.pem"):
        (tmp_path / "tls" / name).write_text("", "utf-8")
    settings = read_settings(file, {"OPENAI_API_KEY": "sk-planted"})
    assert {"extractive", "openai", "ollama"} == set(settings.providers)
    file.write_text(files["passerelle.toml"], "utf-8")
    assert read_settings(file, {}).limits == settings.limits
