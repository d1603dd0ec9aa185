"""One line of a batch, answered as the same request would be that came by itself."""

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from passerelle.adapters.gateway.answers import provenance_of
from passerelle.adapters.gateway.chat import ChatDialogue
from passerelle.adapters.gateway.conversations import Dialogue
from passerelle.adapters.gateway.embeddings import written
from passerelle.adapters.gateway.problems import Failed
from passerelle.adapters.gateway.responses import ResponsesDialogue
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest, Refusal
from passerelle.core.values.ids import new_id
from passerelle.domain.jobs.batches import Batch, BatchLine, LineAnswer
from passerelle.stories.serve.exchange import Arrival, EmbeddingArrival, Server
from passerelle.transport.wire.errors import encode_error
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_chat import decode_request as decode_chat
from passerelle.transport.wire.openai_embeddings import decode_request as decode_embeddings
from passerelle.transport.wire.openai_responses import decode_request as decode_response

_log = logging.getLogger("passerelle.batches")
_LATER: Final = frozenset({429, 503})
_QUOTA: Final = "insufficient_quota"
_WAIT_SECONDS: Final = 1.0


class NotInABatch(InvalidRequest):
    """A request of a batch cannot ask for this."""

    code = "unsupported_value"


class _Answer(Protocol):
    async def __call__(self, line: BatchLine, batch: Batch, request_id: str) -> bytes: ...


class LineDesk:
    """Implements serve's `AskLine` over the same serving story."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._answers: Mapping[str, _Answer] = {
            "/v1/chat/completions": self._chat,
            "/v1/responses": self._response,
            "/v1/embeddings": self._embed,
        }

    async def __call__(self, line: BatchLine, batch: Batch) -> LineAnswer:
        request_id = new_id("req", self._clock)
        status, wait = 200, None
        try:
            body = await self._answers[batch.endpoint](line, batch, request_id)
        except Refusal as refusal:
            status, body, wait = refusal.status, encode_error(refusal), _wait(refusal)
        except Exception:  # noqa: BLE001 - one line must not end the batch
            _log.exception("unexpected error", extra={"request_id": request_id})
            status, body = Failed.status, encode_error(Failed(f"Ask for request {request_id}."))
        return LineAnswer(line.number, line.custom_id, status, body, request_id, wait)

    async def _chat(self, line: BatchLine, batch: Batch, request_id: str) -> bytes:
        return await self._converse(ChatDialogue(decode_chat(line.body)), batch, request_id)

    async def _response(self, line: BatchLine, batch: Batch, request_id: str) -> bytes:
        asked = decode_response(line.body)
        if asked.previous_response_id:
            raise NotInABatch(param="previous_response_id")
        created = self._clock.now_ms() // 1_000
        return await self._converse(
            ResponsesDialogue(asked, (), created=created), batch, request_id
        )

    async def _converse(self, dialogue: Dialogue, batch: Batch, request_id: str) -> bytes:
        if dialogue.chat.stream:
            raise NotInABatch(param="stream")
        checked = await self._server.answer(
            Arrival(
                dialogue.chat,
                "",
                request_id,
                self._clock.monotonic_ns(),
                store=dialogue.store,
                kept=dialogue.kept,
                on_behalf_of=batch.key_id,
            )
        )
        heading = Heading(
            dialogue.name(checked.exchange_id),
            self._clock.now_ms() // 1_000,
            dialogue.chat.model,
        )
        return dialogue.whole(heading, checked.completion, provenance_of(checked))

    async def _embed(self, line: BatchLine, batch: Batch, request_id: str) -> bytes:
        asked = decode_embeddings(line.body)
        now_ns = self._clock.monotonic_ns()
        arrival = EmbeddingArrival(asked.request, "", request_id, now_ns, batch.key_id)
        return written(asked, await self._server.embed(arrival))


def _wait(refusal: Refusal) -> float | None:
    """Seconds after which it may be asked again; None where that cannot help."""
    if refusal.status not in _LATER or refusal.code == _QUOTA:
        return None
    return refusal.retry_after_seconds or _WAIT_SECONDS
