"""What goes wrong on the walk: clear errors, exit status 2, and nothing lost."""

import json
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.journeys.conftest import StartGateway
from tests.journeys.gateways import (
    COMMAND,
    Gateway,
    canned,
    environment,
    passerelle,
    write_config,
)

pytestmark = pytest.mark.slow

CASES = 40
STARTED_SECONDS = 30.0


def write_cases(config: Path, rows: list[str]) -> None:
    (config / "usecases" / "bridge" / "cases.jsonl").write_text("\n".join(rows) + "\n")


def case(number: int) -> str:
    row = {
        "id": f"case-{number}",
        "question": f"When does bridge {number} open?",
        "reference": "At 7.",
        "documents": ["bridge.md"],
        "answerable": True,
        "slice": "hours",
    }
    return json.dumps(row)


def test_flag_on_an_unknown_or_foreign_exchange_is_refused(gateway: Gateway) -> None:
    exchange = gateway.chat("What is a use case?").headers["x-passerelle-exchange"]
    made = gateway.run("keys", "create", "--label", "stranger", "--role", "end_user", "--json")
    stranger = json.loads(made.stdout)["key"]
    time.sleep(1.05)
    for sought, key in (("exc_nothing", None), (exchange, stranger)):
        flag = {"exchange_id": sought, "reason": "wrong"}
        refused = gateway.ask("POST", "/v1/feedback", flag, key=key)
        assert (refused.status, refused.json()["error"]["code"]) == (404, "not_found")
    nothing = gateway.run("review", "flg_nothing", "--cause", "other", "--json")
    assert (nothing.returncode, json.loads(nothing.stdout)["error"]["code"]) == (2, "not_found")


def test_dataset_with_a_broken_line_is_named_with_file_and_line(tmp_path: Path) -> None:
    config = write_config(tmp_path / "broken")
    write_cases(config, [case(1), "{", case(1)])
    for command in (("eval", "run", "bridge"), ("check", "bridge")):
        done = passerelle(*command, "--config", config)
        assert done.returncode == 2
        assert "usecases/bridge/cases.jsonl:2: " in done.stderr
        assert 'cases.jsonl:3: id: "case-1" is already the id of line 1' in done.stderr
    looked = passerelle("doctor", "--config", config)
    assert looked.returncode == 1
    assert "FAULT  cases: usecases/bridge/cases.jsonl:2: " in looked.stdout


def test_evaluation_stopped_half_way_goes_on_without_asking_twice(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "slow",
        settings=canned("The bridge opens at 7 in the morning.", "latency_seconds = 0.2"),
        provider="canned",
    )
    write_cases(config, [case(number) for number in range(CASES)])
    data = tmp_path / "data"
    where = ("--config", str(config), "--data", str(data), "--json")
    running = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [*COMMAND, "eval", "run", "bridge", *where],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for_trials(data / "passerelle.db", running)
    running.send_signal(signal.SIGINT)
    _, complaints = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Run it again: it goes on where it stood." in complaints
    done = passerelle("eval", "run", "bridge", *where)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cases"] == CASES
    shown = passerelle("ledger", "show", "--limit", "1000", "--event", "exchange.ended", *where)
    asked = Counter(entry["facts"]["status"] for entry in json.loads(shown.stdout))
    assert asked[200] == CASES
    runs = passerelle("ledger", "show", "--event", "evaluation.run.done", *where)
    assert len(json.loads(runs.stdout)) == 1


def wait_for_trials(database: Path, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTED_SECONDS
    while trials_in(database) < CASES // 4:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def trials_in(database: Path) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM eval_trials").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_what_does_not_exist_is_said_with_what_does(
    tmp_path: Path, start_gateway: StartGateway
) -> None:
    running = start_gateway(write_config(tmp_path / "small"))
    for command in (
        ("eval", "run", "nothing"),
        ("check", "nothing"),
        ("prompts", "list", "nothing"),
        ("cost", "report", "--usecase", "nothing"),
        ("loadtest", "nothing"),
    ):
        done = running.run(*command)
        assert done.returncode == 2
        assert "There is no use case 'nothing'; there are: bridge." in done.stderr
    unasked = running.run("cost", "project", "--users", "10", "--json")
    assert (unasked.returncode, json.loads(unasked.stdout)["error"]["code"]) == (
        2,
        "nothing_to_project",
    )
    lost = running.run("eval", "show", "bridge", "--json")
    assert (lost.returncode, json.loads(lost.stdout)["error"]["code"]) == (2, "not_found")
    keyless = running.run("check", "bridge", "--as-key", tmp_path / "none", "--json")
    assert (keyless.returncode, json.loads(keyless.stdout)["error"]["code"]) == (2, "no_key")


def test_development_key_that_was_revoked_is_not_made_again(
    tmp_path: Path, start_gateway: StartGateway
) -> None:
    running = start_gateway(write_config(tmp_path / "strict"))
    (key,) = json.loads(running.run("keys", "list", "--json").stdout)
    assert running.run("keys", "revoke", key["public_id"]).returncode == 0
    asked = running.run("ask", "bridge", "When does the bridge open?")
    assert asked.returncode == 2
    assert "The development key was revoked: ask with --as-key FILE." in asked.stderr
    mine = tmp_path / "mine.key"
    made = running.run("keys", "create", "--label", "Ada", "--kind", "person", "--file", mine)
    assert made.returncode == 0, made.stderr
    assert mine.stat().st_mode & 0o077 == 0
    assert mine.read_text() not in made.stdout
    again = running.run("keys", "create", "--label", "Ada", "--file", mine, "--json")
    assert (again.returncode, json.loads(again.stdout)["error"]["code"]) == (2, "no_key")
    answered = running.run("ask", "bridge", "When does the bridge open?", "--as-key", mine)
    assert answered.returncode == 0, answered.stderr
    assert "7 in the morning" in answered.stdout
