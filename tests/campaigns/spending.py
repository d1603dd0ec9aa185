"""Clients that leave and a provider that fails: do budgets, ledger and provider agree?

python -m tests.campaigns spending --count 1000
"""

import asyncio
import queue
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.adapters.upstream import Seen, Step, Upstream, answer, chunked, upstream
from tests.adapters.wire_answers import chunk, completion, error, events, usage_chunk
from tests.campaigns.disconnects import (
    ANSWERED,
    CUT_OFF,
    SETTLED_SECONDS,
    TEXT,
    Fate,
    Progress,
    leave_all,
    plan_of,
    settled,
    whole_answer,
)
from tests.journeys.gateways import Gateway, start, write_config

OWN = re.compile(r"\((left-\d+)\)")
FAILS = 0.3
"""Share of calls in which the provider fails, each way as often as the others."""
PACE_SECONDS = 0.001
WORKERS = 2
HUGE = 1_000_000
LIMITS = f"per_month_usd = {HUGE}\nper_month_tokens = {HUGE**2}\nper_month_requests = {HUGE}\n"
SETTINGS = """\
[listener]
workers = {workers}
[providers.paid]
kind = "openai_style"
base_url = "{url}"
prices = "openai"
[budgets.key]
{limits}
[budgets.user]
{limits}
[budgets.teams.local]
{limits}
"""
Taken = tuple[int, int, int]
"""Nano-USD, tokens, requests."""


@dataclass
class Tally:
    """What the campaign saw."""

    clients: int = 0
    calls: int = 0
    failed: int = 0
    entries: int = 0
    nano: int = 0
    faults: list[str] = field(default_factory=list)


class Provider:
    """The other side of the gateway: it knows what it was asked for and what it billed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.calls: dict[str, int] = {}
        self.billed: dict[str, int] = {}
        """Tokens of the last whole answer, by request."""
        self.failed = 0

    def __call__(self, seen: Seen) -> Sequence[Step]:
        found = OWN.search(seen.body.decode())
        own = found[1] if found else "whole"
        self.calls[own] = number = self.calls.get(own, 0) + 1
        chance = random.Random(f"{self._seed} {own} {number}")  # noqa: S311 - must repeat
        tokens = (chance.randrange(50, 400), chance.randrange(1, 90))
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        stream = bool(seen.json.get("stream"))
        whole = _stream(usage) if stream else [answer(completion(TEXT, usage=usage))]
        if own != "whole" and chance.random() < FAILS:
            self.failed += 1
            return _failure(chance, whole)
        self.billed[own] = sum(tokens)
        return whole


def _stream(usage: Mapping[str, int]) -> list[Step]:
    pieces = [chunk(TEXT[start : start + 7]) for start in range(0, len(TEXT), 7)]
    said = (chunk("", role="assistant"), *pieces, chunk(finish="stop"), usage_chunk(usage))
    parts = chunked(*(events(each, done=False) for each in said), b"data: [DONE]\n\n")
    return [step for part in parts for step in (part, PACE_SECONDS)]


def _failure(chance: random.Random, whole: Sequence[Step]) -> Sequence[Step]:
    """One of the ways in which a provider lets its caller down; none is a whole answer."""
    refused = [answer(error("Try again."), status=status) for status in ("500 No", "503 No")]
    body = [step for step in whole if isinstance(step, bytes)]
    torn = body[: len(body) // 2] if len(body) > 1 else [body[0][: len(body[0]) // 2]]
    ways: list[Sequence[Step]] = [
        [refused[0]],
        [refused[1]],
        ["reset"],
        [*torn, "close"],
        [*torn, "reset"],
        [answer(b'{"choices": [')],
    ]
    return chance.choice(ways)


def run(
    count: int,
    *,
    seed: int,
    folder: Path,
    workers: int = WORKERS,
    progress: Progress = lambda _done: None,
) -> Tally:
    """`count` clients ask, and most leave; then all accounts are compared, and after a restart."""
    provider = Provider(seed)
    with threaded_upstream(provider) as there:
        config = _config(folder / "config", there.url, workers)
        gateway = start(config, folder / "data")
        try:
            entries = _visit(gateway, count, random.Random(seed), progress)  # noqa: S311
            accounts = _accounts(gateway)
            faults = _reconcile(provider, entries, accounts)
        finally:
            gateway.stop()
    again = start(config, folder / "data")
    try:
        if (remembered := _accounts(again)) != accounts:
            faults.append(f"after a restart: {remembered}, before: {accounts}")
    finally:
        again.stop()
    nano = sum(entry["facts"]["cost_nano_usd"] or 0 for entry in entries)
    calls = sum(provider.calls.values())
    return Tally(count, calls, provider.failed, len(entries), nano, faults)


def _config(folder: Path, url: str, workers: int) -> Path:
    settings = SETTINGS.format(url=url, limits=LIMITS, workers=workers)
    config = write_config(folder, settings=settings, provider="paid")
    file = config / "usecases/bridge/usecase.toml"
    text = file.read_text("utf-8").replace('"paid"\n', '"paid"\nmodel = "gpt-4o-mini"\n')
    file.write_text(f"{text}{LIMITS}[stages.poc.budget]\n{LIMITS}", "utf-8")
    return config


def _visit(
    gateway: Gateway, count: int, chance: random.Random, progress: Progress
) -> list[dict[str, Any]]:
    lengths = {stream: len(whole_answer(gateway, stream=stream)) for stream in (False, True)}
    plans = [plan_of(gateway, chance, number, lengths) for number in range(count)]
    fates = asyncio.run(leave_all(gateway, plans, progress))
    return settled(gateway, fates | dict.fromkeys(("whole-False", "whole-True"), Fate.ONE))


def _accounts(gateway: Gateway) -> dict[str, Taken]:
    """What is spent of every account, once nothing is held any more."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        keys = [key["standing"] for key in gateway.ask("GET", "/api/v1/keys").json()]
        views = [*gateway.ask("GET", "/api/v1/budgets").json(), *keys]
        held = [view for view in views if any(view["month"]["held"].values())]
        if not held or time.monotonic() > deadline:
            assert not held, f"money is held although nobody waits: {held}"
            break
        time.sleep(0.05)
    taken = {view["kind"]: view["month"]["spent"] for view in views}
    return {
        kind: (spent["nano_usd"], spent["tokens"], spent["requests"])
        for kind, spent in taken.items()
    }


