"""Builds the native load generator and upstream, and runs the former.

They are C, so that one core carries them beside what is measured: the share of it
that they use is printed with every figure.
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import on_core

SOURCES = Path(__file__).parent / "native"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the load generator saw. Latencies count from when a request was due."""

    answers: int
    failures: int
    seconds: float
    p50_ms: float
    p99_ms: float
    first_p50_ms: float
    """To the first byte of the body."""
    first_p99_ms: float
    busy: float
    """Share of its core that the load generator used."""

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds


def build(folder: Path) -> None:
    """Compiles both into the folder."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("The benchmark needs a C compiler: install gcc or clang.")
    for name in ("load", "upstream"):
        subprocess.run(
            [compiler, "-O2", "-o", str(folder / name), str(SOURCES / f"{name}.c")], check=True
        )


def framed(parts: Sequence[bytes], file: Path) -> Path:
    """Each part after its length, as the programs read them."""
    file.write_bytes(b"".join(struct.pack("<I", len(part)) + part for part in parts))
    return file


def run_load(
    folder: Path,
    port: int,
    requests: Sequence[bytes],
    *,
    core: int,
    connections: int,
    seconds: float,
    rate: float = 0,
) -> Load:
    """A closed loop, or an open one at `rate` requests a second."""
    file = framed(requests, folder / "requests.bin")
    mode = "open" if rate else "closed"
    command = [str(folder / "load"), str(port), str(file), mode]
    command += [str(connections), str(rate), str(seconds)]
    done = subprocess.run(on_core(core, command), check=True, capture_output=True, text=True)
    return Load(**json.loads(done.stdout))


def request_bytes(path: str, body: bytes, *, port: int, key: str = "", more: str = "") -> bytes:
    """One whole request as a client sends it; `more` holds further header lines."""
    credential = more + (f"authorization: Bearer {key}\r\n" if key else "")
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"{credential}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
