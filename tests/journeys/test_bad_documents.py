"""What is not readable is put in quarantine with a reason, by name; the rest is served."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.adapters.papers import inflating_pdf, pdf
from tests.journeys.conftest import StartGateway
from tests.journeys.gateways import DOCUMENT, passerelle, verified, write_config

pytestmark = pytest.mark.slow

NOISE = bytes(range(256)) * 40
OUTSIDE = "The vault code is 7741-zebra.\n"


def zip_bomb(mebibytes: int) -> bytes:
    """A small archive of a file that is a thousand times larger."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("word/document.xml", b" " * (mebibytes * 1024 * 1024))
    return packed.getvalue()


def spoilt(knowledge: Path) -> dict[str, str]:
    """Writes every bad document; gives a part of the reason that must be told for each."""
    bomb = zip_bomb(64)
    files = {
        "empty.md": (b"", "the file is empty"),
        "blank.txt": (b" \n\t\n", "the file is empty"),
        "empty.pdf": (b"", "the file is empty"),
        "torn.pdf": (pdf("The bridge")[:300], "damaged"),
        "noise.pdf": (b"%PDF-1.7\n" + NOISE, "damaged"),
        "scan.pdf": (pdf(""), "holds no text"),
        "bomb.pdf": (inflating_pdf(80), "holds no text"),
        "renamed.pdf": (bomb, "not a PDF"),
        "bomb.zip": (bomb, "unsupported format .zip"),
        "bomb.docx": (bomb, "unsupported format .docx"),
        "bomb.md": (bomb, "not valid UTF-8 text"),
        "noise.md": (NOISE, "not valid UTF-8 text"),
        "noise.txt": (NOISE[::-1], "not valid UTF-16-LE text"),
        "script.html": (b"<script>alert(1)</script>", "holds no text outside of scripts"),
        "nothing": (b"text", "unsupported format without an ending"),
    }
    for name, (data, _) in files.items():
        (knowledge / name).write_bytes(data)
    outside = knowledge.parents[2] / "vault.md"
    outside.write_text(OUTSIDE)
    (knowledge / "link.md").symlink_to("../../../vault.md")
    (knowledge / "absolute.md").symlink_to("/etc/passwd")
    (knowledge / "lost.md").symlink_to("../nowhere/at-all.md")
    (knowledge / "..\\..\\vault.md").write_text(OUTSIDE)
    reasons = {name: reason for name, (_, reason) in files.items()}
    return reasons | {
        "link.md": "link that leaves the folder",
        "absolute.md": "link that leaves the folder",
        "lost.md": "link that leaves the folder",
        "../../vault.md": "points out of the folder",
    }


def test_bad_documents_are_told_and_kept_apart_while_others_are_served(
    tmp_path: Path, start_gateway: StartGateway
) -> None:
    config = write_config(tmp_path / "config", documents={"bridge.md": DOCUMENT})
    knowledge = config / "usecases" / "bridge" / "knowledge"
    (knowledge / "good.pdf").write_bytes(pdf("The ferry leaves from pier 9."))
    expected = spoilt(knowledge)
    running = start_gateway(config)

    ingested = running.run("ingest", "--json")
    assert ingested.returncode == 0, ingested.stderr
    (report,) = json.loads(ingested.stdout)
    told = {each["path"]: each["reason"] for each in report["quarantined"]}
    assert told.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in told[name], (name, told[name])
    assert report["documents"] == 2

    for name in expected:
        assert f"{name} is in quarantine" in running.complaints
    listed = running.ask("GET", "/api/v1/documents/bridge").json()
    states = {each["path"]: each["status"] for each in listed}
    assert {path for path, status in states.items() if status == "indexed"} == {
        "bridge.md",
        "good.pdf",
    }
    for question, words in (
        ("When does the bridge open?", "opens at 7"),
        ("From which pier does the ferry leave?", "pier 9"),
    ):
        answer = running.chat(question, model="bridge").json()
        assert words in answer["choices"][0]["message"]["content"]
    stolen = running.chat("What is the vault code?", model="bridge").json()
    assert "7741" not in json.dumps(stolen)
    assert verified(config, running.data)["ok"]


def test_knowledge_that_is_bad_throughout_starts_and_says_that_it_is_not_ready(
    tmp_path: Path,
) -> None:
    config = write_config(tmp_path / "config", documents={"empty.md": ""})
    looked = passerelle("ingest", "--config", config, "--data", tmp_path / "data", "--json")
    (report,) = json.loads(looked.stdout)
    assert (looked.returncode, report["documents"]) == (0, 0)
    doctor = passerelle("doctor", "--config", config, "--data", tmp_path / "data", "--json")
    assert doctor.returncode == 1
    faults = [each for each in json.loads(doctor.stdout)["findings"] if each["outcome"] == "fault"]
    assert [fault["message"] for fault in faults] == ["bridge: there is nothing to search."]
    asked = passerelle(
        "ask", "bridge", "When?", "--config", config, "--data", tmp_path / "data", "--json"
    )
    assert asked.returncode == 0
    assert json.loads(asked.stdout)["citations"] == []


def test_damaged_document_heals_when_it_is_replaced(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", documents={"bridge.md": DOCUMENT, "gate.md": ""})
    gate = config / "usecases" / "bridge" / "knowledge" / "gate.md"
    arguments = ("--config", config, "--data", tmp_path / "data", "--json")
    (first,) = json.loads(passerelle("ingest", *arguments).stdout)
    assert [each["path"] for each in first["quarantined"]] == ["gate.md"]
    gate.write_text("The gate is blue.\n")
    (second,) = json.loads(passerelle("ingest", *arguments).stdout)
    assert (second["quarantined"], second["read"], second["unchanged"]) == ([], 1, 1)
