"""The real process, started, asked and stopped as a person would, and its command line."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "passerelle.cli.main")
STARTED = "Stop with Ctrl-C."
START_SECONDS = 60.0
STOP_SECONDS = 30.0
PAGE = 10_000
CONTENT = {"content-type": "application/json"}


def environment() -> dict[str, str]:
    """What a shell has: no settings of ours, no keys of providers, and pipes that are buffered."""
    return {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed on to another process
        if not name.startswith("PASSERELLE_")
        and not name.endswith("_API_KEY")
        and name != "PYTHONUNBUFFERED"
    }


def passerelle(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(  # noqa: S603 - our own interpreter and module
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass(frozen=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Gateway:
    """`passerelle up`, running."""

    config: Path
    data: Path
    process: subprocess.Popen[bytes]
    printed: Path
    complained: Path
    host: str = "127.0.0.1"
    port: int = 0
    stopped: bool = field(default=False, init=False)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def key(self) -> str:
        """The development key."""
        return (self.data / "development.key").read_text().strip()

    @property
    def told(self) -> str:
        """What it has printed."""
        return self.printed.read_text()

    @property
    def complaints(self) -> str:
        return self.complained.read_text()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own; `body` is JSON, or bytes as they are."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        sent = dict(headers or {})
        credential = self.key if key is None else key
        if credential:
            sent["authorization"] = f"Bearer {credential}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent = CONTENT | sent
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def chat(self, question: str, *, model: str = "handbook", **others: object) -> Answer:
        said = [{"role": "user", "content": question}]
        return self.ask(
            "POST", "/v1/chat/completions", {"model": model, "messages": said, **others}
        )

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A command beside the running process, on the same folders."""
        return passerelle(*arguments, "--config", self.config, "--data", self.data)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while STARTED not in self.told:
            assert self.process.poll() is None, f"it ended at its start:\n{self.complaints}"
            assert time.monotonic() < deadline, f"it did not start:\n{self.told}{self.complaints}"
            time.sleep(0.02)
        self.port = int(self.told.partition(f"http://{self.host}:")[2].partition("/")[0])
        assert self.ask("GET", "/readyz", key="").status == 200

    def stop(self) -> None:
        """As an operator does; it must end by itself, with nothing to complain of."""
        if self.stopped:
            return
        self.stopped = True
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert status == 0, self.complaints
        assert "Traceback" not in self.complaints
        assert "unexpected error" not in self.complaints, self.complaints

    def kill(self) -> None:
        """As a power cut does."""
        self.stopped = True
        self.process.kill()
        self.process.wait(STOP_SECONDS)


def launch(config: Path, data: Path, *arguments: str, cwd: Path = ROOT) -> Gateway:
    """Starts the process and does not wait for it; what it prints lies beside its data."""
    data.parent.mkdir(parents=True, exist_ok=True)
    printed, complained = (data.with_name(f"{data.name}.{name}") for name in ("out", "err"))
    with printed.open("wb") as out, complained.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*COMMAND, "up", "--config", str(config), "--data", str(data), *arguments],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    return Gateway(config, data, process, printed, complained)


def start(config: Path, data: Path, *, port: int = 0) -> Gateway:
    """Starts the process and waits until it serves."""
    gateway = launch(config, data, "--port", str(port))
    try:
        gateway.wait_until_ready()
    except BaseException:
        gateway.kill()
        raise
    return gateway


def ended_exchanges(gateway: Gateway) -> list[dict[str, Any]]:
    """Every `exchange.ended` entry, newest first, as `passerelle ledger show` gives it."""
    entries: list[dict[str, Any]] = []
    while True:
        older = ("--before", str(entries[-1]["sequence"])) if entries else ()
        shown = gateway.run(
            "ledger", "show", "--json", "--limit", str(PAGE), "--event", "exchange.ended", *older
        )
        assert shown.returncode == 0, shown.stderr
        page: list[dict[str, Any]] = json.loads(shown.stdout)
        entries += page
        if len(page) < PAGE:
            return entries


def verified(config: Path, data: Path) -> dict[str, Any]:
    """What `passerelle ledger verify` says, with its exit status as `status`."""
    done = passerelle("ledger", "verify", "--json", "--config", config, "--data", data)
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"status": done.returncode}


USECASE = """\
[usecase]
name = "{name}"
data_class = "internal"
stage = "poc"
[charter]
goal = "Callers learn when the bridge is open."
[charter.kpi]
name = "calls"
unit = "calls a day"
baseline = 40
target = 10
kill_value = 35
higher_is_better = false
[charter.roles]
business_owner = "Ada"
developer = "Ben"
security = "Cem"
compliance = "Dan"
[knowledge]
sources = [{{ folder = "knowledge" }}]
[guards.length]
max_characters = 20000
[route]
provider = "{provider}"
[budget]
"""
PROMPT = '+++\nrefusal = "I do not know."\n+++\nAnswer from {{passages}}.\n'
DOCUMENT = "# The bridge\n\nThe bridge opens at 7 in the morning. It closes at 22 in the evening.\n"


def write_config(
    folder: Path,
    *,
    settings: str = "",
    provider: str = "extractive",
    name: str = "bridge",
    documents: Mapping[str, str] | None = None,
) -> Path:
    """A configuration folder with one use case of one document."""
    home = folder / "usecases" / name
    for path in (home / "prompts", home / "knowledge"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "passerelle.toml").write_text(settings)
    (home / "usecase.toml").write_text(USECASE.format(name=name, provider=provider))
    (home / "prompts" / "v1.md").write_text(PROMPT)
    for file, text in (documents or {"bridge.md": DOCUMENT}).items():
        (home / "knowledge" / file).write_text(text)
    return folder


def canned(answer: str, *options: str) -> str:
    """Settings of a provider `canned` that always says the same."""
    return "\n".join(
        ("[providers.canned]", 'kind = "replay"', f"answer = {json.dumps(answer)}", *options, "")
    )


def request_ids(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [entry["facts"]["request_id"] for entry in entries]
