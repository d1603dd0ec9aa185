"""Load at a fixed rate, whatever the answers do.

Latency counts from the moment at which a request was due: a slow answer is not hidden
by the requests that it delayed, nor is a load generator that cannot keep up.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from passerelle.core.values.errors import Unavailable
from passerelle.core.values.ids import Digest
from passerelle.domain.readiness.loads import LoadSeen
from passerelle.transport.egress.connections import Connections, Response
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.targets import Target, target

OK = 200
DEADLINE_SECONDS = 10.0
"""An answer that takes longer is a failure."""
_LEAD_SECONDS = 0.05


class CannotMeasure(Unavailable):
    """The load test could not be carried out."""

    code = "cannot_measure"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What is asked, and how often."""

    address: str
    """Of our own listener, such as `http://127.0.0.1:8080`."""
    model: str
    questions: Sequence[str]
    """Asked in turn; not empty."""
    rps: float
    seconds: float
    key: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What was seen, and the release that answered."""

    seen: LoadSeen
    release: Digest
    statuses: dict[int, int]
    """How often each HTTP status came; 0 is no answer at all."""


async def run_load(
    plan: LoadPlan,
    connections: Connections,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> LoadRun:
    """Offers the load and waits for the last answer; `progress` gets the requests sent so far.

    Raises `CannotMeasure` when one request beforehand is not answered, or when the
    release changes under the load.
    """
    asking = _Asking(plan, connections)
    release = await asking.release()
    seen = await asking.offer(progress)
    if await asking.release() != release:
        raise CannotMeasure("The release changed during the test: run it again.")
    return LoadRun(seen, release, asking.statuses)


class _Asking:
    def __init__(self, plan: LoadPlan, connections: Connections) -> None:
        # Marked, so that it is counted neither as use nor as cost of people.
        headers = [("content-type", "application/json"), ("x-passerelle-purpose", "load")]
        if plan.key:
            headers.append(("authorization", f"Bearer {plan.key}"))
        address = f"{plan.address.rstrip('/')}/v1/chat/completions"
        self._target: Target = target("POST", address, tuple(headers))
        self._bodies = [_body(plan.model, question) for question in plan.questions]
        self._deadlines = Deadlines(total=DEADLINE_SECONDS)
        self._plan = plan
        self._connections = connections
        self._latencies_ms: list[float] = []
        self.statuses: dict[int, int] = {}

    async def release(self) -> Digest:
        """Of an answer outside the load."""
        try:
            answer = await self._ask(0)
        except EgressFailed as fault:
            raise CannotMeasure(f"No answer from {self._plan.address}: {fault}") from fault
        if answer.status != OK:
            raise CannotMeasure(f"The first request was answered with {answer.status}.")
        try:
            return msgspec.json.decode(answer.body, type=_Answer).passerelle.release
        except msgspec.DecodeError as error:
            detail = f"{self._plan.address} does not answer like a gateway of ours."
            raise CannotMeasure(detail) from error

    async def offer(self, progress: Callable[[int], None]) -> LoadSeen:
        """Sends each request when it is due."""
        plan, loop = self._plan, asyncio.get_running_loop()
        offered = round(plan.rps * plan.seconds)
        started = loop.time() + _LEAD_SECONDS
        running: set[asyncio.Task[None]] = set()
        for number in range(offered):
            due = started + number / plan.rps
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            task = loop.create_task(self._one(number, due))
            running.add(task)
            task.add_done_callback(running.discard)
            progress(number + 1)
        await asyncio.gather(*running)
        return LoadSeen(offered, plan.seconds, self._latencies_ms)

    async def _one(self, number: int, due: float) -> None:
        try:
            status = (await self._ask(number)).status
        except EgressFailed:
            status = 0
        self.statuses[status] = self.statuses.get(status, 0) + 1
        elapsed = asyncio.get_running_loop().time() - due
        if status == OK and elapsed <= DEADLINE_SECONDS:
            self._latencies_ms.append(1_000 * elapsed)

    async def _ask(self, number: int) -> Response:
        body = self._bodies[number % len(self._bodies)]
        return await self._connections.request(self._target, body, deadlines=self._deadlines)


class _Provenance(msgspec.Struct):
    release: Digest


class _Answer(msgspec.Struct):
    passerelle: _Provenance


def _body(model: str, question: str) -> bytes:
    return msgspec.json.encode(
        {"model": model, "messages": [{"role": "user", "content": question}]}
    )
