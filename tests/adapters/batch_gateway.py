"""A gateway with files and batches, and the worker that works them off."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import openai

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.gateway.batch_lines import LineDesk
from passerelle.adapters.gateway.edge import EdgeLimits
from passerelle.adapters.providers.openai_style import OpenAIStyle
from passerelle.core.values.clock import SystemClock
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify, mint
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.batch_worker import BatchWorker
from passerelle.stories.serve.files import BatchParts
from passerelle.transport.egress.connections import Connections
from tests.adapters.canned import CannedServer, gateway_parts, running
from tests.adapters.upstream import Script, Upstream, upstream
from tests.stories.kitchen import PEPPER, SCOPE, Kitchen, OneUseCase, kitchen

CHAT: Final = "/v1/chat/completions"
RESPONSES: Final = "/v1/responses"
EMBEDDINGS: Final = "/v1/embeddings"
MOST_BYTES = 20_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """One use case, `fees`, one caller, and one worker that works when it is told to."""

    port: int
    kitchen: Kitchen
    upstream: Upstream
    worker: BatchWorker
    client: openai.AsyncOpenAI

    async def as_another(self) -> openai.AsyncOpenAI:
        """Another principal of the same organisation."""
        other = Principal("svc_2", "service", "other", SCOPE, frozenset({"end_user"}))
        key, record = mint(other, pepper=PEPPER, label="other", now_ms=0)
        await self.kitchen.store.keys.add(record)
        return self.client.with_options(api_key=key)

    async def upload(self, *lines: Row, purpose: Any = "batch") -> str:
        content = "\n".join(map(json.dumps, lines)).encode()
        file = await self.client.files.create(file=("q.jsonl", content), purpose=purpose)
        return file.id

    async def worked_off(self, endpoint: Any, *lines: Row) -> "Outcome":
        """A batch of these requests, brought to its end."""
        queued = await self.client.batches.create(
            input_file_id=await self.upload(*lines),
            endpoint=endpoint,
            completion_window="24h",
        )
        assert await self.worker.work_once()
        return await self.outcome(queued.id)

    async def outcome(self, batch_id: str) -> "Outcome":
        batch = await self.client.batches.retrieve(batch_id)
        return Outcome(
            batch, await self._rows(batch.output_file_id), await self._rows(batch.error_file_id)
        )

    async def _rows(self, file_id: str | None) -> list[Row]:
        if file_id is None:
            return []
        text = (await self.client.files.content(file_id)).text
        return [json.loads(row) for row in text.splitlines()]


@dataclass(frozen=True)
class Outcome:
    batch: openai.types.Batch
    answers: list[Row]
    errors: list[Row]


def line(name: str, endpoint: str, **body: object) -> Row:
    whole = {"model": "fees", **body}
    return {"custom_id": name, "method": "POST", "url": endpoint, "body": whole}


def question(name: str, text: str = "Which fees?", **body: object) -> Row:
    return line(name, CHAT, messages=[{"role": "user", "content": text}], **body)


@asynccontextmanager
async def batch_desk(script: Script) -> AsyncGenerator[Desk, None]:
    async with upstream(script) as there:
        provider = OpenAIStyle("replay", there.url, "sk-secret", Connections())
        it = await kitchen(provider=provider, documents={})
        deployment = replace(it.deployment, index=None, embedding=it.deployment.plan)
        parts = replace(it.parts, clock=SystemClock(), catalogue=OneUseCase(deployment))
        batches = BatchParts(
            it.store.files, it.store.batches, it.store.ledger, parts.clock, MOST_BYTES
        )

        def allow(credential: str, permission: Permission) -> Granted:
            now_ms = parts.clock.now_ms()
            principal = identify(credential, parts.keys, pepper=parts.pepper, now_ms=now_ms)
            return authorise(principal, permission)

        def gateway(_: CannedServer) -> GatewayParts:
            given = gateway_parts(
                CannedServer(), authorise=allow, batches=batches, limits=EdgeLimits(100_000)
            )
            return replace(given, server=Serving(parts))

        worker = BatchWorker(batches, LineDesk(Serving(parts), parts.clock), name="w1")
        async with running(CannedServer(), parts=gateway) as run:
            base = f"{run.url}/v1"
            async with openai.AsyncOpenAI(
                base_url=base, api_key=it.key, max_retries=0, timeout=5
            ) as client:
                yield Desk(run.port, replace(it, parts=parts), there, worker, client)
        await provider.close()
