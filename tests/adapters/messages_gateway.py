"""The real listener and the real serving story, over a provider that a test scripts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anthropic
import openai

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.gateway.edge import EdgeLimits
from passerelle.adapters.providers.anthropic import Anthropic
from passerelle.adapters.providers.openai_style import OpenAIStyle
from passerelle.core.values.clock import SystemClock
from passerelle.core.values.ids import digest_of
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.keys import identify as identify_key
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.providers import Provider
from passerelle.stories.serve.answer import Serving
from passerelle.transport.egress.connections import Connections
from tests.adapters.canned import CannedServer, Running, gateway_parts, running
from tests.adapters.upstream import Script, Upstream, upstream
from tests.stories.kitchen import Kitchen, OneUseCase, kitchen

MODEL = "fees"
SILENT = PromptVersion(digest_of("silent"), "v1", "", 0, 3, 0.3, "I do not know.")
"""Adds nothing to what the client says, so that a test sees exactly that."""


@dataclass(frozen=True)
class Served:
    """A gateway with one use case, `fees`, and one caller."""

    running: Running
    kitchen: Kitchen
    upstream: Upstream

    @property
    def url(self) -> str:
        return self.running.url

    def anthropic(self, **settings: Any) -> anthropic.AsyncAnthropic:
        given: dict[str, Any] = {
            "api_key": self.kitchen.key,
            "max_retries": 0,
            "timeout": 5,
        } | settings
        return anthropic.AsyncAnthropic(base_url=self.url, **given)

    def openai(self, **settings: Any) -> openai.AsyncOpenAI:
        given: dict[str, Any] = {
            "api_key": self.kitchen.key,
            "max_retries": 0,
            "timeout": 5,
        } | settings
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", **given)


@asynccontextmanager
async def over_anthropic(script: Script, **setup: Any) -> AsyncGenerator[Served, None]:
    async with upstream(script) as there:
        provider = Anthropic("replay", there.url, "sk-ant-secret", Connections())
        async with _serving(provider, there, setup) as served:
            yield served


@asynccontextmanager
async def over_openai(script: Script, **setup: Any) -> AsyncGenerator[Served, None]:
    async with upstream(script) as there:
        provider = OpenAIStyle("replay", there.url, "sk-secret", Connections())
        async with _serving(provider, there, setup) as served:
            yield served


@asynccontextmanager
async def _serving(
    provider: Provider, there: Upstream, setup: dict[str, Any]
) -> AsyncGenerator[Served, None]:
    it = await kitchen(provider=provider, documents={}, **setup)
    plan = it.deployment.plan
    quiet = replace(it.deployment, prompt=SILENT, index=None, embedding=plan)
    parts = replace(it.parts, clock=SystemClock(), catalogue=OneUseCase(quiet))
    limits = EdgeLimits(body_bytes=100_000)

    def allow(credential: str, permission: Permission) -> object:
        now_ms = parts.clock.now_ms()
        principal = identify_key(credential, parts.keys, pepper=parts.pepper, now_ms=now_ms)
        return authorise(principal, permission)

    def gateway(_: CannedServer) -> GatewayParts:
        serving = Serving(parts)
        given = gateway_parts(CannedServer(), authorise=allow, limits=limits)
        return replace(given, server=serving, counter=serving)

    async with running(CannedServer(), parts=gateway) as run:
        yield Served(run, replace(it, parts=parts), there)
    await provider.close()
