"""Every command and every program that README.md and docs/ show is executed as it stands there."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from passerelle.settings.process import read_settings
from tests.journeys.gateways import COMMAND, ROOT, Gateway, environment, launch

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"^```(console|python|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS = ".venv/bin/passerelle "
DOCUMENTS = sorted(
    file
    for file in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if BLOCK.search(file.read_text("utf-8"))
)


def blocks(file: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(file.read_text("utf-8")) if kind == language]


@dataclass
class Checkout:
    """A folder that looks like the repository after `make run`, whose gateway is running."""

    folder: Path
    gateway: Gateway
    stack: ExitStack

    def run_console(self, block: str) -> None:
        if block.startswith("make "):
            # `make run` is what starts every gateway here, and `make test` is what runs this:
            # that the target exists is all that can be checked from within.
            target = block.split()[1]
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        elif block.startswith(f"{OURS}up "):
            self._start(block.removeprefix(f"{OURS}up ").split())
        else:
            done = self._run(["bash", "-euc", block])
            assert '"error"' not in done.stdout, done.stdout
            assert done.stdout

    def run_python(self, block: str) -> None:
        printed = self._run([sys.executable, "-W", "error", "-c", block]).stdout
        assert "'document': '" in printed, printed

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603 - what our own documents say
            command,
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def _start(self, arguments: list[str]) -> None:
        """From here on the document's gateway is this one; it runs until the document ends."""
        named = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert named.keys() <= {"--config", "--data"}
        config = self.folder / named["--config"]
        data = self.folder / named.get("--data", f"{named['--config']}/.passerelle")
        self.gateway = launch(config, data, "--port", "0", cwd=self.folder)
        self.stack.callback(self.gateway.stop)
        self.gateway.wait_until_ready()

    def filled(self, block: str) -> str:
        """With what a reader would put in: the printed address and key, the id of a key."""
        if "PUBLIC_ID" in block:
            made = self.gateway.run("keys", "create", "--label", "spare", "--json")
            block = block.replace("PUBLIC_ID", json.loads(made.stdout)["public_id"])
        block = block.replace("http://127.0.0.1:8080", self.gateway.url)
        return block.replace("<the printed key>", self.gateway.key)


@pytest.fixture
def checkout(gateway: Gateway, tmp_path: Path) -> Iterator[Checkout]:
    for name in ("docs", "usecases", "passerelle.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".passerelle").symlink_to(gateway.data)
    command = tmp_path / OURS.strip()
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    command.chmod(0o755)
    with ExitStack() as stack:
        yield Checkout(tmp_path, gateway, stack)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: os.path.relpath(file, ROOT))
def test_what_a_document_shows_works_in_its_order(file: Path, checkout: Checkout) -> None:
    for language, block in BLOCK.findall(file.read_text("utf-8")):
        if language == "console":
            checkout.run_console(checkout.filled(block))
        elif language == "python":
            checkout.run_python(checkout.filled(block))


def test_documents_show_what_a_new_user_needs() -> None:
    shown = "".join("".join(blocks(file, "console")) for file in DOCUMENTS)
    for command in (
        *("make run", "ask handbook", "init ", "up --config", "keys create", "doctor"),
        *("/v1/feedback", "review ", "eval run", "prompts promote", "cost report"),
        *("cost project", "check ", "loadtest", "waive", "sign ", "promote ", "compare "),
    ):
        assert command in shown
    assert blocks(ROOT / "README.md", "python")


def test_settings_that_documents_show_are_accepted(tmp_path: Path) -> None:
    shown = [block for file in DOCUMENTS for block in blocks(file, "toml")]
    settings = [block for block in shown if block.startswith("[providers.")]
    assert settings
    for block in settings:
        file = tmp_path / "passerelle.toml"
        (tmp_path / "service-account.json").write_text("{}")
        file.write_text(block)
        named = dict.fromkeys(re.findall(r'"env:(\w+)"', block), "sk-planted")
        assert len(read_settings(file, named).providers) > 1
