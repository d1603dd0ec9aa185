"""`POST /v1/messages` and `POST /v1/messages/count_tokens`, as Anthropic's clients call them."""

from dataclasses import replace
from typing import Final

from passerelle.adapters.gateway.asgi import Headers
from passerelle.adapters.gateway.conversations import Conversations, PlainDialogue
from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.routes import Endpoint
from passerelle.core.values.chat import ChatRequest, Completion, JsonValue, Options
from passerelle.core.values.clock import Clock
from passerelle.domain.budgets.rates import RateStanding
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.count import Counted, TokenServer
from passerelle.stories.serve.exchange import Arrival, Server
from passerelle.transport.wire.anthropic_answers import (
    CountProvenance,
    encode_completion,
    encode_count,
)
from passerelle.transport.wire.anthropic_errors import encode_error
from passerelle.transport.wire.anthropic_messages import decode_countable, decode_request
from passerelle.transport.wire.anthropic_requests import BETAS
from passerelle.transport.wire.anthropic_stream_writer import MessagesWriter
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.provenance import Provenance, RouteObject

PATH: Final = "/v1/messages"
COUNT_PATH: Final = f"{PATH}/count_tokens"
_JSON = (b"content-type", b"application/json")
_BETA_HEADER: Final = b"anthropic-beta"


class MessagesDialogue(PlainDialogue):
    """One request of Anthropic Messages."""

    def whole(
        self, heading: Heading, completion: Completion, provenance: Provenance | None
    ) -> bytes:
        return encode_completion(heading, completion, provenance)

    def writer(self, heading: Heading) -> MessagesWriter:
        return MessagesWriter(heading, self.chat)


def read_messages(body: bytes, request: Request) -> MessagesDialogue:
    """Raises kin of `InvalidRequest` that name the parameter."""
    return MessagesDialogue(_opted_in(decode_request(body), request))


def _opted_in(chat: ChatRequest, request: Request) -> ChatRequest:
    """With the features that the client opted in to, where it uses what only Anthropic knows.

    Else the header changes nothing that was asked, and no provider is ruled out by it.
    """
    given = request.headers.get(_BETA_HEADER)
    if given is None or not _needs_anthropic(chat.options):
        return chat
    named = (each.strip() for each in given.decode("latin-1").split(","))
    extras: dict[str, JsonValue] = {**chat.options.extras, BETAS: [*filter(None, named)]}
    return replace(chat, options=replace(chat.options, extras=extras))


def _needs_anthropic(options: Options) -> bool:
    return bool(options.extras) or any(tool.kind != "function" for tool in options.tools)


class Messages(Conversations):
    """Names the request also as Anthropic's clients look for it."""

    def _told(self, request: Request, rates: RateStanding, upstream_ns: int) -> Headers:
        return (*super()._told(request, rates, upstream_ns), _named(request))


class TokenCount:
    """Counts the tokens of a request that is not answered."""

    def __init__(self, server: TokenServer, *, limits: EdgeLimits) -> None:
        self._server = server
        self._limits = limits

    async def __call__(self, request: Request) -> None:
        chat = _opted_in(decode_countable(await request.body(self._limits)), request)
        counted = await self._server.count(
            Arrival(chat, request.credential, request.request_id, request.received_ns)
        )
        request.exchange_id = counted.exchange_id
        body = encode_count(counted.tokens, _provenance(counted))
        told = (b"x-passerelle-exchange", counted.exchange_id.encode())
        await request.reply(200, body, (_JSON, told, _named(request)))


def _provenance(counted: Counted) -> CountProvenance:
    served = counted.served
    return CountProvenance(
        exchange_id=counted.exchange_id,
        usecase=served.usecase,
        stage=served.stage,
        release=served.release,
        route=RouteObject(served.provider, served.model),
        counted_by="estimate" if counted.estimated else "provider",
    )


def _named(request: Request) -> tuple[bytes, bytes]:
    return (b"request-id", request.request_id.encode())


def messages_endpoints(
    server: Server, counter: TokenServer, *, limits: EdgeLimits, clock: Clock
) -> tuple[Endpoint, ...]:
    create = Messages(read_messages, server, limits=limits, clock=clock)
    count = TokenCount(counter, limits=limits)
    ask = Permission.EXCHANGE_CREATE
    return (
        Endpoint("POST", PATH, ask, create, errors=encode_error),
        Endpoint("POST", COUNT_PATH, ask, count, errors=encode_error),
    )
