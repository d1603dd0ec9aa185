"""`/v1/responses`: OpenAI's Responses API, with the responses that it keeps."""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs

from passerelle.adapters.gateway.admission import Authorise
from passerelle.adapters.gateway.conversations import Conversations, Read
from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.routes import Endpoint
from passerelle.core.values.chat import Completion, JsonObject, JsonValue, Message
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.count import TokenServer
from passerelle.stories.serve.exchange import Arrival, Server
from passerelle.stories.serve.recall import Keepsake, Recall, Recalled
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_responses import (
    ResponsesRequest,
    decode_request,
    kept_echo,
)
from passerelle.transport.wire.openai_responses_answers import (
    Frame,
    encode_deleted,
    encode_input_tokens,
    encode_item_list,
    encode_response,
    encode_unfinished,
    exchange_id,
    response_id,
)
from passerelle.transport.wire.openai_responses_items import encode_items
from passerelle.transport.wire.openai_responses_stream import ResponsesWriter
from passerelle.transport.wire.provenance import Provenance

PATH: Final = "/v1/responses"
_ONE: Final = PATH + "/{id}"
_JSON = ((b"content-type", b"application/json"),)
_ANSWERED: Final = 200
_MOST_LISTED: Final = 100
_LISTED: Final = 20
_NUMBER: Final = re.compile("[0-9]{1,3}")


class NothingRunsInTheBackground(InvalidRequest):
    """A response is made while its client waits: close the connection to cancel it."""

    code = "unsupported_value"


class NotCompacted(InvalidRequest):
    """Conversations are not compacted here: send the turns that matter."""

    code = "unsupported_value"


class NotReplayed(InvalidRequest):
    """A response that is over is not streamed again: retrieve it as a whole."""

    code = "unsupported_value"


class InvalidQuery(InvalidRequest):
    """A parameter of the query is not valid."""

    code = "invalid_value"


class ResponsesDialogue:
    """One request of the Responses API, with the conversation that it continues."""

    def __init__(
        self, request: ResponsesRequest, earlier: tuple[Message, ...], *, created: int
    ) -> None:
        whole = request.after(earlier)
        self.chat = whole.chat
        self.store = request.store
        self.recalled = range(request.instructed, request.instructed + len(earlier))
        self._request = request
        self._created = created

    @property
    def kept(self) -> JsonObject:
        request = self._request
        return Keepsake(
            model=request.chat.model,
            created=self._created,
            previous=exchange_id(request.previous_response_id),
            instructed=request.instructed,
            echo=kept_echo(request.echo),
        ).content()

    def name(self, exchange_id: str) -> str:
        return response_id(exchange_id)

    def whole(
        self, heading: Heading, completion: Completion, provenance: Provenance | None
    ) -> bytes:
        return encode_response(self._frame(heading), completion, provenance)

    def writer(self, heading: Heading) -> ResponsesWriter:
        return ResponsesWriter(self._frame(heading))

    def _frame(self, heading: Heading) -> Frame:
        return Frame(replace(heading, created=self._created), self._request.echo)


