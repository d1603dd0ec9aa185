"""`/v1/responses`: OpenAI's Responses API, with the responses that it keeps."""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs

from passerelle.adapters.gateway.conversations import Conversations, Read
from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.probes import Authorise
from passerelle.adapters.gateway.problems import NoSuchEndpoint
from passerelle.adapters.gateway.routes import Endpoint
from passerelle.core.values.chat import Completion, JsonObject, JsonValue, Message
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.exchange import Server
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
_JSON = ((b"content-type", b"application/json"),)
_INPUT_ITEMS: Final = "input_items"
_CANCEL: Final = "cancel"
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

    async def get(self, request: Request) -> None:
        """`/v1/responses/{id}` and `/v1/responses/{id}/input_items`."""
        name, rest = _named(request)
        query = _query(request)
        if rest not in ("", _INPUT_ITEMS):
            raise NoSuchEndpoint
        if not rest and query.get("stream") == "true":
            raise NotReplayed(param="stream")
        recalled = await self._recall.recall(request.credential, exchange_id(name))
        request.exchange_id = recalled.exchange_id
        body = _items(recalled, query) if rest else _response(recalled)
        await request.reply(200, body, _JSON)

    async def delete(self, request: Request) -> None:
        name, rest = _named(request)
        if rest:
            raise NoSuchEndpoint
        await self._recall.forget(request.credential, exchange_id(name))
        await request.reply(200, encode_deleted(name), _JSON)

    async def cancel(self, request: Request) -> None:
        self._authorise(request.credential, Permission.EXCHANGE_CREATE)
        _, rest = _named(request)
        raise NothingRunsInTheBackground if rest == _CANCEL else NoSuchEndpoint

    async def compact(self, request: Request) -> None:
        self._authorise(request.credential, Permission.EXCHANGE_CREATE)
        raise NotCompacted


def response_endpoints(
    server: Server, recall: Recall, *, authorise: Authorise, limits: EdgeLimits, clock: Clock
) -> tuple[Endpoint, ...]:
    create = Conversations(reader(recall), server, limits=limits, clock=clock)
    kept = Responses(recall, authorise=authorise)
    return (
        Endpoint("POST", PATH, Permission.EXCHANGE_CREATE, create),
        Endpoint("POST", f"{PATH}/compact", Permission.EXCHANGE_CREATE, kept.compact),
        Endpoint("POST", f"{PATH}/*", Permission.EXCHANGE_CREATE, kept.cancel),
        Endpoint("GET", f"{PATH}/*", Permission.EXCHANGE_READ_OWN, kept.get),
        Endpoint("DELETE", f"{PATH}/*", Permission.EXCHANGE_CREATE, kept.delete),
    )


def _named(request: Request) -> tuple[str, str]:
    """The id in the path, and what stands behind it."""
    name, _, rest = request.path.removeprefix(f"{PATH}/").partition("/")
    return name, rest


def _query(request: Request) -> dict[str, str]:
    given = parse_qs(request.scope.get("query_string", b"").decode("latin-1"))
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
