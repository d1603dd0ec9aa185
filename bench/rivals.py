"""`make bench-peers`: the gateway and others of its kind, one after another in each round.

The others are installed into throw-away folders (`--folder`, kept between runs), each in
an environment of its own. All have the same upstream, the same load and the same core;
CPU per request is the main figure, as a ratio to ours within each round.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench import peers, printing, processes, programs
from bench.measuring import Bench, Row, started, upstream
from bench.peers import Peer, both_ways
from bench.processes import free_port

RESULTS = Path(__file__).parent / "results" / "rivals.json"
KEY = "sk-bench-1234"
RATE = 20
"""Requests a second of the open loop: the slowest of all must keep up."""
_QUIET = {"PYTHONDONTWRITEBYTECODE": "", "DO_NOT_TRACK": "1"}
"""Without compiled files LiteLLM compiles a failing import at every request."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one rival is installed, where it writes, and whom it asks."""

    home: Path
    work: Path
    upstream_port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream_port}/v1"

    def file(self, name: str, text: str) -> Path:
        path = self.work / name
        path.write_text(text, encoding="utf-8")
        return path

    def python(self, *packages: str) -> Path:
        """The interpreter of an environment of its own with these packages."""
        python = self.home / "bin" / "python"
        if not (self.home / ".installed").exists():
            subprocess.run([sys.executable, "-m", "venv", str(self.home)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
            (self.home / ".installed").touch()
        return python


def litellm(place: Place) -> Peer:
    """The proxy with a master key; no database."""
    python, port = place.python("litellm[proxy]"), free_port()
    config = place.file(
        "litellm.yaml",
        "model_list:\n  - model_name: replay-1\n    litellm_params:\n"
        f"      model: openai/replay-1\n      api_base: {place.base_url}\n      api_key: none\n"
        f"general_settings:\n  master_key: {KEY}\n"
        "litellm_settings:\n  telemetry: false\n  set_verbose: false\n",
    )
    command = [str(python.parent / "litellm"), "--config", str(config), "--port", str(port)]
    return _peer("LiteLLM", port, command, both_ways(port, "replay-1", key=KEY))


def mlflow(place: Place) -> Peer:
    """The AI gateway, one worker; it has no keys."""
    python, port = place.python("mlflow[gateway]"), free_port()
    config = place.file(
        "mlflow.yaml",
        "endpoints:\n  - name: replay-1\n    endpoint_type: llm/v1/chat\n    model:\n"
        "      provider: openai\n      name: replay-1\n      config:\n"
        f"        openai_api_key: none\n        openai_api_base: {place.base_url}\n",
    )
    command = [str(python.parent / "mlflow"), "gateway", "start", "--config-path", str(config)]
    command += ["--port", str(port), "--workers", "1"]
    environment = {"PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin"}
    return _peer("MLflow", port, command, both_ways(port, "replay-1"), environment=environment)


def tensorzero(place: Place) -> Peer:
    """The HTTP gateway inside the Python package, with nothing recorded."""
    python = place.python("tensorzero", "openai")
    config = place.file(
        "tensorzero.toml",
        "[gateway]\nobservability.enabled = false\n"
        '[models.replay-1]\nrouting = ["upstream"]\n'
        '[models.replay-1.providers.upstream]\ntype = "openai"\nmodel_name = "replay-1"\n'
        f'api_base = "{place.base_url}/"\napi_key_location = "none"\n',
    )
    port_file = place.work / "tensorzero.port"
    script = place.file(
        "tensorzero_gateway.py",
        "import pathlib, sys, time\nfrom openai import OpenAI\n"
        "from tensorzero import patch_openai_client\n"
        "client = patch_openai_client(\n"
        "    OpenAI(api_key='none'), config_file=sys.argv[1], async_setup=False)\n"
        "pathlib.Path(sys.argv[2]).write_text(str(client.base_url.port))\ntime.sleep(1e9)\n",
    )
    command = [str(python), "-W", "ignore", str(script), str(config), str(port_file)]
    ways = both_ways(0, "tensorzero::model_name::replay-1", path="/openai/v1/chat/completions")
    return replace(_peer("TensorZero", 0, command, ways), port_file=port_file)


def portkey(place: Place) -> Peer:
    """The gateway from npm."""
    package = "@portkey-ai/gateway"
    place.home.mkdir(parents=True, exist_ok=True)
    if not (place.home / ".installed").exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", package]
        subprocess.run(command, check=True, cwd=place.home)
        (place.home / ".installed").touch()
    port = free_port()
    server = place.home / "node_modules" / package / "build" / "start-server.js"
    more = f"x-portkey-provider: openai\r\nx-portkey-custom-host: {place.base_url}\r\n"
    ways = both_ways(port, "replay-1", key=KEY, more=more)
    environment = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "NODE_ENV": "production"}
    command = ["node", str(server), f"--port={port}", "--headless"]
    return _peer("Portkey", port, command, ways, environment=environment)


def _peer(
    name: str,
    port: int,
    command: list[str],
    ways: tuple[tuple[bytes, ...], tuple[bytes, ...]],
    *,
    environment: Mapping[str, str] | None = None,
) -> Peer:
    return Peer(name, port, command, *ways, {**_QUIET, **(environment or {})}, ways[0][:1])


RIVALS: Mapping[str, Callable[[Place], Peer]] = {
    "litellm": litellm,
    "mlflow": mlflow,
    "tensorzero": tensorzero,
    "portkey": portkey,
}


def compared(names: list[str], homes: Path, work: Path, upstream_port: int) -> list[Peer]:
    found = [RIVALS[name](Place(homes / name, work, upstream_port)) for name in names]
    proxy = peers.nginx(upstream_port, work)
    return [*([proxy] if proxy else []), peers.gateway("relay", upstream_port, work), *found]


def rounds(count: int, bench: Bench, names: list[str], homes: Path) -> dict[str, list[Row]]:
    port = free_port()
    base = peers.direct(port, bench.folder)
    entrants = compared(names, homes, bench.folder, port)
    rows: dict[str, list[Row]] = {peer.name: [] for peer in (base, *entrants)}
    with upstream(base, bench.folder) as running:
        for number in range(count):
            print(f"round {number + 1} of {count}", flush=True)
            rows[base.name].append(bench.whole_answers(base, running.pid))
            for peer in entrants:
                with started(peer, bench.folder) as process:
                    listening = replace(peer, port=process.port)
                    row = bench.whole_answers(listening, process.pid)
                rows[peer.name].append(row | {"start_seconds": process.start_seconds})
    return rows


def ratios(rows: Mapping[str, list[Row]], ours: str) -> dict[str, dict[str, float]]:
    """CPU per request of each as a multiple of ours: median, smallest and largest of the rounds."""
    found = {}
    for name, each in rows.items():
        if name in (ours, "direct"):
            continue
        pairs = zip(each, rows[ours], strict=True)
        values = [row["cpu_us_per_request"] / own["cpu_us_per_request"] for row, own in pairs]
        found[name] = {
            "median": statistics.median(values),
            "least": min(values),
            "most": max(values),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", default=",".join(RIVALS))
    parser.add_argument("--folder", type=Path, default=None, help="keeps what is installed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), arguments.seconds, rate=RATE)
        programs.build(bench.folder)
        homes = (arguments.folder or bench.folder / "rivals").resolve()
        rows = rounds(arguments.rounds, bench, arguments.only.split(","), homes)
        flush_ms = processes.flush_p99_ms(bench.folder)
    medians = printing.medians(rows)
    print(printing.table(medians))
    found = ratios(rows, "gateway.relay")
    print("\nCPU per request as a multiple of ours: median (least to most)")
    for rival, ratio in found.items():
        print(f"  {rival}: {ratio['median']:.1f} ({ratio['least']:.1f} to {ratio['most']:.1f})")
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "node": _version("node"),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "rate": RATE,
        "fdatasync_p99_ms": flush_ms,
        "ratios": found,
        "raw": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(medians | {"about": about}, indent=1), encoding="utf-8")
    print(f"written to {RESULTS.relative_to(Path.cwd())}")


def _version(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        return "absent"
    return subprocess.run(
        [path, "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
