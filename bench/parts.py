"""`python -m bench.parts`: microseconds of each part of a request, in the order of its way.

In one process and without a socket, so a part can be weighed where a whole run is too
noisy. The relay profile, an upstream that answers at once, a ledger on the real disk.
"""

import argparse
import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers import ANSWER, FILLER, chat_body, write_profile
from passerelle.adapters.gateway.answers import provenance_of
from passerelle.adapters.telemetry.metrics import Registry
from passerelle.adapters.telemetry.observers import ServingMetrics
from passerelle.core.values.chat import Choice, Completion, Piece, Usage
from passerelle.domain.guardrails.guards import Surface
from passerelle.domain.guardrails.screening import screen
from passerelle.domain.guardrails.windows import Windows
from passerelle.domain.identity.keys import mint
from passerelle.domain.ledger.chain import seal
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings, Inexpressible, ModelCall
from passerelle.stories.serve import steps
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.exchange import Arrival, Checked
from passerelle.stories.serve.parts import Parts
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_answers import encode_completion
from passerelle.transport.wire.openai_chat import decode_request
from passerelle.wiring.installation import Told, opened_store, read_installation
from passerelle.wiring.serving import build_parts

PROFILE = "relay"
CLIENTS = 64
CHUNKS = [f"{word} " for word in f"{ANSWER} {FILLER}".split(" ")][:50]
PROSE = (
    "Dear support team, my name is Maria Gonzalez and I ordered the Model 3200 dishwasher on 12 "
    "May 2023 for $649.99 and $35 for delivery. It arrived on Tuesday with a 4 cm dent; the courier"
    " from Open Freight said that I should write to claims@example.org. Order 2023-118 lists 2 "
    "items, weight 47.5 kg. Will you replace it before 30 June, or refund it within 14 days?"
)
COMPLETION = Completion((Choice(ANSWER),), Usage(input_tokens=600, output_tokens=60), "replay-1")


class AtOnce:
    """A provider that costs nothing."""

    name = "upstream"

    async def complete(self, call: ModelCall) -> Completion:
        del call
        return COMPLETION

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        del call
        yield Piece(ANSWER, usage=COMPLETION.usage)

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        raise Inexpressible(f"{call.model} embeds nothing.")

    async def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Bench:
    """A gateway without its listener, and somebody who may ask."""

    parts: Parts
    key: str
    body: bytes = chat_body(PROFILE, FILLER)

    def arrival(self) -> Arrival:
        now_ns = self.parts.clock.monotonic_ns()
        return Arrival(decode_request(self.body), self.key, "req_0123456789abcdef", now_ns)


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    write_profile(folder / "config", PROFILE, 9)
    installation = read_installation(Told(folder / "config", data=folder / "data"))
    with opened_store(installation) as store:
        observer = ServingMetrics(Registry())
        parts, _ = build_parts(installation, store, {"upstream": AtOnce()}, observer)
        developer = installation.operator
        plain, key = mint(
            developer, pepper=parts.pepper, label="bench", now_ms=parts.clock.now_ms(), env="dev"
        )
        asyncio.run(store.keys.add(key))
        yield Bench(parts, plain)


def microseconds(part: Callable[[], object], *, rounds: int) -> float:
    """Of one call: the fastest of several rounds, for a busy machine only ever adds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(200):
            part()
        best = min(best, (time.perf_counter() - begun) / 200)
    return best * 1e6


def small_parts(bench: Bench) -> Iterator[tuple[str, Callable[[], object]]]:
    parts, arrival = bench.parts, bench.arrival()
    reserved = steps.reserve(steps.identify(arrival, parts), parts)
    guards = reserved.deployment.guards
    routed = steps.route(steps.retrieve(steps.screen_input(reserved)))
    answered = steps.Answered(routed.tab, routed.deployment, COMPLETION)
    steps.charge(routed.tab, COMPLETION.usage)
    checked = steps.check(answered)
    tab = routed.tab
    draft = tab._draft(200, "")  # noqa: SLF001 - a part of what is weighed here
    heading = Heading(checked.exchange_id, 1_700_000_000, PROFILE)

    def stream() -> None:
        windows = Windows(guards)
        for chunk in CHUNKS:
            windows.push(chunk)
        windows.finish()

    yield "decode", lambda: decode_request(bench.body)
    yield "identify", lambda: steps.identify(arrival, parts)
    yield "reserve and give back", lambda: _reserve(bench, arrival)
    yield "guards, input", lambda: screen(FILLER, guards, Surface.INPUT)
    yield "guards, input with numbers and a name", lambda: screen(PROSE, guards, Surface.INPUT)
    yield "screen the request", lambda: steps.screen_input(reserved)
    yield "route", lambda: steps.route(steps.retrieve(steps.screen_input(reserved)))
    yield "guards, output", lambda: screen(ANSWER, guards, Surface.OUTPUT)
    yield f"guards, stream of {len(CHUNKS)}", stream
    yield "check the answer", lambda: steps.check(answered)
    yield "facts and content", lambda: tab._draft(200, "")  # noqa: SLF001
    yield "seal", lambda: seal(draft)
    yield "observe", lambda: parts.observer.exchange_ended(tab._observation(200, ""))  # noqa: SLF001
    yield "encode", lambda: _encode(heading, checked)


def _reserve(bench: Bench, arrival: Arrival) -> None:
    steps.reserve(steps.identify(arrival, bench.parts), bench.parts).tab._settle()  # noqa: SLF001


def _encode(heading: Heading, checked: Checked) -> bytes:
    return encode_completion(heading, checked.completion, provenance_of(checked))


async def at_once(count: int, work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Processor and wall microseconds of one of so many, with 64 under way."""
    turns = iter(range(count))

    async def client() -> None:
        for _ in turns:
            await work()

    gc.collect()
    gc.freeze()
    before, begun = _processor_seconds(), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    used, passed = _processor_seconds() - before, time.perf_counter() - begun
    return used / count * 1e6, passed / count * 1e6


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def whole(bench: Bench, count: int) -> dict[str, tuple[float, float]]:
    serving, parts = Serving(bench.parts), bench.parts
    reserved = steps.reserve(steps.identify(bench.arrival(), parts), parts)
    steps.charge(reserved.tab, COMPLETION.usage)
    draft = reserved.tab._draft(200, "")  # noqa: SLF001
    return {
        "ledger record": await at_once(count, lambda: parts.ledger.append(draft)),
        "whole answer": await at_once(count, lambda: serving.answer(bench.arrival())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=6_000, help="records and whole answers")
    wanted = parser.parse_args()
    gc.set_threshold(20_000, 20, 50)
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as bench:
        print("| part | µs |\n|---|--:|")
        for part, work in small_parts(bench):
            print(f"| {part} | {microseconds(work, rounds=wanted.rounds):.1f} |")
        for part, (cpu, wall) in asyncio.run(whole(bench, wanted.count)).items():
            print(f"| {part}, {CLIENTS} at once | {cpu:.1f} CPU, {wall:.1f} wall |")
        written = sum(file.stat().st_size for file in (Path(name) / "data").glob("passerelle.db*"))
        print(f"\n{written / (2 * wanted.count):,.0f} bytes of disk for each of both")


if __name__ == "__main__":
    main()
