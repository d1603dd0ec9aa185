"""Faults of the configuration stop the start, all told together, each with file and line."""

import json
from pathlib import Path

import pytest

from tests.journeys.gateways import passerelle, write_config

pytestmark = pytest.mark.slow


def line_of(file: Path, row: str) -> int:
    return file.read_text().splitlines().index(row) + 1


def spoil(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)


def test_all_faults_of_all_files_are_printed_together_with_file_and_line(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", name="bridge")
    write_config(config, name="ferry")
    first, second = (config / "usecases" / name / "usecase.toml" for name in ("bridge", "ferry"))
    spoil(first, ('stage = "poc"', 'stgae = "poc"'), ("baseline = 40", 'baseline = "many"'))
    spoil(second, ('security = "Cem"\n', ""))
    up = passerelle("up", "--config", config, "--data", tmp_path / "data", "--port", "0")
    assert up.returncode == 2
    assert "Traceback" not in up.stderr
    assert up.stdout == ""
    expected = (
        (first, 'stgae = "poc"', 'usecase.stgae: unknown key; did you mean "stage"?'),
        (first, 'baseline = "many"', "charter.kpi.baseline: must be a number"),
        (second, "[charter.roles]", "charter.roles.security: is missing"),
    )
    for file, row, words in expected:
        place = f"{file.relative_to(config).as_posix()}:{line_of(file, row)}"
        assert f"{place}: {words}" in up.stderr
    assert not (tmp_path / "data").exists()


def test_faults_are_one_json_document_for_programs(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config")
    file = config / "usecases" / "bridge" / "usecase.toml"
    spoil(file, ('developer = "Ben"\n', ""), ('provider = "extractive"', "provider = 7"))
    for command in (("up", "--port", "0"), ("ingest",), ("ask", "bridge", "When?")):
        done = passerelle(*command, "--config", config, "--data", tmp_path / "data", "--json")
        assert done.returncode == 2
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "invalid_configuration"
        found = {
            (fault["file"], fault["line"], ".".join(fault["key"])) for fault in error["faults"]
        }
        assert found == {
            (
                "usecases/bridge/usecase.toml",
                line_of(file, "[charter.roles]"),
                "charter.roles.developer",
            ),
            ("usecases/bridge/usecase.toml", line_of(file, "provider = 7"), "route.provider"),
        }


PROVIDER = '[providers.a]\nkind = "openai_style"\nbase_url = "here"\n'


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[listener]\nprot = 1\n", ':2: listener.prot: unknown key; did you mean "port"?'),
        ("[listener]\nport = 70000\n", ":2: listener.port: must be at most 65535"),
        ("[limits\n", ":1: not valid TOML"),
        (PROVIDER, ":3: providers.a.base_url: must be an address"),
    ],
)
def test_faulty_settings_stop_the_start(tmp_path: Path, settings: str, words: str) -> None:
    config = write_config(tmp_path / "config", settings=settings)
    up = passerelle("up", "--config", config, "--data", tmp_path / "data", "--port", "0")
    assert up.returncode == 2
    assert f"passerelle.toml{words}" in up.stderr


def test_key_written_into_the_settings_is_refused_and_not_repeated(tmp_path: Path) -> None:
    planted = "sk-planted-0123456789abcdef"
    settings = (
        '[providers.openai]\nkind = "openai_style"\nbase_url = "https://api.openai.com/v1"\n'
        f'api_key = "{planted}"\n'
    )
    config = write_config(tmp_path / "config", settings=settings)
    up = passerelle("up", "--config", config, "--data", tmp_path / "data", "--port", "0")
    assert up.returncode == 2
    assert "passerelle.toml:4: providers.openai.api_key" in up.stderr
    assert planted not in up.stderr + up.stdout


def test_route_to_an_unknown_provider_stops_the_start(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", provider="nowhere")
    up = passerelle("up", "--config", config, "--data", tmp_path / "data", "--port", "0")
    assert up.returncode == 2
    file = config / "usecases" / "bridge" / "usecase.toml"
    line = line_of(file, 'provider = "nowhere"')
    assert f"usecases/bridge/usecase.toml:{line}: route.provider" in up.stderr
    assert "Traceback" not in up.stderr


def test_folder_without_a_use_case_is_told_with_the_next_step(tmp_path: Path) -> None:
    doctor = passerelle("doctor", "--config", tmp_path, "--data", tmp_path / "data")
    assert doctor.returncode == 1
    assert "passerelle init NAME" in doctor.stdout
    asked = passerelle(
        "ask", "handbook", "What?", "--config", tmp_path, "--data", tmp_path / "data"
    )
    assert asked.returncode == 2
    assert "Traceback" not in asked.stderr


def test_state_folder_that_is_damaged_is_told_without_a_trace(tmp_path: Path) -> None:
    config, data = write_config(tmp_path / "config"), tmp_path / "data"
    assert passerelle("ask", "bridge", "When?", "--config", config, "--data", data).returncode == 0
    database = data / "passerelle.db"
    original = database.read_bytes()
    for spoiled in (b"no database at all" * 500, original[: len(original) // 2]):
        database.write_bytes(spoiled)
        for command in (("up", "--port", "0"), ("ledger", "verify"), ("keys", "list")):
            done = passerelle(*command, "--config", config, "--data", data)
            assert done.returncode in (1, 2), (command, done)
            assert "Traceback" not in done.stderr, (command, done.stderr)


def test_state_folder_that_cannot_be_one_is_told_without_a_trace(tmp_path: Path) -> None:
    config, file = write_config(tmp_path / "config"), tmp_path / "file"
    file.write_text("no folder")
    for command in (("up", "--port", "0"), ("ledger", "verify"), ("ask", "bridge", "When?")):
        for data in (file, file / "below"):
            done = passerelle(*command, "--config", config, "--data", data, "--json")
            assert done.returncode == 2, done.stderr
            assert "Traceback" not in done.stderr
            assert json.loads(done.stdout)["error"]["code"] == "files_unusable"