def _reconcile(
    provider: Provider, entries: Sequence[Mapping[str, Any]], accounts: Mapping[str, Taken]
) -> list[str]:
    """Everything in which the three books differ."""
    told = {entry["facts"]["request_id"]: entry["facts"] for entry in entries}
    faults = [
        f"{own}: asked of the provider, not in the ledger" for own in _unknown(provider, told)
    ]
    for own, facts in told.items():
        tokens = facts["input_tokens"] + facts["output_tokens"]
        if own.startswith("whole"):
            continue
        if facts["status"] == ANSWERED and tokens != provider.billed.get(own):
            billed = provider.billed.get(own)
            faults.append(f"{own}: {tokens} tokens in the ledger, {billed} of the provider")
        if facts["status"] not in (ANSWERED, CUT_OFF) and not facts["code"].startswith("provider"):
            faults.append(f"{own}: ended with {facts['status']} {facts['code']}")
        # Whose client leaves while the call is being sent is charged: it may have been read.
        seen = own in provider.calls or (facts["status"] == CUT_OFF and facts["usage_estimated"])
        if facts["cost_nano_usd"] and not seen:
            faults.append(f"{own}: costs something, and the provider never saw it")
    spent = (
        sum(facts["cost_nano_usd"] or 0 for facts in told.values()),
        sum(facts["input_tokens"] + facts["output_tokens"] for facts in told.values()),
    )
    if set(accounts) != {"usecase", "stage", "key", "user", "team"}:
        faults.append(f"these accounts are kept: {sorted(accounts)}")
    for kind, (nano, tokens, requests) in accounts.items():
        if (nano, tokens) != spent:
            faults.append(f"{kind}: {nano} nano-USD, {tokens} tokens; by the ledger {spent}")
        if not len(provider.calls) <= requests <= len(entries):
            faults.append(f"{kind}: {requests} requests, {len(entries)} entries")
    return faults


def _unknown(provider: Provider, told: Mapping[str, object]) -> list[str]:
    return sorted(provider.calls.keys() - told.keys() - {"whole"})


@contextmanager
def threaded_upstream(script: Provider) -> Iterator[Upstream]:
    """In a thread of its own, for the campaign waits in this one."""
    started: queue.Queue[Upstream] = queue.Queue()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with upstream(script) as served:
            started.put(served)
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield started.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
