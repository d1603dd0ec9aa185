"""The whole walk from a demo to the pilot, through the real process and its command line."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import StartGateway
from tests.journeys.gateways import ROOT, Gateway, passerelle, verified

pytestmark = pytest.mark.slow

QUESTION = "How many days of leave do maintainers have?"
FOLLOWED_WITHIN_SECONDS = 1.05
ROLES = {"business_owner": "Ada", "developer": "Ben", "security": "Cem", "compliance": "Dan"}
RED_AT_FIRST = {"PPL-02", "PLN-01", "REL-01", "FBK-01", "SEC-03", "FIN-02", "CAP-01"}


@dataclass
class Walk:
    """A copy of the bundled use case, its gateway, and the commands beside it."""

    config: Path
    gateway: Gateway

    @property
    def usecase(self) -> Path:
        return self.config / "usecases" / "handbook"

    def run(self, *arguments: str | Path, status: int = 0) -> Any:
        """What a command prints with --json."""
        done = self.gateway.run(*arguments, "--json")
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def key_of(self, role: str) -> Path:
        return self.config / f"{role}.key"

    def red(self, *, status: int) -> set[str]:
        """Checks that keep the use case where it is."""
        report = self.run("check", "handbook", status=status)
        holds = {"pass", "waived", "not_applicable"}
        return {
            each["id"]
            for each in report["checks"]
            if each["severity"] == "blocker" and each["outcome"] not in holds
        }

    def write_prompt(self, name: str, **settings: float) -> None:
        text = (self.usecase / "prompts" / "v1.md").read_text()
        for key, value in settings.items():
            lines = (
                f"{key} = {value}" if line.startswith(f"{key} = ") else line
                for line in text.splitlines()
            )
            text = "\n".join(lines)
        (self.usecase / "prompts" / f"{name}.md").write_text(text + "\n")


@pytest.fixture
def walk(tmp_path: Path, start_gateway: StartGateway) -> Walk:
    config = tmp_path / "walk"
    for name in ("docs", "usecases"):
        shutil.copytree(ROOT / name, config / name)
    shutil.rmtree(config / "usecases" / "handbook" / "prompts")
    (config / "usecases" / "handbook" / "prompts").mkdir()
    first = ROOT / "usecases" / "handbook" / "prompts" / "v1.md"
    shutil.copy(first, config / "usecases" / "handbook" / "prompts")
    return Walk(config, start_gateway(config))


def test_use_case_walks_from_demo_to_pilot(walk: Walk) -> None:
    exchange = asked(walk)
    flagged_and_reviewed(walk, exchange)
    prompts_compared(walk)
    costs_told(walk)
    assert walk.red(status=1) >= {"PPL-02", "PLN-01", "SEC-03", "CAP-01"}
    made_ready(walk)
    signed(walk)
    promoted(walk)
    proved = verified(walk.gateway.config, walk.gateway.data)
    assert (proved["ok"], proved["status"]) == (True, 0)


def asked(walk: Walk) -> str:
    """A fresh use case is a demo, and its check says why."""
    assert walk.red(status=1) >= RED_AT_FIRST
    answer = walk.gateway.chat(QUESTION)
    assert answer.json()["passerelle"]["citations"] == []
    return answer.headers["x-passerelle-exchange"]


def flagged_and_reviewed(walk: Walk, exchange: str) -> None:
    """The flag keeps what was said; its correction becomes a case."""
    taken = walk.gateway.ask(
        "POST",
        "/v1/feedback",
        {"exchange_id": exchange, "reason": "unhelpful", "comment": "It should say so."},
    )
    assert taken.status == 201, taken.body
    flag = taken.json()["id"]
    (listed,) = walk.run("review", "--status", "open")
    assert (listed["flag"], listed["exchange_id"]) == (flag, exchange)
    shown = walk.run("review", flag)
    assert shown["said"]["messages"][-1]["text"] == QUESTION
    assert shown["said"]["answer"].startswith("I do not know")
    reviewed = walk.run("review", flag, "--cause", "knowledge_missing")
    assert reviewed["case"]["provenance"] == f"flag:{flag}"
    assert reviewed["case"]["answerable"] is False
    assert walk.run("review", "--status", "open") == []


def prompts_compared(walk: Walk) -> None:
    """A prompt that breaks cases is refused by name; one that breaks none is served at once."""
    walk.write_prompt("v2", refuse_below=0.9)
    walk.write_prompt("v3", sentences=5)
    early = walk.run("prompts", "promote", "handbook", "--to", "pilot", status=2)["error"]
    assert early["code"] == "not_evaluated"
    assert "passerelle eval run handbook@pilot#v3" in early["message"]
    page = walk.config / "report.html"
    for model in ("handbook@pilot", "handbook@pilot#v2", "handbook@pilot#v3"):
        evaluated = walk.run("eval", "run", model, "--html", page)
        assert evaluated["cases"] == 1 + len(
            (walk.usecase / "cases.jsonl").read_text().split("\n{")
        )
        right = evaluated["scores"][0]
        assert right["estimate"]["low"] < right["estimate"]["value"] < right["estimate"]["high"]
        assert page.read_text().startswith("<!doctype html>")
    release = walk.gateway.chat(QUESTION, model="handbook@pilot").json()["passerelle"]["release"]
    refused = walk.run(
        "prompts", "promote", "handbook", "--to", "pilot", "--version", "v2", status=1
    )["error"]
    assert (refused["code"], len(refused["broken"]) > 0) == ("would_break", True)
    assert all(name in refused["message"] for name in refused["broken"])
    walk.run("prompts", "promote", "handbook", "--to", "pilot", "--reason", "longer answers")
    in_place = {each["name"]: each["stages"] for each in walk.run("prompts", "list", "handbook")}
    assert in_place == {"v1": ["poc"], "v2": [], "v3": ["pilot"]}
    time.sleep(FOLLOWED_WITHIN_SECONDS)
    served = walk.gateway.chat(QUESTION, model="handbook@pilot").json()["passerelle"]["release"]
    assert served != release
    walk.run("prompts", "rollback", "handbook", "--stage", "pilot")
    time.sleep(FOLLOWED_WITHIN_SECONDS)
    back = walk.gateway.chat(QUESTION, model="handbook@pilot").json()["passerelle"]["release"]
    assert back == release
    walk.run("prompts", "promote", "handbook", "--to", "pilot")


def costs_told(walk: Walk) -> None:
    """Sums agree with the ledger, and what is our own doing is not projected."""
    report = walk.run("cost", "report")
    assert report["balanced"] is True
    by_purpose = {each["purpose"]: each["volume"]["requests"] for each in report["volumes"]}
    assert by_purpose["rehearsal"] > 3 * 100
    projected = walk.run("cost", "project", "--users", "10000", "--priced-as", "openai/gpt-5-mini")[
        "projected"
    ]
    assert projected["left_out"]["rehearsal"]["requests"] == by_purpose["rehearsal"]
    assert projected["projection"]["p50"]["nano"] > 0
    weak = {each["weakness"] for each in projected["projection"]["cautions"]}
    assert {"few_users", "few_days", "far_beyond"} <= weak


def made_ready(walk: Walk) -> None:
    """Everything red is repaired, or waived by who answers for it."""
    file = walk.usecase / "usecase.toml"
    text = file.read_text()
    for role, holder in ROLES.items():
        text = text.replace(f'{role} = "Passerelle maintainers"', f'{role} = "{holder}"')
    file.write_text(text + '\n[plan]\npilot = "2099-01-15"\n')
    measured = walk.run("loadtest", "--rps", "20", "--duration", "2", "--url", walk.gateway.url)
    assert (measured["model"], measured["figures"]["failures"]) == ("handbook@pilot", 0)
    for role, holder in ROLES.items():
        walk.run(
            *("keys", "create", "--label", holder, "--kind", "person", "--role", role),
            *("--expires-in-days", "90", "--file", walk.key_of(role)),
        )
    assert walk.red(status=1) == {"SEC-03", "CAP-01"}
    waive = ("waive", "handbook", "CAP-01", "--reason", "Ten users at first.", "--days", "14")
    denied = walk.run(*waive, "--as-key", walk.key_of("security"), status=2)["error"]
    assert denied["code"] == "permission_denied"
    walk.run(*waive, "--as-key", walk.key_of("developer"))
    keys = walk.run("keys", "list")
    (development,) = [each["public_id"] for each in keys if each["env"] == "dev"]
    walk.run("keys", "revoke", development)
    assert walk.red(status=0) == set()


def signed(walk: Walk) -> None:
    """Nobody signs for a role that is not theirs, and nothing goes on unsigned."""
    sign = ("sign", "handbook", "--meaning", "approve", "--reason", "I have read it.")
    for stranger in ((), ("--as-key", walk.key_of("developer"))):
        denied = walk.run(*sign, "--role", "security", *stranger, status=2)["error"]
        assert denied["code"] == "permission_denied"
    early = walk.run("promote", "handbook", "--to", "pilot", status=1)["error"]
    assert early["signatures"] == ["business_owner", "security"]
    for role in ROLES:
        walk.run(*sign, "--role", role, "--as-key", walk.key_of(role))
    report = walk.run("check", "handbook")
    assert (report["verdict"], report["unsigned"]) == ("product", [])
    assert {each["standing"] for each in report["signatures"]} == {"fresh"}


def promoted(walk: Walk) -> None:
    """A change makes signatures stale; without one the running gateway serves the pilot."""
    page = walk.config / "docs" / "index.md"
    text = page.read_text()
    page.write_text(text + "\nOne sentence more.\n")
    walk.run("ingest")
    stale = walk.run("promote", "handbook", "--to", "pilot", status=1)["error"]
    assert "REL-03" in stale["checks"]
    assert "The knowledge has changed." in stale["message"]
    page.write_text(text)
    walk.run("ingest")
    walk.run("promote", "handbook", "--to", "pilot", "--reason", "ready")
    time.sleep(FOLLOWED_WITHIN_SECONDS)
    key = walk.key_of("developer").read_text().strip()
    said = [{"role": "user", "content": QUESTION}]
    answer = walk.gateway.ask(
        "POST", "/v1/chat/completions", {"model": "handbook", "messages": said}, key=key
    )
    assert answer.json()["passerelle"]["stage"] == "pilot"
    compared = walk.run("compare", "poc", "pilot", "--usecase", "handbook")
    assert {each["dimension"] for each in compared["measures"]} >= {"goal", "evaluation"}


def test_init_scaffold_is_checked_and_evaluated_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "platform"
    where = ("--config", config, "--json")
    assert passerelle("init", "support", *where).returncode == 0
    assert passerelle("ingest", *where).returncode == 0
    evaluated = passerelle("eval", "run", "support", *where)
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads(evaluated.stdout)["cases"] == 3
    checked = passerelle("check", "support", *where)
    assert (checked.returncode, json.loads(checked.stdout)["verdict"]) == (1, "demo")
