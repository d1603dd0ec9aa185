"""Google's models, by the Gemini API and by Vertex AI, which serves Anthropic's too."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import msgspec

from passerelle.adapters.providers.upstream_calls import Question, UpstreamCalls
from passerelle.adapters.providers.upstream_faults import (
    Identity,
    failure_of_status,
    failure_of_transport,
)
from passerelle.adapters.providers.vertex_models import CLAUDE, GEMINI, Place, Resource, resource
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    Inexpressible,
    ModelCall,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.jwt_bearer import JwtBearer, TokenRefused
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire import anthropic_errors
from passerelle.transport.wire.gemini_embeddings import ask_gemini, ask_vertex, decode_answer
from passerelle.transport.wire.gemini_errors import decode_error, retry_delay_seconds
from passerelle.transport.wire.gemini_requests import encode_request

_HEADERS: Final = (("content-type", "application/json"), ("user-agent", "passerelle"))
_KEY_HEADER: Final = "x-goog-api-key"
_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What would lead elsewhere in a path is no name."""
_PROJECT: Final = re.compile(r"\bprojects/[^/\s\"'`]+")
_UNAUTHENTICATED: Final = 401
_ANSWERS: Final = GEMINI.answers


class Gemini:
    """One key of the Gemini API. Keys and error bodies never leave this class."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None,
        connections: Connections,
        *,
        connect_seconds: float = 5.0,
    ) -> None:
        self._name = name
        self._base_url = base_url.rstrip("/")
        self._headers = _HEADERS + (((_KEY_HEADER, api_key),) if api_key else ())
        self._identity = (name, api_key or "")
        self._calls = UpstreamCalls(
            self._identity, connections, self._failure, connect_seconds=connect_seconds
        )
        target("POST", self._base_url, self._headers)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        return await self._calls.complete(self._question(call, GEMINI.whole), _ANSWERS, call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        question = self._question(call, GEMINI.streamed)
        async with aclosing(self._calls.stream(question, _ANSWERS, call)) as pieces:
            async for piece in pieces:
                yield piece

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        call = replace(call, model=call.model.removeprefix("models/"))
        asking = ask_gemini(call)
        where = self._target(call.model, asking.verb)
        questions = [Question(where, body, call.deadline_seconds) for body in asking.bodies]
        return await self._calls.embed(questions, decode_answer, call)

    async def close(self) -> None:
        await self._calls.close()

    def _question(self, call: ModelCall, verb: str) -> Question:
        body = encode_request(call, combines_tools=True)
        return Question(self._target(call.model, verb), body, call.deadline_seconds)

    def _target(self, model: str, verb: str) -> Target:
        name = model.removeprefix("models/")
        if not _MODEL.fullmatch(name):
            raise ProviderMisconfigured(f"Provider `{self._name}` does not know the model.")
        return target("POST", f"{self._base_url}/models/{name}:{verb}", self._headers)

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailed:
        return failure_of_google(status, headers, body, self._identity)


class Vertex:
    """One project of Vertex AI. Keys, tokens and error bodies never leave this class."""

    def __init__(
        self,
        name: str,
        place: Place,
        credentials: JwtBearer | str,
        connections: Connections,
        *,
        connect_seconds: float = 5.0,
    ) -> None:
        """`credentials` are a service account's tokens, or an API key."""
        self._name = name
        self._place = place
        key = credentials if isinstance(credentials, str) else ""
        self._tokens = credentials if isinstance(credentials, JwtBearer) else None
        self._headers = _HEADERS + (((_KEY_HEADER, key),) if key else ())
        self._identity = (name, key)
        self._token = ""
        self._calls = UpstreamCalls(
            self._identity, connections, self._failure, connect_seconds=connect_seconds
        )
        target("POST", place.url(resource("gemini", provider=name), GEMINI.whole), self._headers)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        model = self._resource(call.model)
        body = model.format.encode(call, False)
        question = await self._question(model, model.format.whole, body, call.deadline_seconds)
        return await self._calls.complete(question, model.format.answers, call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        model = self._resource(call.model)
        body = model.format.encode(call, True)
        question = await self._question(model, model.format.streamed, body, call.deadline_seconds)
        async with aclosing(self._calls.stream(question, model.format.answers, call)) as pieces:
            async for piece in pieces:
                yield piece

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        model = self._resource(call.model)
        if model.format is CLAUDE:
            raise Inexpressible("The model embeds nothing.", param="model")
        asking = ask_vertex(replace(call, model=model.path.rpartition("/")[2]))
        first = await self._question(model, asking.verb, b"", call.deadline_seconds)
        questions = [replace(first, body=body) for body in asking.bodies]
        return await self._calls.embed(questions, decode_answer, call)

    async def close(self) -> None:
        if self._tokens is not None:
            await self._tokens.close()
        await self._calls.close()

    def _resource(self, model: str) -> Resource:
        return resource(model, provider=self._name)

    async def _question(self, model: Resource, verb: str, body: bytes, seconds: float) -> Question:
        where = target("POST", self._place.url(model, verb), self._headers)
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        headers = await self._authentication(seconds)
        left = max(0.001, seconds - (loop.time() - began_at))
        return Question(where, body, left, headers)

    async def _authentication(self, seconds: float) -> bytes:
        if self._tokens is None:
            return b""
        try:
            async with asyncio.timeout(seconds):
                self._token = await self._tokens.token()
        except TokenRefused as refused:
            message = f"Provider `{self._name}` gets no access token: {refused}."
            raise ProviderMisconfigured(message) from None
        except EgressFailed as failure:
            raise failure_of_transport(failure, self._name) from None
        except TimeoutError:
            raise ProviderTimedOut(f"Provider `{self._name}`.") from None
        return b"authorization: Bearer %s\r\n" % self._token.encode()

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailed:
        if status == _UNAUTHENTICATED and self._tokens is not None:
            self._tokens.forget(self._token)
        return failure_of_google(status, headers, body, self._identity)


def failure_of_google(
    status: int, headers: Mapping[str, str], body: bytes, identity: Identity
) -> ProviderFailed:
    """Errors of Anthropic's models come in Anthropic's envelope."""
    told = decode_error(body)
    if told.code is None:
        told = anthropic_errors.decode_error(body)
    delay = retry_delay_seconds(body)
    if delay is not None:
        headers = {**headers, "retry-after": str(delay)}
    means = told.code if isinstance(told.code, int) else status
    # Names of resources hold the project.
    words = msgspec.structs.replace(told, message=_PROJECT.sub("projects/***", told.message))
    return failure_of_status(means, headers, words, identity)
