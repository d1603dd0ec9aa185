"""What is measured: the gateway in its profiles, and a plain proxy to the same upstream."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import upstream
from bench.processes import free_port
from bench.programs import framed, request_bytes

ROOT = Path(__file__).parents[1]
PASSERELLE = [sys.executable, "-m", "passerelle.cli.main"]
ANSWER = (
    "Passerelle keeps one entry per exchange in a ledger, and the entry is durable before the "
    "response ends. [1] The gateway speaks the OpenAI format, so every OpenAI client works. [2]"
)
FILLER = "Context from the ticket: the customer wrote twice and waits for an answer. " * 9
"""With the frame around it a request of 800 to 900 bytes."""
CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to the upstream: how to start it, and the requests that it gets."""

    name: str
    port: int
    command: Sequence[str]
    requests: tuple[bytes, ...]
    streams: tuple[bytes, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    probe: tuple[bytes, ...] = ()
    """A request that must succeed before it counts as started; () for a port that listens."""
    port_file: Path | None = None
    """Where it writes the port that it chose itself."""


def chat_body(model: str, question: str, *, stream: bool = False) -> bytes:
    return json.dumps(
        {"model": model, "messages": [{"role": "user", "content": question}], "stream": stream},
        separators=(",", ":"),
    ).encode()


def both_ways(
    port: int,
    model: str,
    *,
    path: str = CHAT,
    key: str = "",
    more: str = "",
    questions: Sequence[str] = (FILLER,),
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Requests for whole answers, and for streams; `more` holds further header lines."""

    def requests(*, stream: bool) -> tuple[bytes, ...]:
        bodies = (chat_body(model, question, stream=stream) for question in questions)
        return tuple(request_bytes(path, body, port=port, key=key, more=more) for body in bodies)

    return requests(stream=False), requests(stream=True)


def direct(port: int, folder: Path, *, pause_ms: float = 0) -> Peer:
    """The upstream itself. With a pause, pieces of a stream come one by one."""
    whole = folder / "whole.bin"
    whole.write_bytes(upstream.whole(ANSWER))
    pieces = framed(upstream.streamed(ANSWER), folder / "stream.bin")
    command = [str(folder / "upstream"), str(port), str(whole), str(pieces), str(pause_ms)]
    return Peer("direct", port, command, *both_ways(port, "replay-1"))


def nginx(upstream_port: int, folder: Path) -> Peer | None:
    """A plain proxy with keep-alive on both sides; None where nginx is not installed."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        return None
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
worker_rlimit_nofile 16384; events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 10000000; client_body_buffer_size 64k;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream up {{ server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
    proxy_buffering off;
    proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
""",
        encoding="utf-8",
    )
    command = [program, "-c", str(config), "-p", str(folder)]
    return Peer("nginx", port, command, *both_ways(port, "replay-1"))


def gateway(profile: str, upstream_port: int, folder: Path) -> Peer:
    """The gateway with a durable ledger; `relay` without knowledge, `full` with everything."""
    port, data = free_port(), folder / f"{profile}-data"
    config = folder / f"{profile}-config"
    write_profile(config, profile, upstream_port)
    command = [*PASSERELLE, "up", "--config", str(config), "--data", str(data), "--port", str(port)]
    key = run_json(
        *("keys", "create", "--label", "bench", "--role", "developer"),
        *("--config", str(config), "--data", str(data)),
    )["key"]
    requests, streams = both_ways(port, profile, key=key, questions=QUESTIONS[profile]())
    return Peer(f"gateway.{profile}", port, command, requests, streams, probe=requests[:1])


def run_json(*arguments: str) -> dict[str, str]:
    """What a command prints with --json."""
    command = [*PASSERELLE, *arguments, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def handbook_questions() -> list[str]:
    lines = (ROOT / "usecases/handbook/cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines if line.strip()]


def filler_questions() -> list[str]:
    return [FILLER]


QUESTIONS: dict[str, Callable[[], list[str]]] = {
    "relay": filler_questions,
    "full": handbook_questions,
}


def write_profile(config: Path, profile: str, upstream_port: int) -> None:
    """A configuration folder whose one use case is routed to the upstream."""
    folder = config / "usecases" / profile
    (folder / "prompts").mkdir(parents=True)
    (config / "passerelle.toml").write_text(
        '[providers.upstream]\nkind = "openai_style"\n'
        f'base_url = "http://127.0.0.1:{upstream_port}/v1"\n',
        encoding="utf-8",
    )
    knowledge = ROOT / "docs" if profile == "full" else None
    passages = 5 if knowledge else 0
    (folder / "usecase.toml").write_text(usecase_text(profile, knowledge), encoding="utf-8")
    (folder / "prompts" / "v1.md").write_text(
        f'+++\npassages = {passages}\nrefusal = "I do not know."\n+++\n'
        f"Answer in two sentences.{' {{passages}}' if knowledge else ''}\n",
        encoding="utf-8",
    )


def usecase_text(profile: str, knowledge: Path | None) -> str:
    text = (ROOT / "bench" / "usecase.toml").read_text(encoding="utf-8").replace("NAME", profile)
    if knowledge is not None:
        text += f'\n[knowledge]\nsources = [{{ folder = "{knowledge}", include = ["**/*.md"] }}]\n'
    return text
