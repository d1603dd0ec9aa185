"""What a new user does in the first hour, against the real process."""

import json
import re
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.journeys.conftest import StartGateway
from tests.journeys.gateways import (
    ROOT,
    Gateway,
    environment,
    launch,
    passerelle,
    verified,
)

pytestmark = pytest.mark.slow

QUESTION = "What is the kill value of a use case?"
DEAD_WITHIN_SECONDS = 1.05
"""The promised second, and a little for the clock."""


def said(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


def assert_cited(gateway: Gateway, answer: Any) -> list[Any]:
    """Every quote stands where its citation points to: in the file, and in the passage shown."""
    citations: list[Any] = answer["passerelle"]["citations"]
    assert citations
    for citation in citations:
        start, end, quote = citation["start"], citation["end"], citation["quote"]
        file = ROOT / "docs" / citation["document"]
        assert file.read_text("utf-8")[start:end] == quote
        shown = gateway.ask("GET", f"/api/v1/passages/handbook/{citation['passage']}").json()
        assert shown["document"] == citation["document"]
        assert shown["text"][start - shown["start"] : end - shown["start"]] == quote
        assert f"[{citation['number']}]" in said(answer)
    return citations


def test_make_run_starts_what_these_tests_start() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    dry = subprocess.run(
        ["make", "--no-print-directory", "-n", "run", "ARGS=--port 18080 --data DIR"],  # noqa: S607 - the user's make
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    last = dry.stdout.strip().splitlines()[-1]
    assert last == ".venv/bin/passerelle up --config . --port 18080 --data DIR"


def test_printed_curl_line_answers_with_a_correct_citation(gateway: Gateway) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    printed = gateway.told
    assert f"URL      {gateway.url}/v1" in printed
    assert f"Key      {gateway.key}" in printed
    line = re.search(r"^curl .*?\}'$", printed, re.MULTILINE | re.DOTALL)
    assert line is not None, printed
    done = subprocess.run(  # noqa: S603 - the very line that is printed to be pasted
        ["bash", "-c", f"{line[0].replace('curl ', 'curl -sS --fail ', 1)}"],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["object"] == "chat.completion"
    citations = assert_cited(gateway, answer)
    assert "use-cases.md" in {citation["document"] for citation in citations}
    assert "one thing that people want from a generative model" in said(answer)
    assert answer["passerelle"]["grounding"]["verdict"] == "supported"


def test_answer_carries_headers_route_and_cost(gateway: Gateway) -> None:
    answer = gateway.chat(QUESTION)
    about = answer.json()["passerelle"]
    assert answer.headers["x-passerelle-exchange"] == about["exchange_id"] == answer.json()["id"]
    assert answer.headers["x-request-id"]
    assert float(answer.headers["x-passerelle-overhead-ms"]) > 0
    assert (about["usecase"], about["stage"], about["cost_nano_usd"]) == ("handbook", "poc", 0)
    assert about["route"]["provider"] == "extractive"
    assert {guard["surface"] for guard in about["guards"]} == {"input", "output"}


def test_answer_stands_in_the_document_that_it_cites(gateway: Gateway) -> None:
    answer = gateway.chat(QUESTION).json()
    citations = assert_cited(gateway, answer)
    assert {citation["document"] for citation in citations} <= {"use-cases.md", "glossary.md"}
    assert "use case is stopped" in said(answer)


def test_question_that_nothing_answers_is_not_answered(gateway: Gateway) -> None:
    answer = gateway.chat("Which wine goes with roast duck in Lisbon?").json()
    assert said(answer) == "I do not know: the handbook does not say."
    assert answer["passerelle"]["citations"] == []
    assert answer["passerelle"]["grounding"]["verdict"] == "not_scanned"


def test_official_client_gets_the_same_answer_whole_and_streamed(gateway: Gateway) -> None:
    question: Any = [{"role": "user", "content": QUESTION}]
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key) as client:
        whole = client.chat.completions.create(model="handbook", messages=question)
        with client.chat.completions.create(
            model="handbook",
            messages=question,
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    usage = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert usage == [whole.usage]
    (about,) = [extra for c in chunks if (extra := (c.model_extra or {}).get("passerelle"))]
    expected = (whole.model_extra or {})["passerelle"]
    assert about["citations"] == expected["citations"] != []
    assert about["grounding"] == expected["grounding"]


def test_official_client_lists_and_retrieves_models(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key) as client:
        names = [model.id for model in client.models.list()]
        assert {"handbook", "handbook@poc", "handbook@pilot"} <= set(names)
        for name in names:
            assert client.models.retrieve(name).id == name
        with pytest.raises(openai.NotFoundError) as missing:
            client.models.retrieve("gpt-17")
    assert missing.value.code == "model_not_found"


def test_official_client_understands_refusals(gateway: Gateway) -> None:
    question: Any = [{"role": "user", "content": QUESTION}]
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-wrong") as stranger:
        with pytest.raises(openai.AuthenticationError) as unknown:
            stranger.chat.completions.create(model="handbook", messages=question)
        assert unknown.value.code == "invalid_api_key"
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key) as client:
        for stream in (False, True):
            with pytest.raises(openai.NotFoundError) as missing:
                client.chat.completions.create(model="gpt-17", messages=question, stream=stream)
            assert missing.value.code == "model_not_found"


def test_ask_answers_beside_the_running_gateway_and_is_recorded(gateway: Gateway) -> None:
    asked = gateway.run("ask", "handbook", QUESTION, "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["text"] == said(gateway.chat(QUESTION).json())
    shown = gateway.ask("GET", f"/api/v1/exchanges/{answer['exchange_id']}")
    assert (shown.status, shown.json()["question"]) == (200, QUESTION)
    plain = gateway.run("ask", "handbook", QUESTION)
    assert plain.stdout.startswith(answer["text"])
    assert "[1] use-cases.md (" in plain.stdout
    lost = gateway.run("ask", "nothing", QUESTION, "--json")
    assert (lost.returncode, json.loads(lost.stdout)["error"]["code"]) == (2, "model_not_found")


def test_scaffold_is_served_as_it_is(tmp_path: Path, start_gateway: StartGateway) -> None:
    config = tmp_path / "platform"
    written = passerelle("init", "support", "--config", config, "--json")
    assert written.returncode == 0, written.stderr
    files = json.loads(written.stdout)["written"]
    assert "usecases/support/usecase.toml" in files
    assert all((config / file).is_file() for file in files)
    again = passerelle("init", "support", "--config", config, "--json")
    assert (again.returncode, json.loads(again.stdout)["error"]["code"]) == (2, "name_taken")
    knowledge = config / "usecases" / "support" / "knowledge"
    (knowledge / "opening.md").write_text("# Opening\n\nThe counter opens at 8 on workdays.\n")
    running = start_gateway(config)
    answer = running.chat("When does the counter open?", model="support").json()
    assert "The counter opens at 8 on workdays." in said(answer)
    assert answer["passerelle"]["citations"][0]["document"] == "opening.md"


def test_knowledge_ingested_while_it_runs_is_served_within_a_second(
    tmp_path: Path, start_gateway: StartGateway
) -> None:
    config = tmp_path / "platform"
    passerelle("init", "support", "--config", config)
    knowledge = config / "usecases" / "support" / "knowledge"
    running = start_gateway(config)
    question = "How long is the footbridge of Brugg?"
    assert running.chat(question, model="support").json()["passerelle"]["citations"] == []
    (knowledge / "brugg.md").write_text("The footbridge of Brugg is 61 metres long.\n")
    assert running.run("ingest").returncode == 0
    time.sleep(DEAD_WITHIN_SECONDS)
    assert "61 metres" in said(running.chat(question, model="support").json())
    (knowledge / "brugg.md").unlink()
    assert running.run("ingest").returncode == 0
    time.sleep(DEAD_WITHIN_SECONDS)
    assert running.chat(question, model="support").json()["passerelle"]["citations"] == []


def test_key_works_until_it_is_revoked_also_in_the_running_gateway(gateway: Gateway) -> None:
    made = gateway.run("keys", "create", "--label", "journey", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    time.sleep(DEAD_WITHIN_SECONDS)
    assert gateway.ask("GET", "/v1/models", key=key["key"]).status == 200
    listed = json.loads(gateway.run("keys", "list", "--json").stdout)
    assert [row["state"] for row in listed if row["public_id"] == key["public_id"]] == ["active"]
    assert key["key"] not in json.dumps(listed)
    assert "journey" in gateway.run("keys", "list").stdout
    revoked = gateway.run("keys", "revoke", key["public_id"], "--json")
    assert (revoked.returncode, json.loads(revoked.stdout)["state"]) == (0, "revoked")
    time.sleep(DEAD_WITHIN_SECONDS)
    refused = gateway.ask("GET", "/v1/models", key=key["key"])
    assert (refused.status, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    unknown = gateway.run("keys", "revoke", "abcdefgh", "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]["code"]) == (2, "not_found")


def test_key_is_held_to_its_budget_and_what_it_spent_is_listed(gateway: Gateway) -> None:
    limits = ("--per-day-requests", "1", "--per-month-usd", "2.5")
    made = json.loads(gateway.run("keys", "create", "--label", "tight", *limits, "--json").stdout)
    assert made["budget"] == {"per_day_requests": 1, "per_month_usd": 2.5}
    time.sleep(DEAD_WITHIN_SECONDS)
    body = {"model": "handbook", "messages": [{"role": "user", "content": QUESTION}]}
    answers = [gateway.ask("POST", "/v1/chat/completions", body, key=made["key"]) for _ in range(2)]
    assert [each.status for each in answers] == [200, 429]
    assert answers[1].json()["error"]["code"] == "insufficient_quota"
    assert answers[1].headers["x-should-retry"] == "false"
    listed = json.loads(gateway.run("keys", "list", "--json").stdout)
    shown = {row["public_id"]: row["spent"] for row in listed}
    assert shown[made["public_id"]] == ["1 of 1 requests today", "0 of 2.5 USD this month"]
    served = {key["public_id"]: key for key in gateway.ask("GET", "/api/v1/keys").json()}
    standing = served[made["public_id"]]["standing"]
    assert standing["day"]["spent"]["requests"] == 1
    assert standing["day"]["held"]["requests"] == 0
    denied = gateway.run("keys", "create", "--label", "x", "--time-zone", "Mars/Base", "--json")
    assert (denied.returncode, "time zone" in denied.stdout) == (2, True)


def test_doctor_finds_nothing_broken(gateway: Gateway) -> None:
    looked = gateway.run("doctor", "--json")
    found = json.loads(looked.stdout)
    assert (looked.returncode, found["ok"]) == (0, True), looked.stdout
    assert "Nothing is broken." in gateway.run("doctor").stdout


def test_ledger_shows_and_proves_every_exchange(gateway: Gateway) -> None:
    exchange = gateway.chat(QUESTION).headers["x-passerelle-exchange"]
    shown = json.loads(gateway.run("ledger", "show", "--json", "--limit", "5").stdout)
    assert exchange in {entry["subject"] for entry in shown}
    assert len(shown) == 5
    found = verified(gateway.config, gateway.data)
    assert (found["ok"], found["status"]) == (True, 0)
    assert found["entries"] == shown[0]["sequence"]
    plain = gateway.run("ledger", "verify").stdout
    assert f"The ledger holds: {found['entries']} entries proved" in plain
    assert found["root"] in plain


def copy_of(gateway: Gateway, folder: Path) -> Path:
    """The state of a running gateway as a backup takes it."""
    folder.mkdir()
    for name in ("ledger.key", "ledger.pub", "pepper", "development.key"):
        shutil.copy2(gateway.data / name, folder / name)
    with (
        closing(sqlite3.connect(gateway.data / "passerelle.db")) as live,
        closing(sqlite3.connect(folder / "passerelle.db")) as copy,
    ):
        live.backup(copy)
    return folder


CHANGES = {
    "ledger_entries": ("facts", "sequence"),
    "ledger_contents": ("body", "sequence"),
    "ledger_checkpoints": ("note", "place"),
}


def test_change_of_one_byte_in_any_table_is_found(gateway: Gateway, tmp_path: Path) -> None:
    gateway.chat(QUESTION)
    with closing(sqlite3.connect(gateway.data / "passerelle.db")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {name for (name,) in tables if name.startswith("ledger_")} == CHANGES.keys()
    for table, (column, key) in CHANGES.items():
        folder = copy_of(gateway, tmp_path / table)
        assert verified(gateway.config, folder)["ok"]
        with closing(sqlite3.connect(folder / "passerelle.db")) as connection, connection:
            place, value, kind = connection.execute(
                f"SELECT {key}, CAST({column} AS BLOB), typeof({column}) FROM {table} LIMIT 1"  # noqa: S608
            ).fetchone()
            changed = bytearray(value)
            changed[len(changed) // 2] ^= 1
            connection.execute(
                f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE {key} = ?",  # noqa: S608
                [bytes(changed), place],
            )
        found = verified(gateway.config, folder)
        assert (found["ok"], found["status"]) == (False, 1), table
        assert found["faults"], table


def test_change_of_one_byte_of_the_file_is_found(gateway: Gateway, tmp_path: Path) -> None:
    exchange = gateway.chat(QUESTION).headers["x-passerelle-exchange"].encode()
    folder = copy_of(gateway, tmp_path / "copy")
    file = folder / "passerelle.db"
    data = bytearray(file.read_bytes())
    data[data.index(exchange) + 6] ^= 1
    file.write_bytes(data)
    plain = passerelle("ledger", "verify", "--config", gateway.config, "--data", folder)
    assert plain.returncode == 1
    assert "does NOT hold" in plain.stderr
    doctor = passerelle("doctor", "--config", gateway.config, "--data", folder, "--json")
    assert doctor.returncode == 1


def files_with(text: str, gateway: Gateway) -> list[str]:
    """Files of the database, its log included, that hold the text somewhere."""
    files = gateway.data.glob("passerelle.db*")
    return [file.name for file in files if text.encode() in file.read_bytes()]


def test_erased_content_is_gone_from_the_disk_and_the_ledger_still_proves(
    gateway: Gateway,
) -> None:
    marker = "zanzibar-quokka-7741"
    exchange = gateway.chat(f"What is {marker}?").headers["x-passerelle-exchange"]
    path = f"/api/v1/exchanges/{exchange}"
    assert marker in gateway.ask("GET", path).json()["question"]
    assert files_with(marker, gateway) != []
    before = verified(gateway.config, gateway.data)
    erased = gateway.run("ledger", "erase", exchange, "--reason", "asked for", "--json")
    assert erased.returncode == 0, erased.stderr
    after = verified(gateway.config, gateway.data)
    assert (after["ok"], after["erased"]) == (True, before["erased"] + 1)
    assert after["entries"] > before["entries"]
    shown = gateway.ask("GET", path).json()
    assert (shown["content"], shown["question"], shown["answer"]) == ("erased", "", "")
    assert files_with(marker, gateway) == []
    again = gateway.run("ledger", "erase", exchange, "--reason", "asked for", "--json")
    assert again.returncode == 2


def test_second_start_reads_nothing_again_and_keeps_key_and_ledger(
    tmp_path: Path, start_gateway: StartGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "platform"
    passerelle("init", "support", "--config", config)
    first = start_gateway(config)
    key, asked = first.key, first.chat("Hello?", model="support")
    first.stop()
    began = time.monotonic()
    second = start_gateway(config)
    with capsys.disabled():
        print(f"\nsecond start: {time.monotonic() - began:.2f} s")  # noqa: T201 - not judged here
    assert second.key == key
    assert "(1 read" not in second.told
    shown = second.ask("GET", f"/api/v1/exchanges/{asked.headers['x-passerelle-exchange']}")
    assert shown.json()["question"] == "Hello?"
    assert verified(config, second.data)["ok"]


def test_start_with_json_prints_one_document_at_once(tmp_path: Path) -> None:
    running = launch(ROOT, tmp_path / "data", "--port", "0", "--json")
    try:
        deadline = time.monotonic() + 30
        while not running.told.strip() and time.monotonic() < deadline:
            time.sleep(0.05)
        told = json.loads(running.told)
    finally:
        running.stop()
    assert told["models"] == ["handbook"]
    assert told["url"].startswith("http://127.0.0.1:")
    assert Path(told["key_file"]).name == "development.key"


def test_port_that_is_taken_is_told_without_a_trace(gateway: Gateway, tmp_path: Path) -> None:
    taken = passerelle(
        "up", "--config", ROOT, "--data", tmp_path / "data", "--port", str(gateway.port)
    )
    assert taken.returncode == 2
    assert "Traceback" not in taken.stderr
    assert str(gateway.port) in taken.stderr