def reader(recall: Recall) -> Read:
    """Reads requests, and what they continue."""

    def read(body: bytes, request: Request) -> ResponsesDialogue:
        asked = decode_request(body)
        earlier: tuple[Message, ...] = ()
        if previous := asked.previous_response_id:
            earlier = recall.earlier(request.credential, exchange_id(previous))
        return ResponsesDialogue(asked, earlier, created=request.clock.now_ms() // 1_000)

    return read


class Responses:
    """Responses that were kept: retrieved, deleted, and their input listed."""

    def __init__(self, recall: Recall, *, authorise: Authorise) -> None:
        self._recall = recall
        self._authorise = authorise

    async def retrieve(self, request: Request) -> None:
        if _query(request).get("stream") == "true":
            raise NotReplayed(param="stream")
        await request.reply(200, _response(await self._recalled(request)), _JSON)

    async def input_items(self, request: Request) -> None:
        recalled = await self._recalled(request)
        await request.reply(200, _items(recalled, _query(request)), _JSON)

    async def delete(self, request: Request) -> None:
        name = request.parameters["id"]
        await self._recall.forget(request.credential, exchange_id(name))
        await request.reply(200, encode_deleted(name), _JSON)

    async def cancel(self, request: Request) -> None:
        self._authorise(request.credential, Permission.EXCHANGE_CREATE)
        raise NothingRunsInTheBackground

    async def compact(self, request: Request) -> None:
        self._authorise(request.credential, Permission.EXCHANGE_CREATE)
        raise NotCompacted

    async def _recalled(self, request: Request) -> Recalled:
        sought = exchange_id(request.parameters["id"])
        recalled = await self._recall.recall(request.credential, sought)
        request.exchange_id = recalled.exchange_id
        return recalled


class InputTokens:
    """Counts the tokens of a request that is not answered."""

    def __init__(self, read: Read, counter: TokenServer, *, limits: EdgeLimits) -> None:
        self._read = read
        self._counter = counter
        self._limits = limits

    async def __call__(self, request: Request) -> None:
        dialogue = self._read(await request.body(self._limits), request)
        counted = await self._counter.count(
            Arrival(dialogue.chat, request.credential, request.request_id, request.received_ns)
        )
        request.exchange_id = counted.exchange_id
        told = (b"x-passerelle-exchange", counted.exchange_id.encode())
        body = encode_input_tokens(counted.tokens, estimated=counted.estimated)
        await request.reply(200, body, (*_JSON, told))


def response_endpoints(
    server: Server,
    recall: Recall,
    counter: TokenServer,
    *,
    authorise: Authorise,
    limits: EdgeLimits,
    clock: Clock,
) -> tuple[Endpoint, ...]:
    read_request = reader(recall)
    create = Conversations(read_request, server, limits=limits, clock=clock)
    count = InputTokens(read_request, counter, limits=limits)
    kept = Responses(recall, authorise=authorise)
    ask, read = Permission.EXCHANGE_CREATE, Permission.EXCHANGE_READ_OWN
    return (
        Endpoint("POST", PATH, ask, create),
        Endpoint("POST", f"{PATH}/input_tokens", ask, count),
        Endpoint("POST", f"{PATH}/compact", ask, kept.compact),
        Endpoint("GET", _ONE, read, kept.retrieve),
        Endpoint("DELETE", _ONE, ask, kept.delete),
        Endpoint("POST", f"{_ONE}/cancel", ask, kept.cancel),
        Endpoint("GET", f"{_ONE}/input_items", read, kept.input_items),
    )


def _query(request: Request) -> dict[str, str]:
    given = parse_qs(request.query.decode("latin-1"))
    return {name: values[-1] for name, values in given.items()}


def _response(recalled: Recalled) -> bytes:
    keepsake = recalled.keepsake
    told = recalled.messages[0].text if keepsake.instructed and recalled.messages else None
    echo: dict[str, JsonValue] = {**keepsake.echo, "instructions": told}
    name = response_id(recalled.exchange_id)
    frame = Frame(Heading(name, keepsake.created, keepsake.model), echo)
    if recalled.status == _ANSWERED:
        return encode_response(frame, Completion((recalled.choice,), recalled.usage, ""), None)
    return encode_unfinished(frame, recalled.choice, recalled.usage, status=recalled.status)


def _items(recalled: Recalled, query: dict[str, str]) -> bytes:
    """The newest first, unless asked otherwise; without what it continues, which is kept there."""
    seed = recalled.exchange_id.partition("_")[2]
    items = encode_items(recalled.messages[recalled.keepsake.instructed :], f"{seed}_in")
    if query.get("order", "desc") != "asc":
        items.reverse()
    if after := query.get("after"):
        places = [place for place, item in enumerate(items) if item.get("id") == after]
        if not places:
            raise InvalidQuery("There is no item of that id.", param="after")
        items = items[places[0] + 1 :]
    limit = _limit(query)
    return encode_item_list(items[:limit], more=len(items) > limit)


def _limit(query: dict[str, str]) -> int:
    given = query.get("limit", str(_LISTED))
    if not _NUMBER.fullmatch(given) or not 1 <= int(given) <= _MOST_LISTED:
        raise InvalidQuery(f"It is a number from 1 to {_MOST_LISTED}.", param="limit")
    return int(given)
